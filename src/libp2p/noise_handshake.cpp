// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <utility>

#include "accel/crypto/hkdf.hpp"
#include "accel/crypto/sha256.hpp"
#include "noise.hpp"
#include "noise_parts.hpp"
#include "noise_payload.hpp"

namespace accel::libp2p {
namespace {

using crypto::kPoly1305TagBytes;
using crypto::kX25519Bytes;
using crypto::Secret32;

constexpr std::string_view kName = "Noise_XX_25519_ChaChaPoly_SHA256";  // 32 bytes: its own hash.
static_assert(kName.size() == crypto::kSha256Bytes);

// Section 5.2: the transcript's hash and the key that grows with it.
class SymmetricState {
 public:
  SymmetricState() {
    std::ranges::copy(kName, hash_.begin());
    std::ranges::copy(kName, chaining_key_.writable().begin());
    mix_hash({});  // The empty prologue.
  }

  void mix_hash(ByteView bytes) {
    crypto::Sha256 hash;
    hash.update(hash_);
    hash.update(bytes);
    hash_ = hash.finish();
  }

  void mix_key(const Secret32& input) {
    auto keys = expand(input.view());
    chaining_key_ = keys.first;
    cipher_.emplace(keys.second);
    nonce_ = 0;
  }

  void seal(ByteView plain, Bytes& out) {
    const std::size_t at = out.size();
    if (cipher_) {
      out.resize(at + plain.size() + kPoly1305TagBytes);
      cipher_->seal(noise_nonce(nonce_++), hash_, plain, out.data() + at);
    } else {
      out.insert(out.end(), plain.begin(), plain.end());
    }
    mix_hash(ByteView(out).subspan(at));
  }

  Result<Bytes> open(ByteView sealed) {
    Bytes plain(sealed.begin(), sealed.end());
    if (cipher_) {
      if (!cipher_->open(noise_nonce(nonce_++), hash_, sealed, plain.data())) {
        return fail(Errc::protocol, "A message of the Noise handshake is forged or broken.");
      }
      plain.resize(sealed.size() - kPoly1305TagBytes);
    }
    mix_hash(sealed);
    return plain;
  }

  // The keys of initiator and responder.
  std::pair<Secret32, Secret32> split() const { return expand({}); }

 private:
  std::pair<Secret32, Secret32> expand(ByteView input) const {
    crypto::Secret<2 * crypto::kSha256Bytes> keys;
    crypto::hkdf_sha256(chaining_key_.view(), input, {}, keys.writable());
    const auto both = std::span<const std::uint8_t, 64>(keys.writable());
    return {Secret32(both.first<32>()), Secret32(both.last<32>())};
  }

  crypto::Sha256Digest hash_{};
  Secret32 chaining_key_;
  std::optional<crypto::ChaCha20Poly1305> cipher_;
  std::uint64_t nonce_ = 0;
};

class NoiseHandshake final : public SecureHandshake {
 public:
  NoiseHandshake(NoiseOptions options, Random& random)
      : options_(std::move(options)),
        ephemeral_(crypto::X25519Key::generate(random)),
        static_(crypto::X25519Key::generate(random)) {}

  Status start(RawBuffer& out) override {
    if (!options_.initiator) return {};
    Bytes message(ephemeral_.public_key().begin(), ephemeral_.public_key().end());
    state_.mix_hash(message);
    state_.mix_hash({});  // No payload: anybody could read it.
    send(message, out);
    return {};
  }

  Status advance(RawBuffer& in, RawBuffer& out) override {
    while (!done_ && in.size() >= kNoiseLengthBytes) {
      const std::size_t length = noise_length(in.data());
      if (in.size() < kNoiseLengthBytes + length) return {};
      const Bytes message = to_bytes(in.view().subspan(kNoiseLengthBytes, length));
      in.consume(kNoiseLengthBytes + length);
      ACCEL_CHECK(receive(message, out));
    }
    return {};
  }

  bool done() const override { return done_; }

  SecureSession take() override {
    auto keys = state_.split();
    const Secret32& mine = options_.initiator ? keys.first : keys.second;
    const Secret32& theirs = options_.initiator ? keys.second : keys.first;
    return {make_noise_codec(mine, theirs), std::move(peer_), std::move(muxer_)};
  }

 private:
  Status receive(ByteView message, RawBuffer& out) {
    if (options_.initiator) return receive_second(message, out);
    return heard_ephemeral_ ? receive_third(message) : receive_first(message, out);
  }

