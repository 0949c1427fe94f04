// SPDX-License-Identifier: Apache-2.0
#include "accel/ipld/peer_id.hpp"

#include <algorithm>

#include "accel/ipld/cid.hpp"
#include "accel/ipld/multibase.hpp"
#include "accel/ipld/protobuf.hpp"

namespace accel::ipld {
namespace {

constexpr std::uint32_t kType = 1;
constexpr std::uint32_t kData = 2;
constexpr std::size_t kMaxInlineKey = 42;  // peer-ids.md: larger keys are hashed.
constexpr std::size_t kSha256Bytes = 32;

tl::unexpected<Error> no_peer(std::string_view text) {
  return fail(Errc::invalid_argument, "\"{}\" is no peer id; one looks like 12D3Koo… or Qm….",
              text.substr(0, 80));
}

Result<crypto::KeyType> key_type(std::uint64_t number) {
  if (number > static_cast<std::uint64_t>(crypto::KeyType::ecdsa)) {
    return fail(Errc::unsupported, "Public keys of type {} are not known.", number);
  }
  return static_cast<crypto::KeyType>(number);
}

}  // namespace

Bytes encode_public_key(const PublicKey& key) {
  Bytes out;
  put_varint_field(out, kType, static_cast<std::uint64_t>(key.type));
  put_bytes_field(out, kData, key.data);
  return out;
}

Result<PublicKey> decode_public_key(ByteView protobuf) {
  PublicKey key;
  bool typed = false;
  bool filled = false;
  for (PbReader reader(protobuf); !reader.done();) {
    ACCEL_TRY(const PbField field, reader.next());
    if (field.number == kType) {
      ACCEL_CHECK(field.expect(WireType::varint, "The type of a public key"));
      ACCEL_TRY(key.type, key_type(field.value));
      typed = true;
    } else if (field.number == kData) {
      ACCEL_CHECK(field.expect(WireType::bytes, "A public key"));
      if (field.bytes.size() > crypto::kMaxPublicKeyBytes) {
        return fail(Errc::corrupt, "A public key of {} bytes is too long.", field.bytes.size());
      }
      key.data = to_bytes(field.bytes);
      filled = true;
    }
  }
  if (!typed || !filled) return fail(Errc::corrupt, "A public key lacks its type or its bytes.");
  return key;
}

Result<PeerId> PeerId::from_bytes(ByteView multihash) {
  ACCEL_TRY(Multihash hash, Multihash::from_bytes(multihash));
  const std::size_t size = hash.digest().size();
  const bool inlined = hash.code() == HashCode::identity && size > 0 && size <= kMaxInlineKey;
  const bool hashed = hash.code() == HashCode::sha2_256 && size == kSha256Bytes;
  if (!inlined && !hashed) {
    return fail(Errc::invalid_argument, "The multihash is not one of a peer's public key.");
  }
  return PeerId(std::move(hash));
}

Result<PeerId> PeerId::parse(std::string_view text) {
  if (text.starts_with("1") || text.starts_with("Qm")) {
    const auto bytes = base_decode(Multibase::base58btc, text);
    if (!bytes) return no_peer(text);
    auto peer = from_bytes(*bytes);
    if (!peer) return no_peer(text);
    return peer;
  }
  const auto cid = Cid::parse(text);
  if (!cid || cid->codec() != Codec::libp2p_key) return no_peer(text);
  auto peer = from_bytes(cid->hash().bytes());
  if (!peer) return no_peer(text);
  return peer;
}

PeerId PeerId::of_public_key(ByteView protobuf) {
  if (protobuf.size() > kMaxInlineKey) return PeerId(sha2_256(protobuf));
  return PeerId(Multihash::wrap(HashCode::identity, protobuf).value());
}

std::string PeerId::to_string() const { return base_encode(Multibase::base58btc, bytes()); }

ByteView PeerId::inline_key() const {
  return hash_.code() == HashCode::identity ? hash_.digest() : ByteView{};
}

}  // namespace accel::ipld

std::size_t std::hash<accel::ipld::PeerId>::operator()(
    const accel::ipld::PeerId& peer) const noexcept {
  return std::hash<std::string_view>{}(accel::as_text(peer.hash().digest()));
}
