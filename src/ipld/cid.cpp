// SPDX-License-Identifier: Apache-2.0
#include "accel/ipld/cid.hpp"

#include "accel/ipld/multibase.hpp"
#include "accel/ipld/varint.hpp"

namespace accel::ipld {
namespace {

constexpr std::size_t kV0TextSize = 46;
constexpr std::size_t kV0Bytes = 34;
constexpr std::size_t kSha256Bytes = 32;

bool looks_like_v0(ByteView bytes) {
  return bytes.size() >= 2 && bytes[0] == 0x12 && bytes[1] == kSha256Bytes;
}

// The error of a lower format, said of a CID.
tl::unexpected<Error> bad_cid(Error error) {
  error.message = "Not a CID: " + error.message;
  return fail(std::move(error));
}

// Reads one varint from the front of `rest` and moves past it.
Result<std::uint64_t> take_field(ByteView& rest) {
  auto field = get_uvarint(rest);
  if (!field) return bad_cid(std::move(field).error());
  rest = rest.subspan(field->size);
  return field->value;
}

Result<Cid::Prefix> read_v0(ByteView bytes) {
  if (bytes.size() < kV0Bytes) {
    return fail(Errc::invalid_argument, "Not a CID: version 0 has {} bytes, here are {}.", kV0Bytes,
                bytes.size());
  }
  auto hash = Multihash::from_bytes(bytes.first(kV0Bytes));
  if (!hash) return bad_cid(std::move(hash).error());
  return Cid::Prefix{Cid::v0(*std::move(hash)), kV0Bytes};
}

}  // namespace

std::string codec_name(Codec codec) {
  switch (codec) {
    case Codec::raw:
      return "raw";
    case Codec::dag_pb:
      return "dag-pb";
    case Codec::dag_cbor:
      return "dag-cbor";
    case Codec::libp2p_key:
      return "libp2p-key";
    case Codec::dag_json:
      return "dag-json";
    case Codec::car:
      return "car";
  }
  return fmt::format("0x{:x}", static_cast<std::uint64_t>(codec));
}

Cid Cid::v1(Codec codec, Multihash hash) { return {1, codec, std::move(hash)}; }

Cid Cid::v0(Multihash hash) {
  const bool fits = hash.code() == HashCode::sha2_256 && hash.digest().size() == kSha256Bytes;
  return {static_cast<std::uint8_t>(fits ? 0 : 1), Codec::dag_pb, std::move(hash)};
}

Result<Cid> Cid::parse(std::string_view text) {
  if (text.size() < 2 || text.size() > kMaxCidText) {
    return fail(Errc::invalid_argument, "Not a CID: a text of {} characters.", text.size());
  }
  const bool v0_text = text.size() == kV0TextSize && text.starts_with("Qm");
  auto decoded = v0_text ? base_decode(Multibase::base58btc, text) : multibase_decode(text);
  if (!decoded) return bad_cid(std::move(decoded).error());
  auto cid = from_bytes(*decoded);
  if (cid && (cid->version() == 0) != v0_text) {
    return fail(Errc::invalid_argument,
                "Not a CID: version 0 is written as 46 characters of bare base58btc, Qm….");
  }
  return cid;
}

Result<Cid> Cid::from_bytes(ByteView bytes) {
  ACCEL_TRY(Prefix prefix, read_prefix(bytes));
  if (prefix.size != bytes.size()) {
    return fail(Errc::invalid_argument, "Not a CID: {} bytes follow its end.",
                bytes.size() - prefix.size);
  }
  return std::move(prefix.cid);
}

Result<Cid::Prefix> Cid::read_prefix(ByteView bytes) {
  if (looks_like_v0(bytes)) return read_v0(bytes);
  ByteView rest = bytes;
  ACCEL_TRY(const std::uint64_t version, take_field(rest));
  if (version != 1) {
    return fail(Errc::invalid_argument, "Not a CID: version {} is not known here.", version);
  }
  ACCEL_TRY(const std::uint64_t codec, take_field(rest));
  const ByteView from_hash = rest;
  ACCEL_CHECK(take_field(rest));  // The hash function; from_bytes() reads it again.
  ACCEL_TRY(const std::uint64_t length, take_field(rest));
  if (length > rest.size()) {
    return fail(Errc::invalid_argument, "Not a CID: it promises {} bytes of digest and has {}.",
                length, rest.size());
  }
  auto hash = Multihash::from_bytes(from_hash.first(from_hash.size() - rest.size() + length));
  if (!hash) return bad_cid(std::move(hash).error());
  return Prefix{v1(static_cast<Codec>(codec), *std::move(hash)),
                bytes.size() - rest.size() + length};
}

std::string Cid::to_string() const {
  return version_ == 0 ? base_encode(Multibase::base58btc, hash_.bytes())
                       : multibase_encode(Multibase::base32, bytes());
}

std::size_t Cid::size_bytes() const {
  if (version_ == 0) return kV0Bytes;
  return 1 + uvarint_size(static_cast<std::uint64_t>(codec_)) + hash_.size_bytes();
}

void Cid::append_to(Bytes& out) const {
  if (version_ != 0) {
    put_uvarint(out, version_);
    put_uvarint(out, static_cast<std::uint64_t>(codec_));
  }
  hash_.append_to(out);
}

Bytes Cid::bytes() const {
  Bytes out;
  out.reserve(size_bytes());
  append_to(out);
  return out;
}

Cid Cid::as_v1() const { return v1(codec_, hash_); }

Status verify_block(const Cid& cid, ByteView block) {
  auto same = verify(cid.hash(), block);
  if (!same) {
    Error error = std::move(same).error();
    error.message = fmt::format("The block {} cannot be verified. {}", cid, error.message);
    return fail(std::move(error));
  }
  if (*same) return {};
  return fail(Errc::corrupt, "These {} bytes are not the block {}: their hash differs.",
              block.size(), cid);
}

}  // namespace accel::ipld

std::size_t std::hash<accel::ipld::Cid>::operator()(const accel::ipld::Cid& cid) const noexcept {
  constexpr std::size_t kSpread = 0x9E3779B97F4A7C15U;  // 2^64 / golden ratio, Knuth's multiplier.
  const auto kind =
      static_cast<std::size_t>(cid.codec()) * 2 + static_cast<unsigned>(cid.version());
  return std::hash<std::string_view>{}(accel::as_text(cid.hash().digest())) ^ (kind * kSpread);
}
