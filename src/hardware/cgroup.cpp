// SPDX-License-Identifier: Apache-2.0
#include "accel/hardware/cgroup.hpp"

#include <algorithm>

#include "accel/hardware/procfs.hpp"
#include "kernel_file.hpp"
#include "text_lines.hpp"

namespace accel::hardware::cgroup {
namespace {

using detail::next_field;
using detail::next_line;
using detail::next_word;
namespace fs = std::filesystem;

std::vector<std::string> split_commas(std::string_view text) {
  std::vector<std::string> names;
  while (!text.empty()) {
    const std::string_view name = *next_field(text, ',');
    if (!name.empty()) names.emplace_back(name);
  }
  return names;
}

bool is_octal(char character) { return character >= '0' && character <= '7'; }

// mountinfo writes blank, tab, newline and backslash as \040, \011, \012, \134.
std::string unescape(std::string_view text) {
  std::string plain;
  plain.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool escaped = text[i] == '\\' && i + 3 < text.size() && text[i + 1] <= '3' &&
                         is_octal(text[i + 1]) && is_octal(text[i + 2]) && is_octal(text[i + 3]);
    if (!escaped) {
      plain.push_back(text[i]);
      continue;
    }
    const int code = (text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0');
    plain.push_back(static_cast<char>(code));
    i += 3;
  }
  return plain;
}

// One line: "36 35 98:0 ROOT MOUNT_POINT OPTIONS OPTIONAL... - TYPE SOURCE SUPER_OPTIONS".
std::optional<Mount> parse_mount(std::string_view line) {
  std::string_view rest = line;
  std::optional<std::string_view> fields[5];
  for (auto& field : fields) field = next_word(rest);
  const std::size_t dash = rest.find(" - ");
  if (!fields[4] || dash == std::string_view::npos) return std::nullopt;
  rest = rest.substr(dash + 3);
  const auto type = next_word(rest);
  const auto source = next_word(rest);
  if (!type || !source || (*type != "cgroup" && *type != "cgroup2")) return std::nullopt;
  Mount mount{*type == "cgroup2" ? 2 : 1, unescape(*fields[3]), unescape(*fields[4]), {}};
  if (mount.version == 1) mount.controllers = split_commas(procfs::trim(rest));
  return mount;
}

bool names(const std::vector<std::string>& list, std::string_view name) {
  return std::find(list.begin(), list.end(), name) != list.end();
}

// The folders from a group up to its mount point, the group first.
std::vector<fs::path> way_up(const fs::path& root, const Mount& mount, std::string_view path) {
  std::vector<fs::path> folders;
  const fs::path top = root / fs::path(mount.mount_point).relative_path();
  const auto group = group_folder(mount, path);
  fs::path folder = group ? root / fs::path(*group).relative_path() : top;
  while (folders.size() < kMaxDepth) {
    folders.push_back(folder);
    if (folder == top || !folder.has_parent_path()) break;
    folder = folder.parent_path();
  }
  return folders;
}

void tighten_cpu(CgroupLimits& limits, const Result<std::optional<double>>& quota,
                 const fs::path& file) {
  if (!quota || !*quota) return;
  if (limits.cpu_quota != 0 && limits.cpu_quota <= **quota) return;
  limits.cpu_quota = **quota;
  limits.cpu_source = file.string();
}

void tighten_memory(CgroupLimits& limits, const fs::path& file) {
  const auto text = detail::read_kernel_file(file);
  if (!text) return;
  const auto bytes = parse_byte_limit(*text);
  if (!bytes || !*bytes) return;
  if (limits.memory_bytes != 0 && limits.memory_bytes <= **bytes) return;
  limits.memory_bytes = **bytes;
  limits.memory_source = file.string();
}

void read_group(CgroupLimits& limits, const Mount& mount, const fs::path& folder) {
  if (mount.version == 2) {
    const fs::path file = folder / "cpu.max";
    if (const auto text = detail::read_kernel_file(file)) {
      tighten_cpu(limits, parse_cpu_max(*text), file);
    }
    tighten_memory(limits, folder / "memory.max");
    tighten_memory(limits, folder / "memory.high");
    return;
  }
  const fs::path file = folder / "cpu.cfs_quota_us";
  const auto quota = detail::read_kernel_file(file);
  const auto period = detail::read_kernel_file(folder / "cpu.cfs_period_us");
  if (quota && period) tighten_cpu(limits, parse_cfs_quota(*quota, *period), file);
  tighten_memory(limits, folder / "memory.limit_in_bytes");
}

std::optional<std::uint64_t> limit_in(const fs::path& file) {
  const auto text = detail::read_kernel_file(file);
  const auto bytes = text ? parse_byte_limit(*text) : Result<std::optional<std::uint64_t>>();
  return bytes ? *bytes : std::nullopt;
}

// Of one group; nullopt where it has no limit or does not say what it uses.
std::optional<std::uint64_t> left_in(const Mount& mount, const fs::path& folder) {
  const bool v2 = mount.version == 2;
  auto limit = limit_in(folder / (v2 ? "memory.max" : "memory.limit_in_bytes"));
  if (const auto high = v2 ? limit_in(folder / "memory.high") : std::nullopt)
    limit = limit ? std::min(*limit, *high) : *high;
  const auto usage = limit_in(folder / (v2 ? "memory.current" : "memory.usage_in_bytes"));
  if (!limit || !usage) return std::nullopt;
  std::uint64_t given_up = 0;
  if (const auto text = detail::read_kernel_file(folder / "memory.stat")) {
    const auto values = procfs::parse_properties(*text);
    const auto found = values.find(v2 ? "inactive_file" : "total_inactive_file");
    if (found != values.end()) given_up = found->second;
  }
  const std::uint64_t held = *usage - std::min(*usage, given_up);
  return *limit - std::min(*limit, held);
}

bool belongs(const Mount& mount, const Membership& group) {
  if (mount.version == 2) return group.controllers.empty();
  return std::any_of(group.controllers.begin(), group.controllers.end(),
                     [&](const std::string& controller) {
                       return (controller == "cpu" || controller == "memory") &&
                              names(mount.controllers, controller);
                     });
}

// This process's groups and their ancestors, wherever they are mounted.
template <class Visit>
void for_each_group(const fs::path& root, const Visit& visit) {
  const auto membership = detail::read_kernel_file(root / "proc/self/cgroup");
  const auto mountinfo = detail::read_kernel_file(root / "proc/self/mountinfo");
  if (!membership || !mountinfo) return;
  const std::vector<Membership> groups = parse_membership(*membership);
  for (const Mount& mount : parse_mounts(*mountinfo)) {
    for (const Membership& group : groups) {
      if (!belongs(mount, group)) continue;
      for (const fs::path& folder : way_up(root, mount, group.path)) visit(mount, folder);
    }
  }
}

}  // namespace

std::vector<Membership> parse_membership(std::string_view text) {
  std::vector<Membership> groups;
  while (groups.size() < kMaxMounts) {
    auto line = next_line(text);
    if (!line) break;
    const auto number = next_field(*line, ':');
    const auto controllers = next_field(*line, ':');
    if (!number || !controllers || !line->starts_with('/')) continue;
    groups.push_back({split_commas(*controllers), std::string(*line)});
  }
  return groups;
}

std::vector<Mount> parse_mounts(std::string_view text) {
  std::vector<Mount> mounts;
  for (std::size_t lines = 0; lines < kMaxMounts; ++lines) {
    const auto line = next_line(text);
    if (!line) break;
    if (auto mount = parse_mount(*line)) mounts.push_back(std::move(*mount));
  }
  return mounts;
}

Result<std::optional<double>> parse_cpu_max(std::string_view text) {
  const auto quota = next_word(text);
  const auto period = next_word(text);
  if (!quota || !period) {
    return fail(Errc::invalid_argument, "cpu.max needs a quota and a period.");
  }
  return parse_cfs_quota(*quota == "max" ? "-1" : *quota, *period);
}

Result<std::optional<double>> parse_cfs_quota(std::string_view quota, std::string_view period) {
  if (procfs::trim(quota) == "-1") return std::optional<double>{};
  ACCEL_TRY(const std::uint64_t quota_us, procfs::parse_number(quota));
  ACCEL_TRY(const std::uint64_t period_us, procfs::parse_number(period));
  if (quota_us == 0 || period_us == 0) {
    return fail(Errc::invalid_argument, "A CPU quota of {} us in {} us makes no sense.", quota_us,
                period_us);
  }
  return std::optional<double>(static_cast<double>(quota_us) / static_cast<double>(period_us));
}

Result<std::optional<std::uint64_t>> parse_byte_limit(std::string_view text) {
  constexpr std::uint64_t kUnlimited = 1ULL << 62U;
  if (procfs::trim(text) == "max") return std::optional<std::uint64_t>{};
  ACCEL_TRY(const std::uint64_t bytes, procfs::parse_number(text));
  if (bytes >= kUnlimited) return std::optional<std::uint64_t>{};
  return std::optional<std::uint64_t>(bytes);
}

std::optional<std::string> group_folder(const Mount& mount, std::string_view path) {
  for (std::string_view rest = path; const auto part = next_field(rest, '/');) {
    if (*part == "..") return std::nullopt;  // Outside this cgroup namespace.
  }
  std::string_view below = path;
  if (mount.root != "/") {
    if (!path.starts_with(mount.root)) return std::nullopt;
    below = path.substr(mount.root.size());
    if (!below.empty() && !below.starts_with('/')) return std::nullopt;
  }
  while (below.ends_with('/')) below.remove_suffix(1);
  return mount.mount_point + std::string(below);
}

CgroupLimits read_limits(const fs::path& root) {
  CgroupLimits limits;
  for_each_group(root, [&](const Mount& mount, const fs::path& folder) {
    // Beside version 1 controllers, version 2 is usually mounted empty: it does not count.
    if (limits.version == 0 || mount.version == 1) limits.version = mount.version;
    read_group(limits, mount, folder);
  });
  return limits;
}

std::optional<std::uint64_t> read_memory_left(const fs::path& root) {
  std::optional<std::uint64_t> least;
  for_each_group(root, [&](const Mount& mount, const fs::path& folder) {
    const auto left = left_in(mount, folder);
    if (left) least = least ? std::min(*least, *left) : *left;
  });
  return least;
}

}  // namespace accel::hardware::cgroup
