// SPDX-License-Identifier: Apache-2.0
#pragma once
// The Precompiled normalizer: SentencePiece's rules for characters, compiled into a double-array
// trie (Darts-clone) over one block of replacements. Private to models; immutable, thread-safe.
// Spec: sentencepiece's normalizer.cc (EncodePrecompiledCharsMap), and tokenizers'
// normalizers/precompiled.rs for what is looked up: clusters of less than six bytes whole, of which
// the first rule that matches their beginning replaces all; longer ones character by character.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "accel/core/result.hpp"

namespace accel::models {

class CharsMap {
 public:
  // Errors: corrupt (no base64, sizes that do not fit, replacements that are not UTF-8).
  static Result<CharsMap> from_base64(std::string_view text, std::string_view what);

  // Appends the normalized text to `out`, until that has `limit` bytes: the rest stays as it is.
  // Both are UTF-8.
  void apply(std::string_view text, std::size_t limit, std::string& out) const;

 private:
  std::optional<std::string_view> replacement(std::string_view part) const;
  void append(std::string_view part, std::string& out) const;
  void append_cluster(std::string_view cluster, std::string& out) const;

  std::vector<std::uint32_t> units_;
  std::string replacements_;         // Each ends with a NUL.
  std::array<bool, 128> changes_{};  // Which ASCII characters have a rule.
};

}  // namespace accel::models
