// SPDX-License-Identifier: Apache-2.0
#pragma once
// What hides a connection of a private swarm from who lacks its key: each side sends a nonce before
// its first byte, and all that follows is one XSalsa20 stream. Pure; private to libp2p, used by
// Link. Whoever lacks the key reads noise and fails at the first protocol. Spec: libp2p/specs
// pnet/Private-Networks-PSK-V1.md.

#include <optional>

#include "accel/core/random.hpp"
#include "accel/core/raw_buffer.hpp"
#include "accel/crypto/xsalsa20.hpp"

namespace accel::libp2p {

class PrivateSwarm {
 public:
  PrivateSwarm(const crypto::Secret32& key, Random& random);

  // Hides the bytes in place; the first time the nonce is put in front of them.
  void hide(RawBuffer& out);
  // The last `count` bytes of `in` have just come: they become readable in place, without the
  // nonce. Before the nonce is whole, nothing else is in `in`.
  void reveal(RawBuffer& in, std::size_t count);

 private:
  crypto::Secret32 key_;
  crypto::XSalsa20Nonce own_nonce_{};
  bool greeted_ = false;
  crypto::XSalsa20Nonce their_nonce_{};
  std::size_t nonce_bytes_ = 0;
  std::optional<crypto::XSalsa20> out_;
  std::optional<crypto::XSalsa20> in_;
};

}  // namespace accel::libp2p
