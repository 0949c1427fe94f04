// SPDX-License-Identifier: Apache-2.0
#include "accel/inference/canary.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <limits>

namespace accel::inference {
namespace {

using hardware::Platform;
using hardware::PlatformReport;
using tensor::Tensor;

// A device under the test's control behind the Backend seam: it answers the canary as told.
using Answer = std::function<Result<Tensor>(std::int64_t batch)>;

class ScriptedSession final : public Session {
 public:
  explicit ScriptedSession(Answer answer) : answer_(std::move(answer)) {}
  const std::vector<TensorSpec>& inputs() const override { return specs_; }
  const std::vector<TensorSpec>& outputs() const override { return specs_; }
  const SessionInfo& info() const override { return info_; }
  Result<std::vector<Tensor>> run(std::span<const NamedTensor> inputs, std::span<const std::string>,
                                  const RunOptions&) override {
    ACCEL_TRY(Tensor answer, answer_(inputs[0].value->shape()[0]));
    std::vector<Tensor> outputs;
    outputs.push_back(std::move(answer));
    return outputs;
  }

 private:
  Answer answer_;
  std::vector<TensorSpec> specs_;
  SessionInfo info_{"scripted", "1.0", "", "f32", 1, "memory", false};
};

class ScriptedBackend final : public Backend {
 public:
  ScriptedBackend(std::vector<EngineDevice> devices, Answer answer) : answer_(std::move(answer)) {
    info_.engine = "scripted";
    info_.devices = std::move(devices);
  }
  std::string_view name() const override { return "scripted"; }
  std::string stamp() const override { return "none"; }
  Status load() override { return {}; }
  Result<BackendInfo> probe() override { return info_; }
  Result<std::unique_ptr<Session>> open(const std::filesystem::path&,
                                        const SessionOptions&) override {
    return fail(Errc::unsupported, "There are no files here.");
  }
  Result<std::unique_ptr<Session>> open_bytes(ByteView, const SessionOptions& options) override {
    EXPECT_FALSE(options.cpu_fallback) << "a canary must not run on the CPU in place of its device";
    return std::unique_ptr<Session>(std::make_unique<ScriptedSession>(answer_));
  }
  BackendInfo info_;

 private:
  Answer answer_;
};

EngineDevice device(std::string id, Platform platform, bool emulated = false) {
  return {std::move(id), "a device", "a provider", platform, emulated};
}

Result<Tensor> off_by(float error, std::int64_t batch) {
  Tensor answer = canary_answer(batch);
  answer.mutable_data<float>()[3] += error;
  return answer;
}

std::vector<PlatformReport> all_platforms() {
  std::vector<PlatformReport> reports;
  for (const Platform platform : hardware::kAllPlatforms) {
    reports.emplace_back().platform = platform;
    reports.back().driver.ok = reports.back().device.ok = reports.back().runtime.ok = true;
    reports.back().canary.reason = "not run";
  }
  return reports;
}

PlatformReport fill_one(Platform platform, Backend& backend) {
  std::vector<PlatformReport> reports(1);
  reports[0].platform = platform;
  Backend* backends[] = {&backend};
  EXPECT_TRUE(fill_canaries(reports, backends));
  return reports[0];
}

TEST(Canary, its_model_is_the_same_on_every_call_and_small) {
  EXPECT_EQ(canary_model(), canary_model());
  EXPECT_LT(canary_model().size(), 1024U);
}

TEST(Canary, its_answer_has_zeros_and_positive_values) {
  const Tensor answer = canary_answer(3);
  const auto values = answer.data<float>();
  EXPECT_GT(std::ranges::count(values, 0.0F), 2);
  EXPECT_GT(std::ranges::count_if(values, [](float value) { return value > 0.1F; }), 2);
}

TEST(Canary, a_device_within_the_tolerance_passes_and_the_error_is_told) {
  ScriptedBackend backend({}, [](std::int64_t batch) { return off_by(0.01F, batch); });
  const CanaryResult result = run_canary(backend, device("gpu", Platform::webgpu)).value();
  EXPECT_NEAR(result.max_error, 0.01, 1e-6);
}

TEST(Canary, a_device_that_computes_wrongly_is_corrupt) {
  ScriptedBackend backend({}, [](std::int64_t batch) { return off_by(0.5F, batch); });
  const auto result = run_canary(backend, device("gpu", Platform::webgpu));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Errc::corrupt);
}

TEST(Canary, a_device_that_answers_not_a_number_or_another_shape_fails) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  ScriptedBackend not_a_number({}, [&](std::int64_t batch) { return off_by(nan, batch); });
  EXPECT_EQ(run_canary(not_a_number, device("x", Platform::cuda)).error().code, Errc::corrupt);
  ScriptedBackend shape(
      {}, [](std::int64_t batch) -> Result<Tensor> { return canary_answer(batch + 1); });
  EXPECT_EQ(run_canary(shape, device("x", Platform::cuda)).error().code, Errc::corrupt);
}