  // -> e; answered by <- e, ee, s, es.
  Status receive_first(ByteView message, RawBuffer& out) {
    if (message.size() != kX25519Bytes) return too_short();
    hear_ephemeral(message);
    state_.mix_hash({});
    Bytes reply(ephemeral_.public_key().begin(), ephemeral_.public_key().end());
    state_.mix_hash(reply);
    ACCEL_CHECK(mix(ephemeral_, their_ephemeral_));
    state_.seal(static_.public_key(), reply);
    ACCEL_CHECK(mix(static_, their_ephemeral_));
    state_.seal(own_payload(), reply);
    send(reply, out);
    return {};
  }

  // <- e, ee, s, es; answered by -> s, se.
  Status receive_second(ByteView message, RawBuffer& out) {
    constexpr std::size_t kSealedKey = kX25519Bytes + kPoly1305TagBytes;
    if (message.size() < kX25519Bytes + kSealedKey + kPoly1305TagBytes) return too_short();
    hear_ephemeral(message.first(kX25519Bytes));
    ACCEL_CHECK(mix(ephemeral_, their_ephemeral_));
    ACCEL_TRY(const Bytes their_static, state_.open(message.subspan(kX25519Bytes, kSealedKey)));
    ACCEL_CHECK(mix(ephemeral_, their_static));
    ACCEL_TRY(const Bytes payload, state_.open(message.subspan(kX25519Bytes + kSealedKey)));
    ACCEL_CHECK(know(payload, their_static));
    Bytes reply;
    state_.seal(static_.public_key(), reply);
    ACCEL_CHECK(mix(static_, their_ephemeral_));
    state_.seal(own_payload(), reply);
    send(reply, out);
    done_ = true;
    return {};
  }

  // -> s, se.
  Status receive_third(ByteView message) {
    constexpr std::size_t kSealedKey = kX25519Bytes + kPoly1305TagBytes;
    if (message.size() < kSealedKey + kPoly1305TagBytes) return too_short();
    ACCEL_TRY(const Bytes their_static, state_.open(message.first(kSealedKey)));
    ACCEL_CHECK(mix(ephemeral_, their_static));
    ACCEL_TRY(const Bytes payload, state_.open(message.subspan(kSealedKey)));
    ACCEL_CHECK(know(payload, their_static));
    done_ = true;
    return {};
  }

  void hear_ephemeral(ByteView key) {
    their_ephemeral_ = to_bytes(key);
    heard_ephemeral_ = true;
    state_.mix_hash(key);
  }

  Status mix(const crypto::X25519Key& own, ByteView theirs) {
    const auto shared = own.agree(theirs);
    if (!shared) return fail(Errc::protocol, "The peer's Noise key can't be used.");
    state_.mix_key(*shared);
    return {};
  }

  // Proves that the owner of the identity owns the static key too.
  Bytes own_payload() const {
    return encode_noise_payload(options_.identity, static_.public_key(), options_.muxer);
  }

  Status know(ByteView payload, ByteView their_static) {
    ACCEL_TRY(NoisePayload read, decode_noise_payload(payload));
    ACCEL_TRY(peer_, verify_noise_payload(read, their_static));
    if (options_.expected && *peer_ != *options_.expected) {
      return fail(Errc::unauthenticated, "The peer is {}, not {} as expected.", peer_->to_string(),
                  options_.expected->to_string());
    }
    if (!read.muxers || options_.muxer.empty()) return {};
    if (std::ranges::find(*read.muxers, options_.muxer) == read.muxers->end()) {
      return fail(Errc::protocol, "The peer offers no multiplexer but: {}.",
                  fmt::join(*read.muxers, ", "));
    }
    muxer_ = options_.muxer;
    return {};
  }

  static tl::unexpected<Error> too_short() {
    return fail(Errc::protocol, "A message of the Noise handshake has a wrong length.");
  }

  static void send(ByteView message, RawBuffer& out) {
    put_noise_length(out.extend(kNoiseLengthBytes), message.size());
    out.append(message);
  }

  NoiseOptions options_;
  crypto::X25519Key ephemeral_;
  crypto::X25519Key static_;
  SymmetricState state_;
  Bytes their_ephemeral_;
  bool heard_ephemeral_ = false;
  bool done_ = false;
  std::optional<ipld::PeerId> peer_;
  std::optional<std::string> muxer_;
};

}  // namespace

std::unique_ptr<SecureHandshake> make_noise_handshake(NoiseOptions options, Random& random) {
  return std::make_unique<NoiseHandshake>(std::move(options), random);
}

}  // namespace accel::libp2p
