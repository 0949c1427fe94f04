// SPDX-License-Identifier: Apache-2.0
#pragma once
// What the two sides of a Noise handshake tell each other: who they are, and which muxers they
// have. Private to libp2p. Spec: libp2p/specs noise/README.md ("The Noise Handshake Payload").

#include <optional>
#include <string>
#include <vector>

#include "accel/core/bytes.hpp"
#include "accel/crypto/ed25519.hpp"
#include "accel/ipld/peer_id.hpp"

namespace accel::libp2p {

struct NoisePayload {
  Bytes identity_key;  // The protobuf of a public key.
  Bytes signature;
  std::optional<std::vector<std::string>> muxers;  // Nothing: the peer doesn't know the extension.
};

Bytes encode_noise_payload(const crypto::Ed25519Key& identity, ByteView static_key,
                           const std::string& muxer);
// Errors: protocol.
Result<NoisePayload> decode_noise_payload(ByteView payload);
// Errors: unauthenticated.
Result<ipld::PeerId> verify_noise_payload(const NoisePayload& payload, ByteView static_key);

}  // namespace accel::libp2p
