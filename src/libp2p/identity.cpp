// SPDX-License-Identifier: Apache-2.0
#include "identity.hpp"

#include "accel/crypto/public_key.hpp"

namespace accel::libp2p {

Bytes public_key_protobuf(const crypto::Ed25519Key& key) {
  return ipld::encode_public_key({crypto::KeyType::ed25519, to_bytes(key.public_key())});
}

ipld::PeerId peer_id_of(const crypto::Ed25519Key& key) {
  return ipld::PeerId::of_public_key(public_key_protobuf(key));
}

Result<ipld::PeerId> verify_identity(ByteView key_protobuf, ByteView text, ByteView signature) {
  const auto key = ipld::decode_public_key(key_protobuf);
  if (!key) {
    return fail(
        Error{Errc::unauthenticated, "The peer's public key can't be read.", key.error().message});
  }
  const auto valid = crypto::verify_signature(key->type, key->data, text, signature);
  if (!valid || !*valid) {
    return fail(Errc::unauthenticated, "The peer's signature doesn't prove who it is.");
  }
  // Of the canonical encoding, whatever spelling was sent.
  return ipld::PeerId::of_public_key(ipld::encode_public_key(*key));
}

}  // namespace accel::libp2p
