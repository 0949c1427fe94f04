// SPDX-License-Identifier: Apache-2.0
#include "noise_payload.hpp"

#include "accel/ipld/protobuf.hpp"
#include "identity.hpp"

namespace accel::libp2p {
namespace {

using ipld::PbField;
using ipld::PbReader;
using ipld::WireType;

constexpr std::uint32_t kIdentityKey = 1;
constexpr std::uint32_t kSignature = 2;
constexpr std::uint32_t kExtensions = 4;
constexpr std::uint32_t kStreamMuxers = 2;
constexpr std::string_view kSignedPrefix = "noise-libp2p-static-key:";
constexpr std::size_t kMaxMuxers = 16;

tl::unexpected<Error> broken() {
  return fail(Errc::protocol, "The payload of a Noise handshake can't be read.");
}

Bytes signed_text(ByteView static_key) {
  Bytes text = to_bytes(kSignedPrefix);
  text.insert(text.end(), static_key.begin(), static_key.end());
  return text;
}

Status read_extensions(ByteView bytes, std::vector<std::string>& muxers) {
  for (PbReader reader(bytes); !reader.done();) {
    const auto field = reader.next();
    if (!field) return broken();
    if (field->number != kStreamMuxers) continue;
    if (field->type != WireType::bytes || muxers.size() == kMaxMuxers) return broken();
    muxers.emplace_back(as_text(field->bytes));
  }
  return {};
}

}  // namespace

Bytes encode_noise_payload(const crypto::Ed25519Key& identity, ByteView static_key,
                           const std::string& muxer) {
  Bytes out;
  ipld::put_bytes_field(out, kIdentityKey, public_key_protobuf(identity));
  ipld::put_bytes_field(out, kSignature, identity.sign(signed_text(static_key)));
  if (muxer.empty()) return out;
  Bytes extensions;
  ipld::put_bytes_field(extensions, kStreamMuxers, as_bytes(muxer));
  ipld::put_bytes_field(out, kExtensions, extensions);
  return out;
}

Result<NoisePayload> decode_noise_payload(ByteView payload) {
  NoisePayload read;
  for (PbReader reader(payload); !reader.done();) {
    const auto field = reader.next();
    if (!field) return broken();
    const bool known = field->number == kIdentityKey || field->number == kSignature ||
                       field->number == kExtensions;
    if (!known) continue;
    if (field->type != WireType::bytes) return broken();
    if (field->number == kIdentityKey) read.identity_key = to_bytes(field->bytes);
    if (field->number == kSignature) read.signature = to_bytes(field->bytes);
    if (field->number != kExtensions) continue;
    std::vector<std::string> muxers = read.muxers.value_or(std::vector<std::string>{});
    ACCEL_CHECK(read_extensions(field->bytes, muxers));
    // Extensions without this one say nothing about muxers.
    if (!muxers.empty()) read.muxers = std::move(muxers);
  }
  return read;
}

Result<ipld::PeerId> verify_noise_payload(const NoisePayload& payload, ByteView static_key) {
  return verify_identity(payload.identity_key, signed_text(static_key), payload.signature);
}

}  // namespace accel::libp2p
