// SPDX-License-Identifier: Apache-2.0
#pragma once
// Signatures by the keys that libp2p names peers by. Used by ipld (IPNS records), later by the
// peers themselves. Pure; safe from any thread. OpenSSL's EVP is inside. Spec: libp2p/specs
// peer-ids/peer-ids.md ("Key types").

#include <cstdint>

#include "accel/core/bytes.hpp"

namespace accel::crypto {

// The numbers are libp2p's.
enum class KeyType : std::uint8_t { rsa = 0, ed25519 = 1, secp256k1 = 2, ecdsa = 3 };

inline constexpr std::size_t kMaxPublicKeyBytes = 4096;
inline constexpr int kMinRsaBits = 2048;  // As go-libp2p; the largest fits kMaxPublicKeyBytes.

// Whether `signature` is the key's over `message`. `key` as libp2p carries it: rsa and ecdsa a
// PKIX SubjectPublicKeyInfo in DER, ed25519 its 32 bytes, secp256k1 the 33 bytes of a compressed
// point. ed25519 signs the message itself, the others its SHA-256 (rsa with PKCS #1 v1.5).
// Errors: invalid_argument (no such key, or one that is too weak or too large).
Result<bool> verify_signature(KeyType type, ByteView key, ByteView message, ByteView signature);

}  // namespace accel::crypto
