// SPDX-License-Identifier: Apache-2.0
#include "accel/crypto/chacha20_poly1305.hpp"

#include "evp.hpp"

namespace accel::crypto {
namespace {

struct FreeCipher {
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};
using Cipher = std::unique_ptr<EVP_CIPHER_CTX, FreeCipher>;

// Fetched once, as the digests are.
const EVP_CIPHER* cipher_kind() {
  static const EVP_CIPHER* const kind = EVP_CIPHER_fetch(nullptr, "ChaCha20-Poly1305", nullptr);
  if (kind == nullptr) detail::evp_failed("EVP_CIPHER_fetch");
  return kind;
}

// The key stays in the context; each message sets only its nonce.
Cipher make_context(ByteView key, bool sealing) {
  Cipher context(EVP_CIPHER_CTX_new());
  if (!context || EVP_CipherInit_ex2(context.get(), cipher_kind(), key.data(), nullptr,
                                     sealing ? 1 : 0, nullptr) != 1) {
    detail::evp_failed("EVP_CipherInit_ex2");
  }
  return context;
}

bool feed(EVP_CIPHER_CTX* context, std::uint8_t* out, ByteView in) {
  int written = 0;
  return in.empty() ||
         EVP_CipherUpdate(context, out, &written, in.data(), static_cast<int>(in.size())) == 1;
}

}  // namespace

struct ChaCha20Poly1305::State {
  Secret32 key;
  Cipher sealing{};
  Cipher opening{};
};

ChaCha20Poly1305::ChaCha20Poly1305(const Secret32& key) : state_(std::make_unique<State>()) {
  state_->key = key;
}
ChaCha20Poly1305::ChaCha20Poly1305(ChaCha20Poly1305&&) noexcept = default;
ChaCha20Poly1305& ChaCha20Poly1305::operator=(ChaCha20Poly1305&&) noexcept = default;
ChaCha20Poly1305::~ChaCha20Poly1305() = default;

void ChaCha20Poly1305::seal(const ChaChaNonce& nonce, ByteView associated, ByteView plain,
                            std::uint8_t* out) {
  if (!state_->sealing) state_->sealing = make_context(state_->key.view(), true);
  EVP_CIPHER_CTX* const context = state_->sealing.get();
  int written = 0;
  if (EVP_CipherInit_ex2(context, nullptr, nullptr, nonce.data(), 1, nullptr) != 1 ||
      !feed(context, nullptr, associated) || !feed(context, out, plain) ||
      EVP_CipherFinal_ex(context, out + plain.size(), &written) != 1 ||
      EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, kPoly1305TagBytes, out + plain.size()) !=
          1) {
    detail::evp_failed("EVP_CipherUpdate");
  }
}

bool ChaCha20Poly1305::open(const ChaChaNonce& nonce, ByteView associated, ByteView sealed,
                            std::uint8_t* out) {
  if (sealed.size() < kPoly1305TagBytes) return false;
  if (!state_->opening) state_->opening = make_context(state_->key.view(), false);
  EVP_CIPHER_CTX* const context = state_->opening.get();
  const ByteView text = sealed.first(sealed.size() - kPoly1305TagBytes);
  std::array<std::uint8_t, kPoly1305TagBytes> tag{};  // OpenSSL takes it from writable memory.
  std::copy(sealed.end() - kPoly1305TagBytes, sealed.end(), tag.begin());
  std::array<std::uint8_t, kPoly1305TagBytes> rest{};
  int written = 0;
  return EVP_CipherInit_ex2(context, nullptr, nullptr, nonce.data(), 0, nullptr) == 1 &&
         EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, kPoly1305TagBytes, tag.data()) == 1 &&
         feed(context, nullptr, associated) && feed(context, out, text) &&
         EVP_CipherFinal_ex(context, rest.data(), &written) == 1;
}

}  // namespace accel::crypto
