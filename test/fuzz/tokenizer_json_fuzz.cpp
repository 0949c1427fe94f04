// SPDX-License-Identifier: Apache-2.0
// Any bytes as a tokenizer.json: refused with a sentence, or a tokenizer that keeps its promises.
#include <algorithm>
#include <cstdlib>

#include "accel/models/tokenizer.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace accel::models;
  const auto tokenizer = Tokenizer::from_json({data, size});
  if (!tokenizer) {
    if (tokenizer.error().message.empty()) std::abort();
    return 0;
  }
  for (const std::string_view text :
       {"", "a b, abc", "Cafe\xCC\x81 \xE4\xBD\xA0 [SEP]", "\xFF\xC3"}) {
    const Encoding whole = tokenizer->encode(text, {EncodeOptions::kUnlimited, true});
    if (whole.ids.size() != whole.type_ids.size() || whole.truncated) std::abort();
    const Encoding cut = tokenizer->encode(text, {3, true});
    if (const auto decoded = tokenizer->decode(whole.ids); !decoded) {
      if (decoded.error().message.empty()) std::abort();
    }
    if (cut.ids.size() > std::max<std::size_t>(3, tokenizer->special_tokens())) std::abort();
  }
  return 0;
}
