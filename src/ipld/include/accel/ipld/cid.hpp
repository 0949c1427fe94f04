// SPDX-License-Identifier: Apache-2.0
#pragma once
// Content identifiers: what everything is named by. Value type of 80 bytes, cheap to copy, ordered
// and hashable. Used by every module from blockstore up. Immutable once made, so safe to share
// between threads. Spec: multiformats/cid (the decoding algorithm in its README); CIDv0 is 34 bytes
// 12 20 …, dag-pb and sha2-256.

#include <compare>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "accel/core/bytes.hpp"
#include "accel/ipld/multihash.hpp"

namespace accel::ipld {

// Codes of the multicodec table; others are carried along.
enum class Codec : std::uint64_t {
  raw = 0x55,
  dag_pb = 0x70,
  dag_cbor = 0x71,
  libp2p_key = 0x72,
  dag_json = 0x129,
  car = 0x202,
};

// "raw", "dag-pb", … or "0x1234" for a code without a name here.
std::string codec_name(Codec codec);

inline constexpr std::size_t kMaxCidBytes = 168;  // As Kubo's bitswap.
inline constexpr std::size_t kMaxCidText = 512;   // Holds kMaxCidBytes in any base.

class Cid {
 public:
  // bafkqaaa, the CIDv1 of no bytes at all: raw codec, identity hash. Every gateway knows its
  // block.
  Cid() = default;
  static Cid v1(Codec codec, Multihash hash);
  // CIDv0: `hash` must be sha2-256; any other hash gives the CIDv1 of dag-pb.
  static Cid v0(Multihash hash);

  // Reads the text form: Qm… or multibase. Errors: invalid_argument.
  static Result<Cid> parse(std::string_view text);
  // The whole of `bytes` must be one CID. Errors: invalid_argument.
  static Result<Cid> from_bytes(ByteView bytes);
  struct Prefix;
  // Reads one CID from the front, as CAR sections and bitswap blocks carry it. Errors:
  // invalid_argument.
  static Result<Prefix> read_prefix(ByteView bytes);

  int version() const { return version_; }
  Codec codec() const { return codec_; }
  const Multihash& hash() const { return hash_; }

  std::string to_string() const;  // v0: base58btc; v1: base32.
  Bytes bytes() const;
  std::size_t size_bytes() const;
  void append_to(Bytes& out) const;
  Cid as_v1() const;
  // The bytes themselves when the hash is identity ("inlined" CIDs, which never travel), else
  // nothing.
  bool is_identity() const { return hash_.code() == HashCode::identity; }

  friend bool operator==(const Cid&, const Cid&) = default;
  friend std::strong_ordering operator<=>(const Cid&, const Cid&) = default;

 private:
  Cid(std::uint8_t version, Codec codec, Multihash hash)
      : version_(version), codec_(codec), hash_(std::move(hash)) {}

  std::uint8_t version_ = 1;
  Codec codec_ = Codec::raw;
  Multihash hash_;
};

struct Cid::Prefix {
  Cid cid{};
  std::size_t size = 0;  // Bytes it took.
};

// Whether `block` is what `cid` names.
// Errors: corrupt (it is not; the message names the CID), unsupported (its hash function), as
// verify().
Status verify_block(const Cid& cid, ByteView block);

}  // namespace accel::ipld

template <>
struct std::hash<accel::ipld::Cid> {
  std::size_t operator()(const accel::ipld::Cid& cid) const noexcept;
};

template <>
struct fmt::formatter<accel::ipld::Cid> : fmt::formatter<std::string> {
  auto format(const accel::ipld::Cid& cid, fmt::format_context& context) const {
    return fmt::formatter<std::string>::format(cid.to_string(), context);
  }
};
