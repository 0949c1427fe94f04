// SPDX-License-Identifier: Apache-2.0
// All parsers of kernel text, and of the JSON by which a probe's child process answers. The first
// byte chooses the parser.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "accel/hardware/cgroup.hpp"
#include "accel/hardware/platform.hpp"
#include "accel/hardware/procfs.hpp"

namespace {

using namespace accel::hardware;

void check(bool holds) {
  if (!holds) std::abort();
}

void fuzz_lists(std::string_view text) {
  if (const auto cpus = procfs::parse_cpu_list(text)) {
    check(cpus->size() <= static_cast<std::size_t>(procfs::kMaxCpus));
    for (std::size_t i = 1; i < cpus->size(); ++i) check((*cpus)[i - 1] < (*cpus)[i]);
  }
  (void)procfs::parse_size(text);
  (void)procfs::parse_number(text);
  (void)procfs::parse_schedstat(text);
}

void fuzz_groups(std::string_view text) {
  const auto groups = cgroup::parse_membership(text);
  for (const cgroup::Mount& mount : cgroup::parse_mounts(text)) {
    for (const cgroup::Membership& group : groups) {
      const auto folder = cgroup::group_folder(mount, group.path);
      check(!folder || folder->starts_with(mount.mount_point));
    }
  }
}

void fuzz_limits(std::string_view text) {
  const auto quota = cgroup::parse_cpu_max(text);
  check(!quota || !*quota || **quota > 0);
  (void)cgroup::parse_byte_limit(text);
  const std::size_t half = text.size() / 2;
  (void)cgroup::parse_cfs_quota(text.substr(0, half), text.substr(half));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data + 1), size - 1);
  switch (data[0] % 8) {
    case 0:
      fuzz_lists(text);
      break;
    case 1: {
      const auto info = procfs::parse_cpuinfo(text);
      check(!info || info->processors > 0);
      break;
    }
    case 2:
      (void)procfs::parse_meminfo(text);
      break;
    case 3: {
      const auto stat = procfs::parse_stat(text);
      check(!stat || !stat->empty());
      break;
    }
    case 4:
      (void)procfs::parse_properties(text);
      (void)procfs::parse_nvidia_version(text);
      break;
    case 5:
      fuzz_groups(text);
      break;
    case 6:
      fuzz_limits(text);
      break;
    default:
      if (const auto reports = reports_from_json_text(text)) {
        check(reports_from_json_text(to_json_text(*reports)).has_value());
      }
  }
  return 0;
}
