// SPDX-License-Identifier: Apache-2.0
#pragma once
// Noise XX with the payload and the extensions of libp2p: a state machine without I/O. Private to
// libp2p. Specs: libp2p/specs noise/README.md, noiseprotocol.org revision 34 (section 5),
// connections/inlined-muxer-negotiation.md.

#include <memory>

#include "accel/core/random.hpp"
#include "accel/crypto/ed25519.hpp"
#include "accel/crypto/x25519.hpp"
#include "secure_codec.hpp"

namespace accel::libp2p {

inline constexpr std::size_t kNoiseMaxMessage = 65535;
inline constexpr std::size_t kNoiseMaxPlain = kNoiseMaxMessage - 16;

struct NoiseOptions {
  bool initiator = false;
  crypto::Ed25519Key identity;
  std::optional<ipld::PeerId> expected{};  // Whom the initiator means; nothing: whoever answers.
  // The muxer that both offer inside the handshake; empty: none, so that it is negotiated after.
  std::string muxer{kYamuxProtocol};
};

// Takes two fresh keys from the random source.
std::unique_ptr<SecureHandshake> make_noise_handshake(NoiseOptions options, Random& random);

// The frames after the handshake; each direction has its key. Also for benchmarks.
std::unique_ptr<SecureCodec> make_noise_codec(const crypto::Secret32& send_key,
                                              const crypto::Secret32& receive_key);

}  // namespace accel::libp2p
