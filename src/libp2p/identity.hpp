// SPDX-License-Identifier: Apache-2.0
#pragma once
// Who signs and who signed: between keys and peer ids. Private to libp2p.

#include "accel/core/bytes.hpp"
#include "accel/crypto/ed25519.hpp"
#include "accel/ipld/peer_id.hpp"
#include "accel/libp2p/key_file.hpp"

namespace accel::libp2p {

Bytes public_key_protobuf(const crypto::Ed25519Key& key);
// The peer whose key (as protobuf) signed the text. Errors: unauthenticated.
Result<ipld::PeerId> verify_identity(ByteView key_protobuf, ByteView text, ByteView signature);

}  // namespace accel::libp2p
