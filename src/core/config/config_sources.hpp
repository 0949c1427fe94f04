// SPDX-License-Identifier: Apache-2.0
#pragma once
// Where settings come from: each reader returns the values that its source sets, checked.

#include <filesystem>
#include <map>
#include <string>

#include "accel/core/config.hpp"

namespace accel::detail {

struct SourceValue {
  ConfigValue value;
  std::string where;
};
using SourceValues = std::map<std::string, SourceValue>;

inline constexpr std::uint64_t kMaxConfigFileBytes = 1U << 20U;
inline constexpr int kMaxConfigDepth = 8;

Result<SourceValues> read_environment(const ConfigRegistry& registry,
                                      const std::map<std::string, std::string>& variables);
// A file that doesn't exist sets nothing.
Result<SourceValues> read_config_file(const ConfigRegistry& registry,
                                      const std::filesystem::path& file);

Error unknown_key(const ConfigRegistry& registry, std::string_view key, std::string_view where);
// The same error with its place at the end of the sentence.
Error at(Error error, const std::string& where);

}  // namespace accel::detail
