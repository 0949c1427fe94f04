// SPDX-License-Identifier: Apache-2.0
#pragma once
// Who is decoded next, together with whom: the state machine of continuous batching. It knows token
// counts and places in the context, no tokens and no time. Used by Generator, under its mutex.
//
//   submit ─► waiting (bounded, first come first served) ─► slot: prefill ─► decode ─► end
//
// A request gets a slot when one is free and its whole prompt and answer fit into what is left of
// the context: nothing that runs can fail for want of room. In each step every text that decodes
// gets its token, and what is left of the batch goes to prompts in the order of their arrival, so
// that a long prompt delays the others' next token by one batch at most.

#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

#include "accel/core/result.hpp"

namespace accel::inference::llama {

using RequestId = std::uint64_t;

struct SlotLimits {
  std::size_t slots = 1;
  std::size_t max_waiting = 0;
  std::size_t context = 0;   // Tokens of all slots together.
  std::size_t per_text = 0;  // Tokens of one text, prompt and answer.
  std::size_t batch = 512;   // Tokens of one step; at least as many as slots.
};

// A run of one text's tokens in the next step.
struct Chunk {
  RequestId id = 0;
  std::size_t slot = 0;
  std::size_t position = 0;  // Of its first token in the text.
  std::size_t count = 1;
  bool samples = false;  // The last of them is followed by a new token.
};

class SlotPlanner {
 public:
  explicit SlotPlanner(SlotLimits limits);

  // Errors: invalid_argument (it can never fit), resource_exhausted (too many wait).
  Status admits(std::size_t prompt, std::size_t max_tokens) const;
  // Ids are new ones each time. Errors: as admits().
  Status submit(RequestId id, std::size_t prompt, std::size_t max_tokens);
  // Gives waiting requests their slots and plans a step; empty when there is nothing to decode.
  // Prompt tokens of the plan count as done.
  std::vector<Chunk> next();
  // The text has one more token, which the next step decodes.
  void sampled(RequestId id);
  // It waits and runs no more. The slot that it leaves, or nothing when it had none.
  std::vector<std::size_t> end(RequestId id);

  bool idle() const { return running_.empty() && waiting_.empty(); }
  std::size_t running() const { return running_.size(); }
  std::size_t waiting() const { return waiting_.size(); }
  std::vector<RequestId> running_ids() const;

 private:
  struct Text {
    RequestId id = 0;
    std::size_t prompt = 0;
    std::size_t reserved = 0;
    std::size_t slot = 0;
    std::size_t done = 0;   // Tokens that are in the context.
    bool has_next = false;  // A sampled token waits to be decoded.
  };
  void fill_slots();

  SlotLimits limits_;
  std::size_t reserved_ = 0;
  std::deque<Text> waiting_;
  std::vector<Text> running_;  // In the order of their arrival.
  std::vector<std::size_t> free_;
};

}  // namespace accel::inference::llama
