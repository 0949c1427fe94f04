// SPDX-License-Identifier: Apache-2.0
// One line of the result journal. The first byte decides whether the line gets a right checksum, so
// that the fuzzer also reaches what lies behind it.
#include <accel/db/journal.hpp>
#include <cstdint>
#include <string>

namespace {

std::uint32_t crc32(const std::string& text) {
  std::uint32_t value = 0xFFFFFFFFU;
  for (const char byte : text) {
    value ^= static_cast<unsigned char>(byte);
    for (int bit = 0; bit < 8; ++bit) value = (value >> 1U) ^ (0xEDB88320U & (0U - (value & 1U)));
  }
  return ~value;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  std::string line(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (data[0] % 2 == 0) line += fmt::format(",\"crc\":\"{:08x}\"}}", crc32(line));
  const accel::Status status = accel::db::check_journal_line(line);
  if (!status && status.error().message.empty()) __builtin_trap();
  return 0;
}
