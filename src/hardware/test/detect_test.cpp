// SPDX-License-Identifier: Apache-2.0
// The probes against this machine and against libraries that behave like drivers (fake_drivers/).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "accel/hardware/platform.hpp"
#include "captured_tree.hpp"
#include "probes.hpp"

namespace accel::hardware {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

DetectOptions with_driver(const std::string& folder) {
  DetectOptions options;
  options.library_directories = {std::filesystem::path(ACCEL_FAKE_DRIVERS) / folder};
  return options;
}

PlatformReport report_of(Platform platform, const DetectOptions& options) {
  for (PlatformReport& report : detect(options)) {
    if (report.platform == platform) return report;
  }
  ADD_FAILURE() << "no row for " << platform_name(platform);
  return {};
}

TEST(Detect, reports_all_eight_platforms_in_their_order) {
  const auto reports = detect();
  ASSERT_EQ(reports.size(), kAllPlatforms.size());
  for (std::size_t i = 0; i < reports.size(); ++i) {
    EXPECT_EQ(reports[i].platform, kAllPlatforms[i]);
  }
}

TEST(Detect, gives_a_sentence_for_every_part_that_is_not_there) {
  for (const PlatformReport& report : detect()) {
    SCOPED_TRACE(platform_name(report.platform));
    EXPECT_FALSE(report.available()) << "nothing is available before its canary ran";
    EXPECT_THAT(report.reason, Not(IsEmpty()));
    for (const Probe* part : {&report.driver, &report.device, &report.runtime, &report.canary}) {
      EXPECT_EQ(part->ok, part->reason.empty()) << part->reason;
      EXPECT_TRUE(part->ok || part->reason.ends_with('.')) << part->reason;
    }
  }
}

TEST(Detect, finds_this_cpu_by_running_on_it) {
  const auto report = report_of(Platform::cpu, {});
  EXPECT_TRUE(report.driver.ok);
  EXPECT_TRUE(report.device.ok);
  ASSERT_EQ(report.devices.size(), 1U);
  EXPECT_THAT(report.devices[0].name, Not(IsEmpty()));
  EXPECT_GT(report.devices[0].memory_bytes, 0U);
  EXPECT_FALSE(report.emulated);
}

TEST(Detect, reads_version_and_devices_from_a_working_cuda_driver) {
  const auto report = report_of(Platform::cuda, with_driver("cuda_healthy"));
  EXPECT_TRUE(report.driver.ok) << report.driver.reason;
  EXPECT_EQ(report.driver.evidence.at("cuda_version"), "12.4");
  EXPECT_THAT(report.driver.evidence.at("library"), HasSubstr("cuda_healthy/libcuda.so.1"));
  ASSERT_EQ(report.devices.size(), 2U);
  EXPECT_EQ(report.devices[1].id, "cuda:1");
  EXPECT_THAT(report.devices[1].name, HasSubstr("Test GPU 1"));
  EXPECT_EQ(report.devices[0].memory_bytes, 80ULL << 30U);
  EXPECT_EQ(report.devices[0].properties.at("compute_capability"), "9.0");
  EXPECT_EQ(report.devices[0].properties.at("multiprocessors"), "132");
}

TEST(Detect, turns_a_crashing_cuda_driver_into_a_reason) {
  DetectOptions options = with_driver("cuda_crashes");
  CapturedTree tree;
  tree.write("proc/driver/nvidia/version",
             "NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.15  Tue\n");
  options.root = tree.root();
  const auto report = report_of(Platform::cuda, options);
  EXPECT_FALSE(report.driver.ok);
  EXPECT_THAT(report.reason, AllOf(HasSubstr("libcuda.so.1"), HasSubstr("crashed")));
  EXPECT_EQ(report.driver.evidence.at("kernel_module"), "550.54.15");
}

TEST(Detect, turns_a_hanging_cuda_driver_into_a_reason_after_the_deadline) {
  DetectOptions options = with_driver("cuda_hangs");
  options.deadline = std::chrono::seconds(2);
  const auto reports = detect(options);
  EXPECT_THAT(reports[1].reason, HasSubstr("did not finish within 2.0 s"));
  EXPECT_TRUE(reports[0].device.ok) << "the other platforms are unharmed";
}

TEST(Detect, explains_a_driver_without_a_gpu_and_a_stub_in_the_drivers_words) {
  EXPECT_THAT(report_of(Platform::cuda, with_driver("cuda_without_gpu")).reason,
              AllOf(HasSubstr("sees no NVIDIA GPU"), HasSubstr("CUDA error 100"),
                    HasSubstr("the driver's own words")));
  EXPECT_THAT(report_of(Platform::cuda, with_driver("cuda_stub")).reason,
              HasSubstr("stub of the CUDA toolkit"));
}

TEST(Detect, says_what_is_wrong_when_only_the_kernel_module_is_visible) {
  DetectOptions options;
  CapturedTree tree;
  tree.write("proc/driver/nvidia/version",
             "NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.15  Tue\n");
  options.root = tree.root();
  const auto report = detail::probe_cuda(options);
  if (report.driver.ok) GTEST_SKIP() << "this machine has the real driver";
  EXPECT_THAT(report.driver.reason, AllOf(HasSubstr("550.54.15"), HasSubstr("container")));
}

TEST(Detect, keeps_a_drivers_noise_away_from_our_output) {
  testing::internal::CaptureStdout();
  EXPECT_TRUE(report_of(Platform::cuda, with_driver("cuda_prints")).driver.ok);
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "");
}

