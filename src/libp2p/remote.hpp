// SPDX-License-Identifier: Apache-2.0
#pragma once
// Where an address lies. Pure. Private to libp2p.

#include <optional>
#include <string>

#include "accel/ipld/multiaddr.hpp"

namespace accel::libp2p {

// What can be dialed and listened on: plain TCP, or a WebSocket over it (/…/tcp/4001/ws).
struct StreamTarget {
  ipld::Multiaddr::TcpTarget tcp;
  bool websocket = false;
};
std::optional<StreamTarget> stream_target(const ipld::Multiaddr& address);
// /ws behind a plain one.
ipld::Multiaddr with_websocket(const ipld::Multiaddr& address);

enum class Reach { nowhere, loopback, local, anywhere, by_name };

// `nowhere`: no StreamTarget, or an IP that nobody has.
Reach reach_of(const ipld::Multiaddr& address);
// The same of 4 or 16 bytes, big-endian.
Reach reach_of_ip(ByteView ip);

// As near as a peer's word counts. A WebSocket of this machine may be a web page's, or a proxy's
// that carries strangers: they are told apart from those who are really here.
Reach reach_of_teller(const ipld::Multiaddr& remote);

// Whether a peer that we see at `remote` may say that it listens on `told`: what lies nearer to us
// than the peer itself could only make us dial others. Names may lead there, too.
bool may_name(const ipld::Multiaddr& remote, const ipld::Multiaddr& told);
bool may_name(Reach from, Reach to);  // The same.

// What counts as one machine: an IPv4 address, the /64 of an IPv6 one.
std::string origin_of(const ipld::Multiaddr& address);

}  // namespace accel::libp2p
