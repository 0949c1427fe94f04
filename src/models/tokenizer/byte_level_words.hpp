// SPDX-License-Identifier: Apache-2.0
#pragma once
// From the ids of a byte-level BPE tokenizer back to text, as models that write need it. Private to
// models; immutable, thread-safe. Spec: GPT-2's bytes_to_unicode() (a character of a token stands
// for a byte), tokenizer.json of Hugging Face tokenizers.

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "accel/core/result.hpp"

namespace accel::models {

class ByteLevelWords {
 public:
  // `text` is a tokenizer.json, `what` its name in messages. Errors: corrupt, unsupported (a model
  // that is not BPE), resource_exhausted (limits of tokenizer.hpp; an id above kMaxTokenId).
  static Result<ByteLevelWords> read(std::string_view text, std::string_view what);

  // The bytes of ordinary tokens in their order; special tokens and ids without a word give none.
  std::string bytes(std::span<const std::int32_t> ids) const;
  // The same as UTF-8: bytes that are none count as U+FFFD.
  std::string text(std::span<const std::int32_t> ids) const;
  // Of an added token ("<|endoftext|>").
  std::optional<std::int32_t> special(std::string_view content) const;
  const std::map<std::string, std::int32_t, std::less<>>& specials() const { return specials_; }

 private:
  std::string arena_;                  // Bytes of all tokens, one behind the other.
  std::vector<std::uint64_t> places_;  // By id: where in the arena, and how many (low 16 bits).
  std::map<std::string, std::int32_t, std::less<>> specials_;
};

}  // namespace accel::models
