// SPDX-License-Identifier: Apache-2.0
#pragma once
// Control groups: which limits this process is under. Pure parsers of their files, and the walk
// that reads them below a root. Used by cpu_info(). Formats: cgroups(7), Documentation/admin-guide/
// cgroup-v2.rst and cgroup-v1/, proc_pid_mountinfo(5).

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "accel/core/result.hpp"
#include "accel/hardware/cpu_info.hpp"

namespace accel::hardware::cgroup {

inline constexpr std::size_t kMaxMounts = 65536;
inline constexpr std::size_t kMaxDepth = 64;  // Groups on the way up to the root.

// One line of /proc/self/cgroup: "4:memory:/user.slice"; version 2 has hierarchy 0 and no
// controllers.
struct Membership {
  std::vector<std::string> controllers;
  std::string path;
};
std::vector<Membership> parse_membership(std::string_view text);

// One cgroup mount of /proc/self/mountinfo. root: which part of the hierarchy is mounted here.
struct Mount {
  int version = 0;
  std::string root;
  std::string mount_point;
  std::vector<std::string> controllers;  // Version 1 only.
};
std::vector<Mount> parse_mounts(std::string_view text);

// cpu.max of version 2, "max 100000" or "150000 100000": CPUs, or nullopt for no quota.
Result<std::optional<double>> parse_cpu_max(std::string_view text);
// cpu.cfs_quota_us and cpu.cfs_period_us of version 1; -1 is no quota.
Result<std::optional<double>> parse_cfs_quota(std::string_view quota, std::string_view period);
// memory.max, memory.high, memory.limit_in_bytes: bytes, or nullopt for "max" and for the
// "unlimited" of version 1 (any value from 2^62 up).
Result<std::optional<std::uint64_t>> parse_byte_limit(std::string_view text);

// The folder of the group `path` below the mount, or nullopt when the mount does not show it.
std::optional<std::string> group_folder(const Mount& mount, std::string_view path);

// The tightest limits of this process's groups and all their ancestors.
CgroupLimits read_limits(const std::filesystem::path& root);

// What this process's groups and all their ancestors still allow: the least of limit - usage + what
// the group's files in the page cache hold and the kernel would give up first (inactive_file, as
// Kubernetes counts). nullopt: no group has a limit.
std::optional<std::uint64_t> read_memory_left(const std::filesystem::path& root);

}  // namespace accel::hardware::cgroup
