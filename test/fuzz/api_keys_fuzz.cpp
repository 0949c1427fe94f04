// SPDX-License-Identifier: Apache-2.0
// The files beside a home's API keys. What is read is written and read again as it was; what names
// a key is no longer than a key.
#include <accel/security/key_file.hpp>
#include <cstdint>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace accel::security;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto keys = read_api_keys(text);
  if (keys) {
    const auto again = read_api_keys(write_api_keys(*keys));
    if (!again || *again != *keys) __builtin_trap();
  } else if (keys.error().message.empty()) {
    __builtin_trap();
  }
  const auto uses = read_uses(text);
  if (uses && !read_uses(write_uses(*uses))) __builtin_trap();
  const auto id = id_of_key(text);
  if (id && (text.size() != 80 || !text.starts_with(*id))) __builtin_trap();
  return 0;
}
