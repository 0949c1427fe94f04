// SPDX-License-Identifier: Apache-2.0
#pragma once
// From a TCP connection to a secure, multiplexed one: multistream-select, the handshake, and the
// muxer where the handshake did not agree on it. Private to libp2p. Spec: libp2p/specs
// connections/README.md ("Upgrading Connections").

#include <vector>

#include "accel/core/random.hpp"
#include "accel/crypto/ed25519.hpp"
#include "accel/libp2p/host.hpp"
#include "link.hpp"
#include "secure_codec.hpp"
#include "tls.hpp"

namespace accel::libp2p {

struct UpgradeOptions {
  bool dialer = false;
  crypto::Ed25519Key identity;
  TlsContext tls{};  // Where security names it.
  std::optional<PeerId> expected{};
  std::vector<Security> security{};       // In order of preference.
  std::optional<Duration> first_bytes{};  // Those of the peer must come within it.
};

struct Upgraded {
  SecureSession session;
  Security security = Security::noise;
  RawBuffer plain{};  // What the peer sent already.
};

// The link outlives the call. No other time limit of its own. Errors: protocol,
// unauthenticated, unsupported, unavailable, timeout.
Task<Upgraded> upgrade(Link& link, UpgradeOptions options, Random& random);

std::string_view security_name(Security security);
std::string_view security_protocol(Security security);

}  // namespace accel::libp2p
