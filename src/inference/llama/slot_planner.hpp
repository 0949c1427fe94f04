// SPDX-License-Identifier: Apache-2.0
#pragma once
// Who is decoded next, together with whom: the state machine of continuous batching. It knows
// tokens and places in the context, and no time. Used by Generator, under its mutex.
//
//   submit ─► waiting (bounded, by priority.hpp) ─► seat: prefill ─► decode ─► end
//
// A request gets a slot when one is free and its whole prompt and answer fit into what is left of
// the context: nothing that runs can fail for want of room. In each step every text that decodes
// gets its token, and what is left of the batch goes to prompts in the order of their arrival, so
// that a long prompt delays the others' next token by one batch at most.
//
// A slot keeps its tokens when its text ends, until the room is needed. A prompt that begins as
// what a slot of its scope holds, free or running, goes on behind the common prefix: in place when
// the free slot holds little else, otherwise from a copy. Where the tokens of free slots lie is
// Generator's concern (ParkedTexts); here they take their room of the context in any case.

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "accel/core/priority.hpp"
#include "accel/core/result.hpp"
#include "llama/prefix_cache.hpp"

namespace accel::inference::llama {

using RequestId = std::uint64_t;

struct SlotLimits {
  std::size_t slots = 1;
  std::size_t max_waiting = 0;
  std::size_t context = 0;   // Tokens of all slots together.
  std::size_t per_text = 0;  // Tokens of one text, prompt and answer.
  std::size_t batch = 512;   // Tokens of one step; at least as many as slots.
};

constexpr std::size_t kLeastPrefix = 8;  // Tokens: what is shorter is not worth a kept text.

// What a text may go on from.
struct Prefix {
  std::span<const TokenId> tokens = {};  // Of the whole prompt; empty: it starts from nothing.
  std::string scope = {};                // Texts of others are not looked at.
};

// A run of one text's tokens in the next step.
struct Chunk {
  RequestId id = 0;
  std::size_t slot = 0;
  std::size_t position = 0;  // Of its first token in the text.
  std::size_t count = 1;
  bool samples = false;  // The last of them is followed by a new token.
  // The last of them are guesses: a new token follows each, and what comes before the first.
  std::size_t drafts = 0;
};

// What must happen to the context, in this order, before the next step.
struct Move {
  std::size_t slot = 0;
  std::size_t keep = 0;    // Tokens of the beginning that stay; the rest goes.
  std::size_t source = 0;  // The slot that they are copied from; `slot`: they are there.
  RequestId id = 0;        // Who goes on behind them; 0: nobody, the slot is emptied.
};

class SlotPlanner {
 public:
  explicit SlotPlanner(SlotLimits limits);

  // Errors: invalid_argument (it can never fit), resource_exhausted (too many wait).
  Status admits(std::size_t prompt, std::size_t max_tokens) const;
  // Ids are new ones each time and not 0. `prefix`: its tokens outlive the text here.
  // Errors: as admits().
  Status submit(RequestId id, std::size_t prompt, std::size_t max_tokens, Prefix prefix = {},
                Priority priority = Priority::normal);
  // Gives waiting requests their slots.
  std::vector<Move> seat();
  // The move for this text could not be made: it starts from nothing.
  void start_over(RequestId id);
  // Plans a step of those that have slots; empty when there is nothing to decode. Prompt tokens of
  // the plan count as done.
  std::vector<Chunk> next();
  // The text has one more token, which the next step decodes.
  void sampled(RequestId id);
  // Those that have such a token.
  std::vector<RequestId> decoding() const;
  // The next step decodes so many guesses behind that token, as far as the batch has room. They fit
  // within what the text reserved.
  void drafted(RequestId id, std::size_t count);
  // The last guesses of the step were wrong: they are not in the context any more.
  void rejected(RequestId id, std::size_t count);
  // It waits and runs no more. `tokens`: its prompt and answer, which its slot keeps as far as they
  // are in the context; empty: nothing is kept. The slot that is to be emptied, if one is.
  std::vector<std::size_t> end(RequestId id, std::vector<TokenId> tokens = {});
  // The free slot keeps nothing any more.
  void forget(std::size_t slot) { cache_.drop(slot); }

  bool idle() const { return running_.empty() && waiting_.empty(); }
  std::size_t running() const { return running_.size(); }
  std::size_t waiting() const { return waiting_.size(); }
  std::size_t kept_tokens() const { return cache_.tokens(); }
  // Free slots that keep a text, the one used longest ago first.
  std::vector<std::size_t> kept_slots() const { return cache_.slots(); }
  std::vector<RequestId> running_ids() const;

 private:
  struct Text {
    RequestId id = 0;
    std::size_t prompt = 0;
    std::size_t reserved = 0;
    Prefix prefix;  // Its tokens are the caller's.
    Priority priority = Priority::normal;
    std::size_t slot = 0;
    std::size_t done = 0;    // Tokens that are in the context.
    bool has_next = false;   // A sampled token waits to be decoded.
    std::size_t drafts = 0;  // Guesses that wait behind it.
  };
  // What a prompt may go on from.
  struct Source {
    std::size_t slot = 0;
    std::size_t length = 0;
    bool in_place = false;
  };
  Source source_for(const Text& text) const;
  std::size_t take_slot(const Source& source);
  Text* running_text(RequestId id);
  void seat_next(std::deque<Text>::iterator next, std::vector<Move>& moves);

  SlotLimits limits_;
  std::size_t reserved_ = 0;
  std::deque<Text> waiting_;
  PassedOver passed_over_;
  std::vector<Text> running_;  // In the order of their arrival.
  std::vector<std::size_t> free_;
  PrefixCache cache_;  // Of free slots.
};

}  // namespace accel::inference::llama
