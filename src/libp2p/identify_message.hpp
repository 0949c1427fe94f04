// SPDX-License-Identifier: Apache-2.0
#pragma once
// What peers tell each other about themselves. Pure. Private to libp2p. Spec: libp2p/specs
// identify/README.md ("The Identify Message").

#include <optional>
#include <string>
#include <vector>

#include "accel/core/bytes.hpp"
#include "accel/ipld/multiaddr.hpp"

namespace accel::libp2p {

inline constexpr std::size_t kMaxIdentifyBytes = std::size_t{64} << 10U;
inline constexpr std::size_t kMaxIdentifyMessages = 10;  // Parts of one introduction, as go-libp2p.
inline constexpr std::size_t kMaxIdentifyProtocols = 1000;
inline constexpr std::size_t kMaxIdentifyAddresses = 128;
inline constexpr std::size_t kMaxIdentifyText = 512;

struct IdentifyMessage {
  std::optional<Bytes> public_key{};  // Protobuf.
  std::vector<ipld::Multiaddr> listens{};
  std::vector<std::string> protocols{};
  std::optional<ipld::Multiaddr> observed{};
  std::string protocol_version{};
  std::string agent{};

  bool operator==(const IdentifyMessage&) const = default;
};

Bytes encode_identify(const IdentifyMessage& message);
// Adds one part of an introduction to what came before. Addresses of protocols that are not known
// here are left out. Errors: protocol (broken, or above a limit).
Status merge_identify(ByteView part, IdentifyMessage& into);

}  // namespace accel::libp2p
