// SPDX-License-Identifier: Apache-2.0
#include "accel/crypto/chacha20_poly1305.hpp"
#include "noise.hpp"
#include "noise_parts.hpp"

namespace accel::libp2p {
namespace {

using crypto::kPoly1305TagBytes;

class NoiseCodec final : public SecureCodec {
 public:
  NoiseCodec(const crypto::Secret32& send_key, const crypto::Secret32& receive_key)
      : sending_(send_key), receiving_(receive_key) {}

  Status seal(ByteView plain, RawBuffer& wire) override {
    while (!plain.empty()) {
      const ByteView part = plain.first(std::min(plain.size(), kNoiseMaxPlain));
      plain = plain.subspan(part.size());
      if (sent_ == kNoiseLastNonce) {
        return fail(Errc::resource_exhausted, "The Noise connection has used up its nonces.");
      }
      const std::size_t length = part.size() + kPoly1305TagBytes;
      std::uint8_t* const out = wire.extend(kNoiseLengthBytes + length);
      put_noise_length(out, length);
      sending_.seal(noise_nonce(sent_++), {}, part, out + kNoiseLengthBytes);
    }
    return {};
  }

  Status open(RawBuffer& wire, RawBuffer& plain) override {
    while (wire.size() >= kNoiseLengthBytes) {
      const std::size_t length = noise_length(wire.data());
      if (length < kPoly1305TagBytes) {
        return fail(Errc::protocol, "A Noise message of {} bytes is too short.", length);
      }
      if (wire.size() < kNoiseLengthBytes + length) return {};
      const ByteView sealed = wire.view().subspan(kNoiseLengthBytes, length);
      std::uint8_t* const out = plain.extend(length - kPoly1305TagBytes);
      if (received_ == kNoiseLastNonce ||
          !receiving_.open(noise_nonce(received_++), {}, sealed, out)) {
        return fail(Errc::protocol, "A Noise message is forged or broken.");
      }
      wire.consume(kNoiseLengthBytes + length);
    }
    return {};
  }

 private:
  crypto::ChaCha20Poly1305 sending_;
  crypto::ChaCha20Poly1305 receiving_;
  std::uint64_t sent_ = 0;
  std::uint64_t received_ = 0;
};

}  // namespace

std::unique_ptr<SecureCodec> make_noise_codec(const crypto::Secret32& send_key,
                                              const crypto::Secret32& receive_key) {
  return std::make_unique<NoiseCodec>(send_key, receive_key);
}

}  // namespace accel::libp2p
