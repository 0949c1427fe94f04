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

// The other models, each with the steps that come with it.
constexpr std::string_view kWhole[] = {
    R"({"added_tokens": [{"content": "<s>", "normalized": false, "special": true}],
        "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": true},
        "decoder": {"type": "ByteLevel"},
        "model": {"type": "BPE", "unk_token": "<s>", "fuse_unk": true, "vocab": {"<s>": 0, "a": 1,
          "b": 2, "ab": 3, "\u0120": 4, "\u0120a": 5, "bab": 6, "\u00c3": 7, "\u00e4": 8},
          "merges": ["a b", "\u0120 a", "b ab"]}})",
    R"({"normalizer": {"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "\u2581"},
          {"type": "Replace", "pattern": {"String": " "}, "content": "\u2581"}]},
        "decoder": {"type": "Sequence", "decoders": [{"type": "ByteFallback"}, {"type": "Fuse"},
          {"type": "Strip", "content": "\u2581", "start": 1, "stop": 1}]},
        "model": {"type": "BPE", "byte_fallback": true, "unk_token": "u", "vocab": {"u": 0,
          "\u2581": 1, "a": 2, "b": 3, "\u2581a": 4, "ab": 5, "<0xC3>": 6, "<0xA9>": 7,
          "\u2581\u2581": 8, "\u2581ab": 9}, "merges": [["\u2581", "\u2581"], ["a", "b"],
          ["\u2581", "a"], ["\u2581a", "b"]]}})",
    R"({"normalizer": {"type": "Sequence", "normalizers": [{"type": "NFKC"}, {"type": "Strip"},
          {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": "\u2581"}]},
        "pre_tokenizer": {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "first"},
        "decoder": {"type": "Metaspace", "replacement": "\u2581"},
        "model": {"type": "Unigram", "unk_id": 0, "byte_fallback": true, "vocab": [["u", 0],
          ["\u2581", -2], ["a", -1.5], ["b", -2], ["ab", -3], ["bab", -4], ["\u2581a", -2.5],
          ["<0xE4>", -9], ["\u00e9", -5]]}})",
    R"({"normalizer": {"type": "Lowercase"}, "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
          {"type": "Split", "pattern": {"Regex": "<\\|startoftext\\|>|)"
    R"(<\\|endoftext\\|>|'s|'t|'re|'ve|'m|'ll|'d|[\\p{L}]+|[\\p{N}]|[^\\s\\p{L}\\p{N}]+"},
           "behavior": "Removed", "invert": true}, {"type": "Digits"},
          {"type": "ByteLevel", "use_regex": false, "add_prefix_space": false}]},
        "decoder": {"type": "BPEDecoder", "suffix": "</w>"},
        "model": {"type": "BPE", "end_of_word_suffix": "</w>", "vocab": {"a": 0, "b": 1, "a</w>": 2,
          "b</w>": 3, "ab</w>": 4, "ba": 5}, "merges": ["a b</w>", "b a"]}})"};

const std::vector<Tokenizer>& tokenizers() {
  static const std::vector<Tokenizer> all = [] {
    std::vector<Tokenizer> made;
    for (const std::string_view head : kHeads) {
      const std::string text = std::string(head) + std::string(kModel);
      made.push_back(Tokenizer::from_json(accel::as_bytes(text)).value());
    }
    for (const std::string_view text : kWhole) {
      made.push_back(Tokenizer::from_json(accel::as_bytes(text)).value());
    }
    return made;
  }();
  return all;
}

// The text of ids is UTF-8's, and the same when it comes piece by piece. A tokenizer that strips
// the end, or cleans it up, takes back what a piece has said.
void check_text(const Tokenizer& tokenizer, const Encoding& encoding) {
  const auto whole = tokenizer.decode(encoding.ids);
  if (!whole) std::abort();
  TextStream stream(tokenizer);
  std::size_t size = 0;
  for (const std::int32_t id : encoding.ids) size += stream.push(id).value().size();
  size += stream.finish().value().size();
  if (size > 4 * whole->size() + 4096) std::abort();
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
    check_text(tokenizer, whole);
  }
  return 0;
}
