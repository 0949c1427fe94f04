// SPDX-License-Identifier: Apache-2.0
#pragma once
// TLS 1.3 between peers: both prove who they are by a certificate that their identity key signed.
// Private to libp2p; OpenSSL with memory buffers is inside, so no I/O here. Spec: libp2p/specs
// tls/tls.md, connections/inlined-muxer-negotiation.md.

#include <memory>

#include "accel/crypto/ed25519.hpp"
#include "secure_codec.hpp"

namespace accel::libp2p {

struct TlsOptions {
  bool initiator = false;
  crypto::Ed25519Key identity;
  std::optional<ipld::PeerId> expected{};  // Whom the initiator means; nothing: whoever answers.
};

// Errors: internal (OpenSSL can't make a certificate).
Result<std::unique_ptr<SecureHandshake>> make_tls_handshake(TlsOptions options);

}  // namespace accel::libp2p
