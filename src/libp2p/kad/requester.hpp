// SPDX-License-Identifier: Apache-2.0
#pragma once
// Requests to peers: streams that are kept for the next one, timeouts, counters. Everything on the
// host's executor. Private to libp2p.

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "accel/libp2p/framed.hpp"
#include "accel/libp2p/kad.hpp"
#include "kad/message.hpp"

namespace accel::libp2p::kad {

class Requester {
 public:
  Requester(Host& host, const Clock& clock, std::string protocol, Duration timeout);

  // Dials if it must. Errors: those of the host and the stream, protocol, timeout.
  Task<Message> ask(KadPeer peer, Message message);
  // For what is answered by nothing: the end of the stream says that it was taken. What else comes
  // is passed over, for some echo it. Errors: the same.
  Task<void> tell(KadPeer peer, Message message);
  void forget(const PeerId& peer);  // It has gone.
  void forget_idle();               // What waited too long.

 private:
  struct Line {
    explicit Line(std::unique_ptr<Stream> of) : stream(std::move(of)) {}
    std::unique_ptr<Stream> stream;
    FramedReader reader{*stream, kMaxReplyBytes};
    SteadyTime used{};
  };
  using LinePtr = std::unique_ptr<Line>;

  Task<Message> ask_in_time(KadPeer peer, Bytes request);
  Task<void> tell_in_time(KadPeer peer, Bytes request, bool is_answered);
  Task<LinePtr> open(KadPeer peer);
  LinePtr take_idle(const PeerId& peer);
  void keep(const PeerId& peer, LinePtr line);

  Host& host_;
  const Clock& clock_;
  std::string protocol_;
  Duration timeout_;
  std::map<PeerId, std::vector<LinePtr>> idle_;
};

}  // namespace accel::libp2p::kad