TEST(Detect, names_software_vulkan_devices_emulated) {
  const auto report = report_of(Platform::webgpu, with_driver("vulkan"));
  EXPECT_EQ(report.driver.evidence.at("loader_version"), "1.3.250");
  ASSERT_EQ(report.devices.size(), 2U);
  EXPECT_EQ(report.devices[0].name, "Test GPU");
  EXPECT_EQ(report.devices[0].properties.at("type"), "discrete");
  EXPECT_EQ(report.devices[0].memory_bytes, 8ULL << 30U) << "device-local heaps only";
  EXPECT_FALSE(report.devices[0].emulated);
  EXPECT_TRUE(report.devices[1].emulated);
  EXPECT_FALSE(report.emulated) << "one of the two is real";
}

#if defined(__x86_64__)
TEST(Detect, names_the_htp_simulator_of_x86_emulated) {
  const auto report = report_of(Platform::qualcomm, with_driver("qnn"));
  EXPECT_TRUE(report.emulated);
  EXPECT_FALSE(report.driver.ok) << "a simulator has no driver";
  EXPECT_EQ(report.runtime.evidence.at("backend_api"), "5.35.1");
  EXPECT_EQ(report.reason, "The canary model was not run.") << "the driver is not what is missing";
}

TEST(Detect, misses_the_plug_in_that_reaches_a_qnn_library) {
  const auto report = report_of(Platform::qualcomm, with_driver("qnn_without_plugin"));
  EXPECT_TRUE(report.device.ok);
  EXPECT_FALSE(report.runtime.ok);
  EXPECT_THAT(report.reason, HasSubstr("libonnxruntime_providers_qnn.so"));
}
#endif

TEST(Detect, reads_amd_gpus_from_the_kernels_topology_and_their_names_from_hip) {
  CapturedTree tree;
  tree.write("dev/kfd", "");
  tree.write("sys/module/amdgpu/version", "6.8.5\n");
  const std::string nodes = "sys/class/kfd/kfd/topology/nodes/";
  tree.write(nodes + "0/properties", "cpu_cores_count 96\nsimd_count 0\n");
  tree.write(nodes + "1/properties", "simd_count 1216\ngfx_target_version 90402\n");
  tree.write(nodes + "1/mem_banks/0/properties", "heap_type 1\nsize_in_bytes 206141652992\n");
  DetectOptions options = with_driver("hip");
  options.root = tree.root();
  const auto report = detail::probe_rocm(options);
  EXPECT_TRUE(report.driver.ok);
  EXPECT_EQ(report.driver.evidence.at("kernel_module"), "6.8.5");
  ASSERT_EQ(report.devices.size(), 1U) << "a CPU node is no device";
  EXPECT_EQ(report.devices[0].properties.at("gfx"), "gfx942");
  EXPECT_EQ(report.devices[0].name, "AMD Instinct MI300X");
  EXPECT_EQ(report.devices[0].memory_bytes, 191ULL << 30U);
  EXPECT_THAT(report.runtime.reason, HasSubstr("onnxruntime-migraphx"));
}

TEST(Detect, says_that_metal_needs_macos_and_webnn_a_browser) {
  const auto reports = detect();
  EXPECT_THAT(reports[3].reason, HasSubstr("macOS"));
  EXPECT_THAT(reports[7].device.reason, HasSubstr("browser"));
}

TEST(Detect, finds_the_openvino_of_the_pinned_dependencies) {
  // oneTBB opens a helper with RTLD_DEEPBIND, which ends a process under ASan, unless told so.
  ::setenv("TBB_ENABLE_SANITIZERS", "1", 1);
  const auto report = report_of(Platform::openvino, {});
  if (!report.runtime.ok) GTEST_SKIP() << report.runtime.reason;
  EXPECT_THAT(report.runtime.evidence.at("version"), Not(IsEmpty()));
  ASSERT_FALSE(report.devices.empty());
  EXPECT_EQ(report.devices[0].id, "CPU");
}

// Its threads do not live on in a child, which would hang until the deadline.
TEST(Detect, asks_an_openvino_that_this_process_uses_already_without_a_child) {
  ::setenv("TBB_ENABLE_SANITIZERS", "1", 1);
  DetectOptions options;
  auto library = detail::open_vendor_library(options, {"libopenvino_c.so"}, "openvino");
  if (!library) GTEST_SKIP() << library.error().to_string();
  library->keep_loaded();
  ASSERT_TRUE(detail::probe_openvino(options).runtime.ok);  // Starts its threads.
  const auto report = report_of(Platform::openvino, options);
  EXPECT_TRUE(report.runtime.ok) << report.runtime.reason;
}

}  // namespace
}  // namespace accel::hardware
