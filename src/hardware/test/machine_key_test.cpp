// SPDX-License-Identifier: Apache-2.0
#include "accel/hardware/machine_key.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace accel::hardware {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

CpuInfo epyc() {
  CpuInfo cpu;
  cpu.architecture = "x86_64";
  cpu.model = "AMD EPYC";
  cpu.isa = {"avx2", "fma"};
  cpu.usable_cpus = {0, 1};
  cpu.usable_threads = 2;
  cpu.memory_total_bytes = cpu.memory_usable_bytes = 24ULL << 30U;
  return cpu;
}

PlatformReport cuda() {
  PlatformReport report;
  report.platform = Platform::cuda;
  report.driver = {true, "", {{"cuda_version", "12.4"}}};
  report.devices = {{"cuda:0", "GPU", 80ULL << 30U, false, {}}};
  return report;
}

std::string key(const CpuInfo& cpu, const PlatformReport& report = cuda()) {
  return machine_key_text(cpu, {report}, {{"onnxruntime", "1.31.1"}});
}

TEST(MachineKey, is_the_same_for_the_same_machine_whatever_the_order_and_the_moment) {
  CpuInfo other = epyc();
  other.isa = {"fma", "avx2"};
  other.memory_available_bytes = 12345;
  other.memory_usable_bytes += 1000;
  PlatformReport report = cuda();
  report.canary.ok = true;
  report.reason = "whatever";
  EXPECT_EQ(key(epyc()), key(other, report));
  PlatformReport cpu_report;
  EXPECT_EQ(machine_key_text(epyc(), {cuda(), cpu_report}, {}),
            machine_key_text(epyc(), {cpu_report, cuda()}, {}));
}

TEST(MachineKey, changes_with_what_changes_choices) {
  const std::string base = key(epyc());
  CpuInfo fewer = epyc();
  fewer.usable_threads = 1;
  EXPECT_NE(key(fewer), base);
  CpuInfo quota = epyc();
  quota.cgroup.cpu_quota = 1.5;
  EXPECT_NE(key(quota), base);
  CpuInfo memory = epyc();
  memory.memory_usable_bytes /= 2;
  EXPECT_NE(key(memory), base);
  CpuInfo isa = epyc();
  isa.isa.push_back("avx512f");
  EXPECT_NE(key(isa), base);
  PlatformReport driver = cuda();
  driver.driver.evidence["cuda_version"] = "12.6";
  EXPECT_NE(key(epyc(), driver), base);
  PlatformReport device = cuda();
  device.devices[0].name = "another";
  EXPECT_NE(key(epyc(), device), base);
  EXPECT_NE(machine_key_text(epyc(), {cuda()}, {{"onnxruntime", "1.32"}}), base);
}

TEST(MachineKey, leaves_out_drivers_that_do_not_work) {
  PlatformReport broken = cuda();
  broken.driver.ok = false;
  EXPECT_THAT(key(epyc(), broken), Not(HasSubstr("cuda.driver")));
}

TEST(MachineKey, keeps_a_hostile_device_name_on_its_line) {
  PlatformReport report = cuda();
  report.devices[0].name = "x\nengine.onnxruntime=9";
  EXPECT_THAT(key(epyc(), report), Not(HasSubstr("\nengine.onnxruntime=9")));
}

}  // namespace
}  // namespace accel::hardware
