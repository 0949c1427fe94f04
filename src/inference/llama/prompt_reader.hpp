// SPDX-License-Identifier: Apache-2.0
#pragma once
// The tokens of prompts, which come from anywhere: llama.cpp takes 90 bytes of memory and more than
// a microsecond for each byte, and can't be stopped, so what no context holds is refused before
// it is read to its end. Used by LlamaModel and LlamaEmbedder. Thread-safe.

#include <stop_token>

#include "llama/model.hpp"
#include "llama/turns.hpp"

namespace accel::inference::llama {

constexpr std::size_t kLargeText = 256U << 10U;  // Bytes: larger ones are read one after the other.
constexpr std::size_t kTextPiece = 64U << 10U;   // Bytes that are read between looks at the stop.
constexpr std::size_t kMaxLargeTexts = 8;        // That wait, and the one that is read.

class PromptReader {
 public:
  // `vocab` outlives this.
  PromptReader(const Api& api, const llama_vocab* vocab);

  // At most `most` tokens. Errors: invalid_argument (there are more), resource_exhausted (too many
  // large ones wait), cancelled, and as tokens_of_text().
  Result<std::vector<TokenId>> read(std::string_view text, bool special, std::size_t most,
                                    const std::stop_token& stop) const;
  // The beginning that may be cut to `most` tokens: all of it unless it is certain to have more.
  std::string_view beginning(std::string_view text, std::size_t most) const;

 private:
  Result<std::vector<TokenId>> whole(std::string_view text, bool special, std::size_t most) const;
  Status check_pieces(std::string_view text, bool special, std::size_t most,
                      const std::stop_token& stop) const;

  const Api& api_;
  const llama_vocab* vocab_;
  std::size_t longest_ = 1;  // Bytes of a token.
  mutable Turns turns_{kMaxLargeTexts};
};

}  // namespace accel::inference::llama
