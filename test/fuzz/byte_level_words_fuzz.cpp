// SPDX-License-Identifier: Apache-2.0
// Any bytes as a tokenizer.json of byte-level BPE: what is read spells UTF-8, whatever the ids.
#include "tokenizer/byte_level_words.hpp"

#include <cstdlib>

#include "tokenizer/unicode.hpp"

using namespace accel;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto words = models::ByteLevelWords::read(text, "tokenizer.json");
  if (!words) return 0;
  const std::int32_t ids[] = {-1, 0, 1, 2, 3, 5, 8, 1000, 2'000'000'000};
  if (!models::is_utf8(words->text(ids))) std::abort();
  return 0;
}