TEST(FillCanaries, a_platform_with_a_good_device_becomes_available_with_evidence) {
  ScriptedBackend backend({device("cuda:0", Platform::cuda)}, canary_answer);
  const PlatformReport report = fill_one(Platform::cuda, backend);
  EXPECT_TRUE(report.available());
  EXPECT_FALSE(report.emulated);
  EXPECT_EQ(report.canary.evidence.at("device"), "cuda:0");
  EXPECT_EQ(report.canary.evidence.at("engine"), "scripted");
  EXPECT_EQ(report.canary.evidence.at("provenance"), "measured");
}

TEST(FillCanaries, evidence_of_an_untested_device_says_that_it_is_and_why) {
  EngineDevice unmet = device("gpu.0", Platform::openvino);
  unmet.untested = "No such device was met.";
  ScriptedBackend backend({unmet}, canary_answer);
  const auto evidence = fill_one(Platform::openvino, backend).canary.evidence;
  EXPECT_EQ(evidence.at("untested"), "No such device was met.");
  ScriptedBackend met({device("cpu", Platform::openvino)}, canary_answer);
  EXPECT_FALSE(fill_one(Platform::openvino, met).canary.evidence.contains("untested"));
}

TEST(FillCanaries, an_emulated_device_says_so_on_the_platform) {
  ScriptedBackend backend({device("qualcomm", Platform::qualcomm, true)}, canary_answer);
  const PlatformReport report = fill_one(Platform::qualcomm, backend);
  EXPECT_TRUE(report.available());
  EXPECT_TRUE(report.emulated);
  EXPECT_EQ(report.canary.evidence.at("provenance"), "simulated");
}

TEST(FillCanaries, a_real_device_speaks_for_the_platform_before_an_emulated_one) {
  ScriptedBackend backend(
      {device("soft", Platform::webgpu, true), device("hard", Platform::webgpu)}, canary_answer);
  const PlatformReport report = fill_one(Platform::webgpu, backend);
  EXPECT_EQ(report.canary.evidence.at("device"), "hard");
  EXPECT_FALSE(report.emulated);
}

TEST(FillCanaries, a_wrong_answer_leaves_the_platform_unavailable_with_the_reason) {
  ScriptedBackend backend({device("cuda:0", Platform::cuda)},
                          [](std::int64_t batch) { return off_by(1.0F, batch); });
  const PlatformReport report = fill_one(Platform::cuda, backend);
  EXPECT_FALSE(report.available());
  EXPECT_NE(report.canary.reason.find("computes wrongly"), std::string::npos)
      << report.canary.reason;
}

TEST(FillCanaries, every_platform_without_a_device_gets_a_reason_that_says_what_to_do) {
  std::vector<PlatformReport> reports = all_platforms();
  ASSERT_TRUE(fill_canaries(reports, {}));
  for (const PlatformReport& report : reports) {
    EXPECT_FALSE(report.available());
    EXPECT_GT(report.canary.reason.size(), 60U) << report.canary.reason;
    EXPECT_EQ(report.reason, report.canary.reason);
  }
}

TEST(FillCanaries, a_stop_is_cancelled) {
  ScriptedBackend backend({device("cpu", Platform::cpu)}, canary_answer);
  std::vector<PlatformReport> reports = all_platforms();
  Backend* backends[] = {&backend};
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(fill_canaries(reports, backends, stop.get_token()).error().code, Errc::cancelled);
}

TEST(FillCanaries, the_installed_engines_make_the_cpu_available) {
  const auto ort = make_onnxruntime_backend();
  const auto openvino = make_openvino_backend();
  if (!ort->probe()) GTEST_SKIP() << ort->probe().error().to_string();
  std::vector<PlatformReport> reports = all_platforms();
  Backend* backends[] = {ort.get(), openvino.get()};
  ASSERT_TRUE(fill_canaries(reports, backends));
  EXPECT_TRUE(reports.at(0).available()) << reports.at(0).reason;
  EXPECT_EQ(reports.at(0).canary.evidence.at("engine"), "onnxruntime");
  const auto row = std::ranges::find(reports, Platform::openvino, &PlatformReport::platform);
  EXPECT_EQ(row->available(), openvino->probe().has_value()) << row->reason;
}

}  // namespace
}  // namespace accel::inference
