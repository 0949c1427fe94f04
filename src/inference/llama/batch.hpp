// SPDX-License-Identifier: Apache-2.0
#pragma once
// The arrays of one llama_decode() in the layout of llama_batch. Used by Generator and DraftModel.

#include <vector>

#include "llama/library.hpp"

namespace accel::inference::llama {

class Batch {
 public:
  void add(TokenId token, std::size_t position, std::size_t slot, bool logits) {
    tokens_.push_back(token);
    positions_.push_back(static_cast<llama_pos>(position));
    counts_.push_back(1);
    slots_.push_back(static_cast<llama_seq_id>(slot));
    logits_.push_back(logits ? 1 : 0);
  }
  // Refers to this.
  llama_batch view() {
    pointers_.clear();
    for (llama_seq_id& slot : slots_) pointers_.push_back(&slot);
    return {static_cast<std::int32_t>(tokens_.size()),
            tokens_.data(),
            nullptr,
            positions_.data(),
            counts_.data(),
            pointers_.data(),
            logits_.data()};
  }

 private:
  std::vector<TokenId> tokens_;
  std::vector<llama_pos> positions_;
  std::vector<std::int32_t> counts_;
  std::vector<llama_seq_id> slots_;
  std::vector<llama_seq_id*> pointers_;
  std::vector<std::int8_t> logits_;
};

}  // namespace accel::inference::llama
