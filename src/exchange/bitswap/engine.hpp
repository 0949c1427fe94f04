// SPDX-License-Identifier: Apache-2.0
#pragma once
// What this node owes to others, and who gets the next bytes: step(event, now) -> actions. It does
// no I/O and reads no clock. The shell (bitswap_node.hpp) looks blocks up, sends them, and says
// what came of it.
//
// What it promises: a peer's list, its queue and the bytes under way to it have bounds; peers are
// served in turns of equal bytes (deficit round robin), so that nobody starves behind one who wants
// much. Whoever has nothing under way gets one message even when all budgets are spent: peers that
// take them and read nothing keep nobody waiting, and rest when the shell has given them up. What
// the shell does not find (private blocks are not found) is never told apart from what
// is not here. A want for what is not here is looked up again now and then, as far as the bounds
// allow. Not thread-safe: one executor. Spec: ipfs/specs src/bitswap-protocol.md.

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "accel/core/clock.hpp"
#include "message.hpp"

namespace accel::exchange::bitswap {

using PeerNumber = std::uint64_t;  // Chosen by the shell, never used twice.

struct EngineLimits {
  // More than others ask for at once (a thousand), little enough to hold for every connection.
  std::size_t wants_per_peer = 4096;
  std::uint64_t outstanding_per_peer = 4U << 20U;  // Being read or written; or one message.
  std::uint64_t outstanding = 32U << 20U;          // Of all peers, but for one message each.
  std::uint64_t message_bytes = 256U << 10U;       // Small blocks share a message up to this.
  std::uint64_t turn_bytes = 256U << 10U;          // What each peer gets in its turn.
  std::uint32_t small_block_bytes = 1024;          // Sent at once to who asks whether it is here.
  std::size_t look_ups_per_tick = 1024;            // Again, for what was not here.
  Duration look_up_again = std::chrono::seconds(1);
  Duration rest = std::chrono::seconds(30);  // Of a peer that did not take what it had asked for.
};

// A list of wants has come from a peer.
struct WantsReceived {
  PeerNumber peer = 0;
  std::vector<WantEntry> wants;
  bool full = false;
};
// The answer to LookUp, in its order: sizes of what may be served.
struct LookedUp {
  PeerNumber peer = 0;
  std::vector<std::pair<ipld::Cid, std::optional<std::uint64_t>>> found;
};
struct LookUp {
  PeerNumber peer = 0;
  std::vector<ipld::Cid> cids;
};
struct Send {
  struct Item {
    enum class Kind : std::uint8_t { block, have, dont_have };
    ipld::Cid cid;
    Kind kind = Kind::block;
    std::uint64_t bytes = 0;
    friend bool operator==(const Item&, const Item&) = default;
  };
  PeerNumber peer = 0;
  std::vector<Item> items;
  std::uint64_t cost = 0;           // What it takes of the budgets until MessageSent.
  std::uint64_t pending_bytes = 0;  // Queued for the peer behind it.
};
using EngineAction = std::variant<LookUp, Send>;

// The answer to Send: it is on its way. A block that could not be read after all has become a
// dont_have in it. Not delivered: the stream broke, and whoever wanted it will ask again.
struct MessageSent {
  Send message;
  bool delivered = false;
  bool timed_out = false;  // The peer took nothing: what it wants is dropped, and it rests.
};
struct PeerGone {
  PeerNumber peer = 0;
};
struct EngineTick {};
using EngineEvent = std::variant<WantsReceived, LookedUp, MessageSent, PeerGone, EngineTick>;

// Per peer, since it came.
struct Ledger {
  std::uint64_t wants = 0;          // Received, cancels not counted.
  std::uint64_t wants_refused = 0;  // Above the bound.
  std::uint64_t cancels = 0;
  std::uint64_t blocks_sent = 0;
  std::uint64_t bytes_sent = 0;  // Of blocks.
  std::uint64_t presences_sent = 0;
  std::size_t waiting = 0;  // Wants that are open now.
};

class Engine {
 public:
  explicit Engine(EngineLimits limits = {}) : limits_(limits) {}

  std::vector<EngineAction> step(const EngineEvent& event, SteadyTime now);

  Ledger ledger(PeerNumber peer) const;  // Of an unknown peer: zeros.
  std::vector<ipld::Cid> wantlist(PeerNumber peer) const;
  std::uint64_t outstanding() const { return outstanding_; }
  std::size_t peers() const { return peers_.size(); }
  bool rests(PeerNumber peer, SteadyTime now) const;

 private:
  enum class Stage : std::uint8_t { looking, queued, sending, absent };
  // Larger priority first, then the order in which they came.
  using QueueKey = std::pair<std::int64_t, std::uint64_t>;
  struct WantState {
    WantType type = WantType::block;
    bool send_dont_have = false;
    bool said_dont_have = false;
    Stage stage = Stage::looking;
    Send::Item::Kind answer = Send::Item::Kind::block;
    std::uint64_t bytes = 0;
    std::int32_t priority = 1;
    QueueKey key;  // While it is queued.
    SteadyTime looked_at{};
  };
  struct Peer {
    std::unordered_map<ipld::Cid, WantState> wants;
    std::map<QueueKey, ipld::Cid> queue;
    std::vector<ipld::Cid> refusals;  // Told that it is not here, as it would exceed the bound.
    std::size_t looked_again = 0;     // Of the absent ones, so many at the front.
    std::uint64_t queued_bytes = 0;
    std::uint64_t outstanding = 0;
    std::int64_t deficit = 0;
    bool active = false;      // In turns_.
    std::size_t looking = 0;  // Look-ups under way.
    SteadyTime rests_until{};
    Ledger ledger;
  };

  void on(const WantsReceived& event);
  void on(const LookedUp& event);
  void on(const MessageSent& event);
  void on(const PeerGone& event);
  void on(const EngineTick& event);

  void replace_list(Peer& peer, const std::vector<WantEntry>& wants);
  void cancel(Peer& peer, const ipld::Cid& cid);
  bool add(Peer& peer, const WantEntry& entry);  // True when it is to be looked up.
  void refuse(Peer& peer, const WantEntry& entry);
  void say_absent(Peer& peer, const ipld::Cid& cid, WantState& want);
  void answer(Peer& peer, const ipld::Cid& cid, std::optional<std::uint64_t> bytes);
  void enqueue(Peer& peer, const ipld::Cid& cid, WantState& want);
  void unqueue(Peer& peer, WantState& want);
  void set_priority(Peer& peer, WantState& want, std::int32_t priority);
  void activate(PeerNumber number, Peer& peer);
  void give_up(Peer& peer);
  void begin_looking(PeerNumber number, Peer& peer, std::vector<ipld::Cid> cids);
  std::uint64_t cost_of_next(const Peer& peer) const;
  bool may_send(const Peer& peer) const;
  void serve();
  void serve_those_without();
  void send_some(PeerNumber number, Peer& peer);
  Send::Item take_next(Peer& peer);
  std::vector<ipld::Cid> to_look_again(Peer& peer, std::size_t most);

  EngineLimits limits_;
  SteadyTime now_;
  std::vector<EngineAction> actions_;
  std::unordered_map<PeerNumber, Peer> peers_;
  std::deque<PeerNumber> turns_;
  std::uint64_t outstanding_ = 0;
  std::uint64_t next_sequence_ = 0;
  SteadyTime looked_again_at_;
  PeerNumber look_again_from_ = 0;
};

}  // namespace accel::exchange::bitswap
