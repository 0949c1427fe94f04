// SPDX-License-Identifier: Apache-2.0
#include "private_swarm.hpp"

#include <algorithm>

namespace accel::libp2p {

PrivateSwarm::PrivateSwarm(const crypto::Secret32& key, Random& random) : key_(key) {
  random.fill(own_nonce_);
  out_.emplace(key_, own_nonce_);
}

void PrivateSwarm::hide(RawBuffer& out) {
  out_->apply(out.writable());
  if (std::exchange(greeted_, true)) return;
  RawBuffer greeting(own_nonce_.size() + out.size());
  greeting.append(own_nonce_);
  greeting.append(out.view());
  out.swap(greeting);
}

void PrivateSwarm::reveal(RawBuffer& in, std::size_t count) {
  if (!in_) {
    const std::size_t part = std::min(in.size(), their_nonce_.size() - nonce_bytes_);
    std::copy_n(in.data(), part, their_nonce_.begin() + static_cast<std::ptrdiff_t>(nonce_bytes_));
    nonce_bytes_ += part;
    in.consume(part);
    count -= part;
    if (nonce_bytes_ < their_nonce_.size()) return;
    in_.emplace(key_, their_nonce_);
  }
  in_->apply(in.writable().last(count));
}

}  // namespace accel::libp2p
