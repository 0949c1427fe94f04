// SPDX-License-Identifier: Apache-2.0
#include "accel/hardware/platform.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "accel/core/random.hpp"

namespace accel::hardware {
namespace {

using ::testing::HasSubstr;

PlatformReport working_cuda() {
  PlatformReport report;
  report.platform = Platform::cuda;
  report.driver = {true, "", {{"version", "550.54"}}};
  report.device = {true, "", {}};
  report.runtime = {true, "", {{"library", "/lib/x.so"}}};
  report.canary = {true, "", {{"error", "1e-7"}}};
  report.devices = {{"cuda:0", "GPU", 1024, false, {{"pci", "0000:17:00.0"}}}};
  return report;
}

TEST(Platform, reads_back_every_name) {
  for (const Platform platform : kAllPlatforms) {
    EXPECT_EQ(platform_from_name(platform_name(platform)).value(), platform);
  }
  EXPECT_THAT(platform_from_name("tpu").error().message, HasSubstr("qualcomm"));
}

TEST(Platform, is_available_only_when_the_canary_ran) {
  PlatformReport report = working_cuda();
  summarize(report);
  EXPECT_TRUE(report.available());
  EXPECT_EQ(report.reason, "");
  report.canary = {false, "The canary differs from the CPU by 0.3.", {}};
  summarize(report);
  EXPECT_FALSE(report.available());
  EXPECT_EQ(report.reason, "The canary differs from the CPU by 0.3.");
}

TEST(Platform, gives_the_first_missing_part_as_the_reason) {
  PlatformReport report = working_cuda();
  report.canary = {false, "canary", {}};
  report.runtime = {false, "runtime", {}};
  summarize(report);
  EXPECT_EQ(report.reason, "runtime");
  report.driver = {false, "driver", {}};
  summarize(report);
  EXPECT_EQ(report.reason, "driver");
}

TEST(Platform, is_emulated_only_when_all_its_devices_are) {
  PlatformReport report = working_cuda();
  report.devices.push_back({"cuda:1", "simulator", 0, true, {}});
  summarize(report);
  EXPECT_FALSE(report.emulated);
  report.devices.erase(report.devices.begin());
  summarize(report);
  EXPECT_TRUE(report.emulated);
}

TEST(Platform, is_untested_where_no_such_device_was_met_and_says_of_which) {
  for (const Platform met : {Platform::cpu, Platform::openvino}) {
    EXPECT_EQ(untested_reason(met), "") << platform_name(met);
  }
  for (const Platform unmet : {Platform::cuda, Platform::rocm, Platform::mps, Platform::qualcomm,
                               Platform::webgpu, Platform::webnn}) {
    EXPECT_TRUE(untested_reason(unmet).ends_with(".")) << platform_name(unmet);
  }
  EXPECT_NE(untested_reason(Platform::cuda).find("NVIDIA"), std::string_view::npos);
}

TEST(Platform, collects_evidence_under_the_name_of_its_part) {
  const auto evidence = all_evidence(working_cuda());
  EXPECT_EQ(evidence.at("driver.version"), "550.54");
  EXPECT_EQ(evidence.at("canary.error"), "1e-7");
}

TEST(Platform, reads_back_the_json_it_writes) {
  PlatformReport report = working_cuda();
  summarize(report);
  PlatformReport other;
  other.platform = Platform::webnn;
  other.reason = "line\nbreak and \"quotes\"";
  const std::string text = to_json_text({report, other});
  const auto read = reports_from_json_text(text);
  ASSERT_TRUE(read);
  EXPECT_EQ(to_json_text(*read), text);
  EXPECT_EQ((*read)[0].devices[0].properties.at("pci"), "0000:17:00.0");
  EXPECT_EQ((*read)[1].reason, other.reason);
}

TEST(Platform, writes_names_that_are_no_utf8_without_throwing) {
  PlatformReport report;
  report.devices = {{"x", "bad \xC0\xFF name", 0, false, {}}};
  EXPECT_TRUE(reports_from_json_text(to_json_text({report})));
}

TEST(Platform, refuses_text_that_is_no_list_of_reports) {
  for (const char* text : {"", "{}", "[1]", "[{\"platform\":\"tpu\"}]", "[{", "null"}) {
    EXPECT_EQ(reports_from_json_text(text).error().code, Errc::corrupt) << text;
  }
}

TEST(Platform, reads_reports_with_members_of_wrong_types_as_reports_with_holes) {
  const auto read = reports_from_json_text(
      R"([{"platform":"cuda","driver":3,"device":{"ok":"yes","evidence":[1]},
           "devices":[5,{"memory_bytes":-1,"name":7}]}])");
  ASSERT_TRUE(read);
  EXPECT_FALSE(read->front().device.ok);
  ASSERT_EQ(read->front().devices.size(), 1U);
  EXPECT_EQ(read->front().devices[0].memory_bytes, 0U);
}

TEST(Platform, survives_random_damage_to_its_json) {
  constexpr std::uint64_t kSeed = 7;
  SeededRandom random(kSeed);
  const std::string text = to_json_text({working_cuda()});
  for (int round = 0; round < 3000; ++round) {
    std::string damaged = text;
    for (int hits = 0; hits < 4; ++hits) {
      damaged[random.below(damaged.size())] = static_cast<char>(random.below(256));
    }
    (void)reports_from_json_text(damaged);
  }
}

}  // namespace
}  // namespace accel::hardware
