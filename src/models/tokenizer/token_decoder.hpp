// SPDX-License-Identifier: Apache-2.0
#pragma once
// The decoder section of a tokenizer.json: tokens to text. ByteLevel, Metaspace, WordPiece,
// BPEDecoder, ByteFallback, Fuse, Strip, Replace and Sequence of these. Private to models;
// immutable, thread-safe. Spec: tokenizers' decoders.

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "accel/core/result.hpp"
#include "tokenizer/text_pattern.hpp"

namespace accel::models {

class TokenDecoder {
 public:
  // `section` is the value of "decoder"; null means none: a space between tokens. Many models are
  // never asked for text: a decoder that is not implemented fails in decode(), by its name.
  // Errors: corrupt.
  static Result<TokenDecoder> from_json(const nlohmann::json& section, std::string_view what);

  // Errors: unsupported (named).
  Result<std::string> decode(std::vector<std::string> tokens) const;

 private:
  enum class Kind : std::uint8_t {
    byte_level,
    metaspace,
    wordpiece,
    suffix,
    byte_fallback,
    fuse,
    strip,
    replace
  };
  struct Step {
    Kind kind = Kind::fuse;
    std::string text = {};  // What is sought: a replacement, a prefix, a suffix, a character.
    std::string content = {};
    TextPattern pattern = {};
    bool flag = false;  // metaspace: the first has none; wordpiece: cleans up.
    std::size_t start = 0, stop = 0;
  };

  Status add(const nlohmann::json& section, std::string_view what, std::size_t depth);
  Result<Step> read_step(std::string_view type, const nlohmann::json& section,
                         std::string_view what);
  static void apply(const Step& step, std::vector<std::string>& tokens);

  std::vector<Step> steps_;
  bool spaced_ = false;
  std::string unsupported_;  // The first type that is not implemented.
};

}  // namespace accel::models
