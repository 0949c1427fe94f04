// SPDX-License-Identifier: Apache-2.0
#pragma once
// In which order the addresses of a peer are dialed, and when each begins. Pure: the time comes in.
// Private to libp2p: the race (host_race.cpp) does what it says. After RFC 8305 ("Happy Eyeballs
// Version 2") sections 4 and 5.

#include <optional>
#include <vector>

#include "accel/core/clock.hpp"
#include "accel/ipld/multiaddr.hpp"

namespace accel::libp2p {

// One way to a peer.
struct DialRoute {
  ipld::Multiaddr address;           // As it was told, without the peer: a name stays one.
  ipld::Multiaddr numeric;           // The same with an IP; what rests after a failure.
  std::optional<ipld::PeerId> peer;  // Who must answer; nothing: whoever does.
  bool proven = false;               // It worked before.

  friend bool operator==(const DialRoute&, const DialRoute&) = default;
};

// What proved itself last comes first; then loopback, the local network and the rest, but at most
// kNearFirst near ones before the first far one: of a stranger's network nothing answers here. TCP
// before WebSocket, IPv6 and IPv4 in turns. Without repetitions, `most` of them.
inline constexpr std::size_t kNearFirst = 4;
std::vector<DialRoute> rank_routes(std::vector<DialRoute> routes, std::size_t most);

// How long a route is waited for before the next one begins, too: RFC 8305's 250 ms, and 30 ms
// where an answer comes at once, as go-libp2p does.
inline constexpr Duration kFarGap = std::chrono::milliseconds(250);
inline constexpr Duration kNearGap = std::chrono::milliseconds(30);

class DialSchedule {
 public:
  DialSchedule(std::vector<DialRoute> ranked, std::size_t at_once);

  // The route that begins now; nothing: none yet, or none any more.
  const DialRoute* begin(SteadyTime now);
  // When begin() has the next one if nothing fails before; max(): not before something fails.
  SteadyTime next() const;
  // One has got through and shakes hands: the next one leaves it a moment, as go-libp2p does.
  void connected(SteadyTime now);
  // One that had begun has failed: the next one begins at once.
  void failed();
  // Nothing runs and nothing is left.
  bool is_over() const { return running_ == 0 && begun_ == routes_.size(); }

 private:
  std::vector<DialRoute> routes_;
  std::size_t at_once_;
  std::size_t begun_ = 0;
  std::size_t running_ = 0;
  SteadyTime next_{};
};

}  // namespace accel::libp2p
