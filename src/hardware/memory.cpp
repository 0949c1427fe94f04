// SPDX-License-Identifier: Apache-2.0
#include "accel/hardware/memory.hpp"

#include <fcntl.h>
#include <malloc.h>
#include <unistd.h>

#include <algorithm>

#include "accel/hardware/cgroup.hpp"
#include "accel/hardware/procfs.hpp"
#include "kernel_file.hpp"
#include "text_lines.hpp"

namespace accel::hardware {

// "size resident shared text lib data dt", in pages; shared is what files back (proc_pid_statm(5)).
std::optional<ProcessMemory> process_memory(const std::filesystem::path& root) {
  const auto text = detail::read_kernel_file(root / "proc/self/statm");
  if (!text) return std::nullopt;
  std::string_view rest = *text;
  std::uint64_t pages[3] = {};
  for (std::uint64_t& value : pages) {
    const auto word = detail::next_word(rest);
    const auto number = word ? procfs::parse_number(*word) : Result<std::uint64_t>(0);
    if (!word || !number) return std::nullopt;
    value = *number;
  }
  static const auto page_bytes = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  const std::uint64_t backed = std::min(pages[1], pages[2]);
  return ProcessMemory{pages[1] * page_bytes, (pages[1] - backed) * page_bytes};
}

std::optional<std::uint64_t> peak_memory(const std::filesystem::path& root) {
  const auto text = detail::read_kernel_file(root / "proc/self/status");
  if (!text) return std::nullopt;
  const auto values = procfs::parse_meminfo(*text);
  const auto peak = values.find("VmHWM");
  return peak == values.end() ? std::nullopt : std::optional(peak->second);
}

bool restart_peak_memory(const std::filesystem::path& root) {
  constexpr std::string_view kPeak = "5";
  const std::string path = (root / "proc/self/clear_refs").string();
  const int file = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
  if (file < 0) return false;
  const ssize_t wrote = ::write(file, kPeak.data(), kPeak.size());
  ::close(file);
  return wrote == static_cast<ssize_t>(kPeak.size());
}

std::optional<std::uint64_t> memory_headroom(const std::filesystem::path& root) {
  auto least = cgroup::read_memory_left(root);
  const auto text = detail::read_kernel_file(root / "proc/meminfo");
  if (!text) return least;
  const auto values = procfs::parse_meminfo(*text);
  const auto available = values.find("MemAvailable");
  if (available == values.end()) return least;
  return least ? std::min(*least, available->second) : available->second;
}

void keep_little_freed_memory() {
#ifdef __GLIBC__
  constexpr int kPieceBytes = 256 << 10;
  (void)::mallopt(M_MMAP_THRESHOLD, kPieceBytes);
  (void)::mallopt(M_TRIM_THRESHOLD, kPieceBytes);
#endif
}

void return_freed_memory() {
#ifdef __GLIBC__
  (void)::malloc_trim(0);
#endif
}

}  // namespace accel::hardware
