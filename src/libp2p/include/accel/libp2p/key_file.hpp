// SPDX-License-Identifier: Apache-2.0
#pragma once
// Where a node keeps the key that names it: the protobuf of a private Ed25519 key, mode 0600, as
// Kubo's `key export` writes one. Used by node. Spec: libp2p/specs peer-ids/peer-ids.md ("Keys").

#include <filesystem>

#include "accel/core/random.hpp"
#include "accel/crypto/ed25519.hpp"
#include "accel/ipld/peer_id.hpp"

namespace accel::libp2p {

Bytes encode_private_key(const crypto::Ed25519Key& key);
// 64 bytes of key (seed and public half), or 96 as older programs wrote. Errors: corrupt,
// unsupported (another type).
Result<crypto::Ed25519Key> decode_private_key(ByteView protobuf);

// The key of the file, which is made when there is none; several processes agree on one.
// Errors: corrupt, permission_denied (others may read it), io.
Result<crypto::Ed25519Key> load_or_make_key(const std::filesystem::path& file, Random& random);
// Errors: not_found, and as above.
Result<crypto::Ed25519Key> load_key(const std::filesystem::path& file);
Status save_key(const std::filesystem::path& file, const crypto::Ed25519Key& key);
ipld::PeerId peer_id_of(const crypto::Ed25519Key& key);

}  // namespace accel::libp2p
