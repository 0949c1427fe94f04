// SPDX-License-Identifier: Apache-2.0
#pragma once
// As much of DNS as finding peers takes: the question for _p2p._udp.local and its answers. Pure;
// what is read comes from anybody on the network. Private to libp2p. Specs: RFC 1035 (4), RFC 6762,
// libp2p/specs discovery/mdns.md.

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "accel/core/bytes.hpp"
#include "accel/ipld/multiaddr.hpp"

namespace accel::libp2p::mdns {

inline constexpr std::size_t kMaxMessageBytes = 9000;  // RFC 6762 (17).
inline constexpr std::size_t kMaxRecords = 64;         // Of one message; more are passed over.
inline constexpr std::size_t kMaxAddresses = 64;       // The same.
inline constexpr std::size_t kMaxNameBytes = 255;

struct Message {
  bool asks_for_peers = false;               // A question, for all or about any peer.
  std::vector<ipld::Multiaddr> addresses{};  // Of an answer; each ends in a peer id.
};

// Errors: protocol (broken: cut off, names that go in circles or are too long).
Result<Message> decode(ByteView bytes);

// Peers of an answer that came from `remote`: only addresses at the sender's own IP, for whoever
// names others could make this node dial them.
struct Told {
  ipld::PeerId peer;
  std::vector<ipld::Multiaddr> addresses;  // Without the peer id.
};
std::vector<Told> peers_at(const ipld::Multiaddr& remote, const Message& message);

Bytes encode_question();

struct Announcement {
  std::string instance;  // Random; nothing of the peer id (the specification).
  std::vector<ipld::Multiaddr>
      addresses{};  // Each ends in the peer id; too long ones are left out.
  std::vector<std::array<std::uint8_t, 4>> ips{};
  std::uint16_t port = 0;
};
Bytes encode_answer(const Announcement& announcement);

}  // namespace accel::libp2p::mdns
