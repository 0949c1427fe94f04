// SPDX-License-Identifier: Apache-2.0
// A peer that shakes hands: with fixed keys, as initiator and as responder, then frames. The first
// byte says where the hostile bytes begin: so many messages of an honest peer go before.
#include <cstdlib>

#include "../../src/libp2p/identity.hpp"
#include "../../src/libp2p/noise.hpp"
#include "../../src/libp2p/noise_payload.hpp"

namespace {

using namespace accel;
using namespace accel::libp2p;

struct Pair {
  Pair() : random(1), key(crypto::Ed25519Key::generate(random)) {
    left = make_noise_handshake({true, key}, random);
    right = make_noise_handshake({false, key}, random);
  }
  SeededRandom random;
  crypto::Ed25519Key key;
  std::unique_ptr<SecureHandshake> left, right;
  RawBuffer to_left, to_right;
};

void attack(SecureHandshake& victim, ByteView bytes) {
  RawBuffer in;
  RawBuffer out;
  in.append(bytes);
  if (victim.advance(in, out) && victim.done()) {
    RawBuffer plain;
    static_cast<void>(victim.take().codec->open(in, plain));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const ByteView bytes(data + 1, size - 1);
  if (const auto payload = decode_noise_payload(bytes)) {
    static_cast<void>(verify_noise_payload(*payload, bytes));
  }
  Pair pair;
  if (!pair.left->start(pair.to_right)) std::abort();
  switch (data[0] % 4) {
    case 0:
      attack(*pair.right, bytes);
      break;
    case 1:
      attack(*pair.left, bytes);
      break;
    case 2:
      if (!pair.right->advance(pair.to_right, pair.to_left)) std::abort();
      attack(*pair.right, bytes);
      break;
    default: {
      if (!pair.right->advance(pair.to_right, pair.to_left) ||
          !pair.left->advance(pair.to_left, pair.to_right) ||
          !pair.right->advance(pair.to_right, pair.to_left)) {
        std::abort();
      }
      attack(*pair.right, bytes);
    }
  }
  return 0;
}
