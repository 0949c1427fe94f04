// SPDX-License-Identifier: Apache-2.0
#pragma once
// What we want of one peer, what it has told us, and what goes into the next message to it: pure
// state, time comes in. Who is asked for which block is the scheduler's choice (scheduler.hpp);
// this remembers what was said, batches what is to be said, takes back what nobody needs any more,
// and asks again when a peer is silent. Used by the shell (bitswap_node.hpp), on its executor.

#include <cstdint>
#include <deque>
#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "accel/core/clock.hpp"
#include "accel/exchange/urgency.hpp"
#include "message.hpp"

namespace accel::exchange::bitswap {

struct WantsLimits {
  // Kubo looks at the first thousand wants of a peer and forgets the rest.
  std::size_t wants = 900;
  std::size_t entries_per_message = 512;
  // A peer that has not answered for so long is asked again: it may have lost our list.
  Duration ask_again = std::chrono::seconds(3);
  std::size_t remembered = 4096;  // Of each kind: what came or was taken back, what it lacks.
  // A peer may hold a block back until it has one: what it lacked then is asked for again later.
  Duration forget_lack = std::chrono::seconds(5);
  std::uint32_t unasked_blocks = 4;  // More are a peer that sends what it likes.
};

// What is done with a block that came.
enum class Arrival : std::uint8_t {
  wanted,
  late,     // It was wanted, but came already or was taken back.
  unasked,  // Never.
};

class PeerWants {
 public:
  explicit PeerWants(WantsLimits limits = {}) : limits_(limits) {}

  // False: there is no room; what is wanted already only grows (from have to block, from
  // background to foreground).
  bool want(const ipld::Cid& cid, WantType type, SteadyTime now,
            Urgency urgency = Urgency::foreground);
  void cancel(const ipld::Cid& cid);

  bool owes(const ipld::Cid& cid) const { return owed_.contains(cid); }
  std::size_t owed() const { return owed_.size(); }
  std::vector<ipld::Cid> owed_list() const;
  // It said so lately: no need to ask.
  bool lacks(const ipld::Cid& cid, SteadyTime now) const;

  // Whether anything is to be said.
  bool has_news() const { return fresh_stream_ ? !owed_.empty() : !news_.empty(); }
  // The next message's list. On a new stream it is all that is wanted: then it replaces whatever
  // the peer remembers.
  struct List {
    std::vector<WantEntry> entries;
    bool full = false;
  };
  List next_list(SteadyTime now);
  // The list never arrived, or the peer has forgotten it: everything is said again.
  void stream_lost() {
    fresh_stream_ = true;
    unasked_in_row_ = 0;
  }

  Arrival block_came(const ipld::Cid& cid);
  // One without a CID that can be computed: nobody asks for such.
  void strange_block_came() { ++unasked_in_row_; }
  // Of a want for the block: true when the wait is over (it does not have it). Of a want-have: true
  // as soon as there is an answer.
  bool presence_came(const Presence& presence, SteadyTime now);
  // Something came: it is alive.
  void heard(SteadyTime now) { heard_ = now; }
  // Puts silent wants into the next list. True when there is something to say.
  bool tick(SteadyTime now);

  // Blocks that nobody asked for, since the last that somebody did.
  bool sends_what_it_likes() const { return unasked_in_row_ > limits_.unasked_blocks; }

 private:
  struct Owed {
    WantType type = WantType::block;
    SteadyTime asked;
    bool said = false;  // In a list that went out.
    Urgency urgency = Urgency::foreground;
  };
  void remember(const ipld::Cid& cid);

  WantsLimits limits_;
  std::unordered_map<ipld::Cid, Owed> owed_;
  std::deque<ipld::Cid> news_;             // Wants and cancels, in order; what changed meanwhile
  std::unordered_set<ipld::Cid> in_news_;  // is looked up when it is said.
  std::deque<ipld::Cid> past_order_;
  std::unordered_set<ipld::Cid> past_;  // Came or taken back: may still come.
  std::deque<ipld::Cid> lacks_order_;
  std::unordered_map<ipld::Cid, SteadyTime> lacks_;
  bool fresh_stream_ = true;
  std::uint32_t unasked_in_row_ = 0;
  SteadyTime heard_;
};

}  // namespace accel::exchange::bitswap
