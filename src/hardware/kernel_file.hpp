// SPDX-License-Identifier: Apache-2.0
#pragma once
// Reading files of /proc and /sys: they say size 0 and must be read to the end. Private to
// hardware.

#include <cstdint>
#include <filesystem>
#include <string>

#include "accel/core/result.hpp"

namespace accel::hardware::detail {

// At most procfs::kMaxFileBytes. Errors: as open_file; resource_exhausted; io.
Result<std::string> read_kernel_file(const std::filesystem::path& path);

// The trimmed text, or the default when it cannot be read; for one-line files.
std::string kernel_line(const std::filesystem::path& path, std::string otherwise = {});
std::uint64_t kernel_number(const std::filesystem::path& path, std::uint64_t otherwise);

}  // namespace accel::hardware::detail
