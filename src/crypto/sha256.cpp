// SPDX-License-Identifier: Apache-2.0
#include "accel/crypto/sha256.hpp"

#include "evp.hpp"

namespace accel::crypto {
namespace {

const EVP_MD* digest() {
  static const EVP_MD* const fetched = detail::fetch_digest("SHA256");
  return fetched;
}

}  // namespace

Sha256Digest sha256(ByteView bytes) {
  thread_local detail::EvpContext context(digest());
  context.update(bytes);
  return context.finish<kSha256Bytes>();
}

struct Sha256::State {
  detail::EvpContext context{digest()};
};

Sha256::Sha256() : state_(std::make_unique<State>()) {}
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;
Sha256::~Sha256() = default;

void Sha256::update(ByteView bytes) { state_->context.update(bytes); }

Sha256Digest Sha256::finish() { return state_->context.finish<kSha256Bytes>(); }

}  // namespace accel::crypto
