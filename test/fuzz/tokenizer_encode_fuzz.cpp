// SPDX-License-Identifier: Apache-2.0
// Any bytes as a text, for tokenizers of each kind: no id outside the vocabulary, a cut text is the
// beginning of the whole one, and repairing the UTF-8 first changes nothing.
#include <algorithm>
#include <cstdlib>
#include <vector>

#include "accel/models/tokenizer.hpp"

namespace {

using namespace accel::models;

constexpr std::string_view kModel = R"("model": {"type": "WordPiece", "vocab": {
    "[UNK]": 0, "[CLS]": 1, "[SEP]": 2, "a": 3, "##a": 4, "b": 5, "##b": 6, "ab": 7, "##bab": 8,
    ",": 9, "!": 10, "e": 11, "i": 12, "##e": 13}}})";

constexpr std::string_view kHeads[] = {
    R"({"added_tokens": [{"content": "[SEP]", "normalized": false}],
        "normalizer": {"type": "BertNormalizer"}, "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {"type": "BertProcessing", "cls": ["[CLS]", 1], "sep": ["[SEP]", 2]},)",
    R"({"added_tokens": [{"content": "ab", "single_word": true, "normalized": true},
                         {"content": " b", "lstrip": true, "rstrip": true, "normalized": false}],
        "normalizer": {"type": "Sequence", "normalizers": [{"type": "NFC"}, {"type": "Lowercase"}]},
        "pre_tokenizer": {"type": "Whitespace"},)",
    R"({"normalizer": {"type": "Sequence", "normalizers": [{"type": "NFD"},
                                                           {"type": "StripAccents"}]},
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "WhitespaceSplit"},
                                                                {"type": "Punctuation"}]},)"};

const std::vector<Tokenizer>& tokenizers() {
  static const std::vector<Tokenizer> all = [] {
    std::vector<Tokenizer> made;
    for (const std::string_view head : kHeads) {
      const std::string text = std::string(head) + std::string(kModel);
      made.push_back(Tokenizer::from_json(accel::as_bytes(text)).value());
    }
    return made;
  }();
  return all;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = accel::as_text({data, size});
  for (const Tokenizer& tokenizer : tokenizers()) {
    const Encoding whole = tokenizer.encode(text, {EncodeOptions::kUnlimited, false});
    for (const std::int32_t id : whole.ids) {
      if (id < 0 || id > 20) std::abort();
    }
    const Encoding cut = tokenizer.encode(text, {5, false});
    if (cut.truncated != (whole.ids.size() > 5) || cut.ids.size() > 5) std::abort();
    if (!std::equal(cut.ids.begin(), cut.ids.end(), whole.ids.begin())) std::abort();
  }
  return 0;
}
