// SPDX-License-Identifier: Apache-2.0
#pragma once
// Heads of a TAR archive; pure. Spec: POSIX.1-2001 pax (ustar, with extended headers where a name
// or size needs them). No owners and no times, so that the same content gives the same bytes.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace accel::gateway {

enum class TarKind : char { file = '0', symlink = '2', folder = '5' };

struct TarEntry {
  std::string path;  // Without a slash at its end.
  TarKind kind = TarKind::file;
  std::uint64_t size = 0;   // Of a file.
  std::string target = {};  // Of a link.
};

inline constexpr std::size_t kTarBlock = 512;

std::string tar_head(const TarEntry& entry);
// What fills the last block of a file.
std::string tar_padding(std::uint64_t size);
std::string tar_end();

// Joins a name to a folder's path and resolves "." and ".." in it; nothing when it leads out of
// the first part of the path (the archive's root), or onto it.
std::optional<std::string> join_inside(std::string_view folder, std::string_view name);

}  // namespace accel::gateway
