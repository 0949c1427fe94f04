// SPDX-License-Identifier: Apache-2.0
#pragma once
// The one message of Kademlia. Pure. Private to libp2p. Spec: libp2p/specs kad-dht/README.md ("RPC
// messages"), ipfs/specs src/routing/kad-dht.md ("Wire format").

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "accel/core/bytes.hpp"
#include "accel/libp2p/kad.hpp"

namespace accel::libp2p::kad {

inline constexpr std::size_t kMaxRequestBytes = std::size_t{64} << 10U;
inline constexpr std::size_t kMaxReplyBytes = std::size_t{1}
                                              << 20U;              // Many providers of one block.
inline constexpr std::size_t kMostTold = std::size_t{256} << 10U;  // Of our own replies.
inline constexpr std::size_t kMaxKeyBytes = 256;  // "/ipns/" and the longest multihash.
inline constexpr std::size_t kMaxProvidedKeyBytes =
    80;  // Of a multihash, as the specification says.
inline constexpr std::size_t kMaxValueBytes = 10 * 1024;  // An IPNS record.
inline constexpr std::size_t kMaxCloser = 32;             // k is 20; more are passed over.
inline constexpr std::size_t kMaxProviders = 200;         // The same.
inline constexpr std::size_t kMaxPeerAddresses = 24;      // The same.

enum class MessageType : std::uint8_t {
  put_value = 0,
  get_value = 1,
  add_provider = 2,
  get_providers = 3,
  find_node = 4,
  ping = 5,
};

struct Record {
  Bytes key{};
  Bytes value{};
  std::string received{};  // RFC 3339, of who keeps it.
  bool operator==(const Record&) const = default;
};

struct Message {
  MessageType type = MessageType::ping;
  Bytes key{};
  std::optional<Record> record{};
  std::vector<KadPeer> closer{};
  std::vector<KadPeer> providers{};
};

Bytes encode(const Message& message);
// Leaves out the last peers, providers first, of what would take more than `most` bytes.
void cut_to(Message& message, std::size_t most);
Bytes encode_reply(Message message);  // Cut to kMostTold.
// Peers without a valid id and addresses of protocols that are not known here are left out. Errors:
// protocol (broken, an unknown type, or a key or value above its limit).
Result<Message> decode(ByteView bytes);

}  // namespace accel::libp2p::kad
