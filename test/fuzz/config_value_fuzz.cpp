// SPDX-License-Identifier: Apache-2.0
// Settings as text: what parses is written as text that parses to the same value.
#include <accel/core/config.hpp>
#include <cstdint>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  static const accel::ConfigValue kTypes[]{false, std::int64_t{0}, std::string(),
                                           accel::ConfigList{}, std::chrono::milliseconds(0)};
  accel::ConfigKey key;
  key.name = "a.b";
  key.default_value = kTypes[data[0] % std::size(kTypes)];
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto value = accel::parse_config_value(key, text);
  if (!value) return 0;
  const auto again = accel::parse_config_value(key, accel::config_value_text(*value));
  if (!again || *again != *value) __builtin_trap();
  return 0;
}
