// SPDX-License-Identifier: Apache-2.0
#pragma once
// TLS 1.3 between peers: both prove who they are by a certificate that their identity key signed.
// Private to libp2p; OpenSSL with memory buffers is inside, so no I/O here. Spec: libp2p/specs
// tls/tls.md, connections/inlined-muxer-negotiation.md.

#include <memory>

#include "accel/crypto/ed25519.hpp"
#include "secure_codec.hpp"

struct ssl_ctx_st;  // OpenSSL's SSL_CTX.

namespace accel::libp2p {

// A certificate of this node, and how it speaks: for all its connections, so that each costs
// little.
using TlsContext = std::shared_ptr<ssl_ctx_st>;
// Errors: internal (OpenSSL can't make a certificate).
Result<TlsContext> make_tls_context(const crypto::Ed25519Key& identity);

struct TlsOptions {
  bool initiator = false;
  TlsContext context;
  std::optional<ipld::PeerId> expected{};  // Whom the initiator means; nothing: whoever answers.
};

// Errors: internal (no memory).
Result<std::unique_ptr<SecureHandshake>> make_tls_handshake(TlsOptions options);

}  // namespace accel::libp2p
