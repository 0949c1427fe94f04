// SPDX-License-Identifier: Apache-2.0
#include "noise.hpp"

#include <gtest/gtest.h>

#include "identity.hpp"
#include "noise_parts.hpp"
#include "noise_payload.hpp"

namespace accel::libp2p {
namespace {

crypto::Ed25519Key key(std::uint64_t seed) {
  SeededRandom random(seed);
  return crypto::Ed25519Key::generate(random);
}

struct Pair {
  explicit Pair(NoiseOptions first = {true, key(1)}, NoiseOptions second = {false, key(2)})
      : random(3),
        left(make_noise_handshake(std::move(first), random)),
        right(make_noise_handshake(std::move(second), random)) {}

  Status run() {
    ACCEL_CHECK(left->start(to_right));
    for (int i = 0; i < 4 && !(left->done() && right->done()); ++i) {
      ACCEL_CHECK(right->advance(to_right, to_left));
      ACCEL_CHECK(left->advance(to_left, to_right));
    }
    return {};
  }

  SeededRandom random;
  std::unique_ptr<SecureHandshake> left;
  std::unique_ptr<SecureHandshake> right;
  RawBuffer to_right;
  RawBuffer to_left;
};

TEST(NoiseHandshake, tells_both_sides_who_the_other_is_and_agrees_on_the_muxer) {
  Pair pair;
  ASSERT_TRUE(pair.run());
  const SecureSession left = pair.left->take();
  const SecureSession right = pair.right->take();
  EXPECT_EQ(left.peer, peer_id_of(key(2)));
  EXPECT_EQ(right.peer, peer_id_of(key(1)));
  EXPECT_EQ(left.muxer, kYamuxProtocol);
  EXPECT_EQ(right.muxer, kYamuxProtocol);
}

TEST(NoiseHandshake, leaves_the_muxer_open_when_one_side_says_nothing) {
  Pair pair({true, key(1), {}, ""}, {false, key(2)});
  ASSERT_TRUE(pair.run());
  EXPECT_FALSE(pair.left->take().muxer);
  EXPECT_FALSE(pair.right->take().muxer);
}

TEST(NoiseHandshake, fails_without_a_common_muxer) {
  Pair pair({true, key(1), {}, "/mplex/6.7.0"}, {false, key(2)});
  EXPECT_EQ(pair.run().error().code, Errc::protocol);
}

TEST(NoiseHandshake, refuses_another_peer_than_expected) {
  Pair pair({true, key(1), peer_id_of(key(9))}, {false, key(2)});
  EXPECT_EQ(pair.run().error().code, Errc::unauthenticated);
}

TEST(NoiseHandshake, takes_the_peer_that_is_expected) {
  Pair pair({true, key(1), peer_id_of(key(2))}, {false, key(2)});
  EXPECT_TRUE(pair.run());
}

TEST(NoiseHandshake, carries_bytes_both_ways_in_frames_of_any_size) {
  Pair pair;
  ASSERT_TRUE(pair.run());
  SecureSession left = pair.left->take();
  SecureSession right = pair.right->take();
  for (const std::size_t size : {0UL, 1UL, kNoiseMaxPlain, kNoiseMaxPlain + 1, 300'000UL}) {
    const Bytes sent(size, static_cast<std::uint8_t>(size));
    RawBuffer wire;
    RawBuffer plain;
    ASSERT_TRUE(left.codec->seal(sent, wire));
    ASSERT_TRUE(right.codec->open(wire, plain));
    EXPECT_TRUE(wire.empty());
    EXPECT_EQ(to_bytes(plain.view()), sent);
    ASSERT_TRUE(right.codec->seal(sent, wire));
    plain.clear();
    ASSERT_TRUE(left.codec->open(wire, plain));
    EXPECT_EQ(plain.size(), size);
  }
}

TEST(NoiseCodec, waits_for_the_rest_of_a_frame) {
  Pair pair;
  ASSERT_TRUE(pair.run());
  SecureSession left = pair.left->take();
  SecureSession right = pair.right->take();
  RawBuffer wire;
  ASSERT_TRUE(left.codec->seal(Bytes(100, 5), wire));
  RawBuffer arrived;
  RawBuffer plain;
  for (const std::uint8_t byte : wire.view()) {
    arrived.append({&byte, 1});
    ASSERT_TRUE(right.codec->open(arrived, plain));
  }
  EXPECT_EQ(plain.size(), 100U);
}

TEST(NoiseCodec, refuses_frames_that_are_changed_repeated_or_too_short) {
  for (const int what : {0, 1, 2}) {
    Pair pair;
    ASSERT_TRUE(pair.run());
    SecureSession left = pair.left->take();
    SecureSession right = pair.right->take();
    RawBuffer wire;
    RawBuffer plain;
    ASSERT_TRUE(left.codec->seal(Bytes(100, 5), wire));
    const Bytes frame = to_bytes(wire.view());
    if (what == 0) wire.data()[40] ^= 1;
    if (what == 1) wire.append(frame);  // A replay.
    if (what == 2) {
      wire.clear();
      wire.append(Bytes{0, 15});
    }
    EXPECT_EQ(right.codec->open(wire, plain).error().code, Errc::protocol) << what;
  }
}

// Every bit of every message of the handshake matters.
TEST(NoiseHandshake, fails_when_any_byte_is_changed_on_the_way) {
  Pair honest;
  ASSERT_TRUE(honest.left->start(honest.to_right));
  const std::size_t first = honest.to_right.size();
  ASSERT_TRUE(honest.right->advance(honest.to_right, honest.to_left));
  const std::size_t second = honest.to_left.size();
  for (std::size_t at = kNoiseLengthBytes; at < second; at += 7) {
    Pair pair;
    ASSERT_TRUE(pair.left->start(pair.to_right));
    ASSERT_TRUE(pair.right->advance(pair.to_right, pair.to_left));
    pair.to_left.data()[at] ^= 0x01;
    EXPECT_FALSE(pair.left->advance(pair.to_left, pair.to_right)) << at;
  }
  for (std::size_t at = kNoiseLengthBytes; at + 1 < first; at += 5) {  // The top bit is ignored.
    Pair pair;
    ASSERT_TRUE(pair.left->start(pair.to_right));
    pair.to_right.data()[at] ^= 0x01;
    ASSERT_TRUE(pair.right->advance(pair.to_right, pair.to_left));
    EXPECT_FALSE(pair.left->advance(pair.to_left, pair.to_right)) << at;
  }
}

TEST(NoiseHandshake, fails_on_lengths_that_no_message_has) {
  for (const std::size_t length : {0UL, 1UL, 31UL, 33UL, 1000UL}) {
    Pair pair;
    RawBuffer in;
    put_noise_length(in.extend(2), length);
    in.append(Bytes(length, 9));
    EXPECT_FALSE(pair.right->advance(in, pair.to_left)) << length;
  }
}

TEST(NoiseHandshake, refuses_keys_of_small_order) {
  Pair pair;
  RawBuffer in;
  put_noise_length(in.extend(2), 32);
  in.append(Bytes(32, 0));
  EXPECT_FALSE(pair.right->advance(in, pair.to_left));
}

TEST(NoisePayload, proves_the_identity_or_nothing) {
  const Bytes static_key(32, 4);
  const auto payload =
      decode_noise_payload(encode_noise_payload(key(1), static_key, "/yamux/1.0.0")).value();
  EXPECT_EQ(verify_noise_payload(payload, static_key).value(), peer_id_of(key(1)));
  EXPECT_FALSE(verify_noise_payload(payload, Bytes(32, 5)));
  NoisePayload stolen = payload;
  stolen.identity_key = public_key_protobuf(key(2));
  EXPECT_FALSE(verify_noise_payload(stolen, static_key));
  EXPECT_FALSE(verify_noise_payload({}, static_key));
  EXPECT_FALSE(decode_noise_payload(Bytes{0x0a, 0x05, 1}));
  EXPECT_FALSE(decode_noise_payload(Bytes{0x08, 0x05}));
}

}  // namespace
}  // namespace accel::libp2p
