// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a tokenizer.json says besides how one text becomes tokens: how two are joined, and which
// token an id is. Private to models; immutable, thread-safe.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "accel/models/tokenizer.hpp"
#include "tokenizer/post_processor.hpp"

namespace accel::models {

struct JoinedTexts {
  Encoding encoding;
  std::size_t second = 0;  // Where the second text begins.
};

class TextPairs {
 public:
  // Reads the file once more than Tokenizer does: few families need this. Errors: as
  // Tokenizer::from_json().
  static Result<TextPairs> from_json(ByteView tokenizer_json);

  // Two texts as the post-processor joins them, cut until both fit ("longest_first"). Errors:
  // unsupported (the file does not say how two texts are joined), invalid_argument (max_length
  // leaves no room).
  Result<Encoding> encode(const Tokenizer& tokenizer, std::string_view first,
                          std::string_view second, std::size_t max_length) const;
  // The same of ids without special tokens; nothing is cut. Errors: unsupported.
  Result<JoinedTexts> join(std::span<const std::int32_t> first,
                           std::span<const std::int32_t> second) const;
  // How many tokens joining adds. Errors: unsupported.
  Result<std::size_t> special_tokens() const;

  std::size_t special_before_one() const { return post_.before.size(); }  // In front of a text.
  // Every token by its id; empty where there is none.
  const std::vector<std::string>& tokens() const { return tokens_; }

 private:
  PostProcessor post_;
  std::vector<std::string> tokens_;
};

}  // namespace accel::models
