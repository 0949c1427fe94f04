// SPDX-License-Identifier: Apache-2.0
#pragma once
// The added_tokens section of a tokenizer.json: tokens that are found in the text itself, before
// (normalized: false) or after normalization, and never cut. Private to models; immutable,
// thread-safe. Spec: tokenizers' added_vocabulary.rs: leftmost, and of those the longest.

#include <array>
#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "accel/core/result.hpp"
#include "tokenizer/normalizer.hpp"
#include "tokenizer/vocabulary.hpp"

namespace accel::models {

struct AddedToken {
  std::string content;
  std::int32_t id = 0;
  bool single_word = false;  // Found only where no word character adjoins.
  bool lstrip = false;       // Takes the white space before it along.
  bool rstrip = false;
  bool normalized = true;
  bool special = false;  // No part of a text: [CLS], </s>.
};

// Finds tokens of one set in a text.
class TokenMatcher {
 public:
  // Errors: resource_exhausted above kMaxNodes.
  Status add(std::string_view pattern, const AddedToken& token);
  bool empty() const { return tokens_.empty(); }

  struct Match {
    std::size_t start = 0;  // Bytes; with the white space that it takes along.
    std::size_t end = 0;
    std::int32_t id = 0;
  };
  // The first match that begins at `from` or later; text before `from` is already used up.
  std::optional<Match> find(std::string_view text, std::size_t from) const;

 private:
  struct Node {
    std::map<char, std::uint32_t> next;
    std::uint32_t token = 0;  // Index + 1 of the token that ends here; 0 is none.
  };
  static constexpr std::size_t kMaxNodes = 1'000'000;  // Some 100 MB.

  const AddedToken* longest_at(std::string_view text, std::size_t at, std::size_t& end) const;
  static bool stands_alone(std::string_view text, std::size_t start, std::size_t end);

  std::vector<AddedToken> tokens_;
  std::vector<Node> nodes_{1};  // A trie; the root is the first.
  std::array<bool, 256> starts_{};
};

struct AddedTokens {
  TokenMatcher raw;         // Sought in the text as it came.
  TokenMatcher normalized;  // Sought in normalized text, by their own normalized form.
  std::map<std::string, std::int32_t, std::less<>> ids;
  struct Text {
    std::string content;
    bool special = false;
  };
  std::map<std::int32_t, Text> texts;

  // `section` is the value of "added_tokens"; null means none. An id is the vocabulary's where it
  // has the token, else the next free one, as in tokenizers, whatever the file says.
  // Errors: corrupt, resource_exhausted (kMaxAddedTokens, kMaxTokenBytes).
  static Result<AddedTokens> from_json(const nlohmann::json& section, const Vocabulary& vocabulary,
                                       const Normalizer& normalizer, std::string_view what);
};

}  // namespace accel::models
