// SPDX-License-Identifier: Apache-2.0
#include "accel/crypto/sha512.hpp"

#include "evp.hpp"

namespace accel::crypto {
namespace {

const EVP_MD* digest() {
  static const EVP_MD* const fetched = detail::fetch_digest("SHA512");
  return fetched;
}

}  // namespace

Sha512Digest sha512(ByteView bytes) {
  thread_local detail::EvpContext context(digest());
  context.update(bytes);
  return context.finish<kSha512Bytes>();
}

struct Sha512::State {
  detail::EvpContext context{digest()};
};

Sha512::Sha512() : state_(std::make_unique<State>()) {}
Sha512::Sha512(Sha512&&) noexcept = default;
Sha512& Sha512::operator=(Sha512&&) noexcept = default;
Sha512::~Sha512() = default;

void Sha512::update(ByteView bytes) { state_->context.update(bytes); }

Sha512Digest Sha512::finish() { return state_->context.finish<kSha512Bytes>(); }

}  // namespace accel::crypto
