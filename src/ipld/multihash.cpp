// SPDX-License-Identifier: Apache-2.0
#include "accel/ipld/multihash.hpp"

#include <algorithm>

#include "accel/crypto/blake2b.hpp"
#include "accel/crypto/blake3.hpp"
#include "accel/crypto/sha256.hpp"
#include "accel/crypto/sha512.hpp"
#include "accel/ipld/varint.hpp"

namespace accel::ipld {
namespace {

struct LengthRange {
  std::size_t least;
  std::size_t most;
};

LengthRange digest_lengths(HashCode code) {
  switch (code) {
    case HashCode::identity:
      return {0, kMaxDigestBytes};
    case HashCode::sha2_256:
    case HashCode::blake2b_256:
      return {kMinDigestBytes, 32};
    case HashCode::sha2_512:
      return {kMinDigestBytes, 64};
    case HashCode::blake3:
      break;  // An extendable function: any length above the least.
  }
  return {kMinDigestBytes, kMaxDigestBytes};
}

}  // namespace

std::string hash_name(HashCode code) {
  switch (code) {
    case HashCode::identity:
      return "identity";
    case HashCode::sha2_256:
      return "sha2-256";
    case HashCode::sha2_512:
      return "sha2-512";
    case HashCode::blake3:
      return "blake3";
    case HashCode::blake2b_256:
      return "blake2b-256";
  }
  return fmt::format("0x{:x}", static_cast<std::uint64_t>(code));
}

Result<HashCode> hash_by_name(std::string_view name) {
  for (const HashCode code : {HashCode::identity, HashCode::sha2_256, HashCode::sha2_512,
                              HashCode::blake3, HashCode::blake2b_256}) {
    if (hash_name(code) == name) return code;
  }
  return fail(Errc::invalid_argument, "There is no hash function {} here; sha2-256 is the usual.",
              name);
}

Result<Multihash> Multihash::wrap(HashCode code, ByteView digest) {
  const LengthRange lengths = digest_lengths(code);
  if (digest.size() < lengths.least || digest.size() > lengths.most) {
    return fail(Errc::invalid_argument,
                "A digest of hash function 0x{:x} has {} to {} bytes here, not {}.",
                static_cast<std::uint64_t>(code), lengths.least, lengths.most, digest.size());
  }
  Multihash hash;
  hash.code_ = code;
  hash.size_ = static_cast<std::uint8_t>(digest.size());
  if (digest.size() <= kInlineBytes) {
    std::ranges::copy(digest, hash.inline_.begin());
  } else {
    hash.long_ = std::make_shared<const Bytes>(digest.begin(), digest.end());
  }
  return hash;
}

Result<Multihash> Multihash::from_bytes(ByteView bytes) {
  ACCEL_TRY(const Uvarint code, get_uvarint(bytes));
  ACCEL_TRY(const Uvarint length, get_uvarint(bytes.subspan(code.size)));
  const ByteView digest = bytes.subspan(code.size + length.size);
  if (length.value != digest.size()) {
    return fail(Errc::invalid_argument, "A multihash promises {} bytes of digest and has {}.",
                length.value, digest.size());
  }
  return wrap(static_cast<HashCode>(code.value), digest);
}

ByteView Multihash::digest() const {
  return size_ <= kInlineBytes ? ByteView(inline_).first(size_) : ByteView(*long_);
}

std::size_t Multihash::size_bytes() const {
  return uvarint_size(static_cast<std::uint64_t>(code_)) + uvarint_size(size_) + size_;
}

void Multihash::append_to(Bytes& out) const {
  put_uvarint(out, static_cast<std::uint64_t>(code_));
  put_uvarint(out, size_);
  const ByteView view = digest();
  out.insert(out.end(), view.begin(), view.end());
}

Bytes Multihash::bytes() const {
  Bytes out;
  out.reserve(size_bytes());
  append_to(out);
  return out;
}

bool operator==(const Multihash& left, const Multihash& right) {
  return left.code_ == right.code_ && std::ranges::equal(left.digest(), right.digest());
}

std::strong_ordering operator<=>(const Multihash& left, const Multihash& right) {
  if (const auto order = left.code_ <=> right.code_; order != 0) return order;
  const ByteView a = left.digest();
  const ByteView b = right.digest();
  return std::lexicographical_compare_three_way(a.begin(), a.end(), b.begin(), b.end());
}

Multihash sha2_256_of(const std::array<std::uint8_t, 32>& digest) {
  return *Multihash::wrap(HashCode::sha2_256, digest);
}

Multihash sha2_512(ByteView data) {
  return *Multihash::wrap(HashCode::sha2_512, crypto::sha512(data));
}

Multihash sha2_256(ByteView data) { return sha2_256_of(crypto::sha256(data)); }

Result<Multihash> hash_with(HashCode code, ByteView data) {
  switch (code) {
    case HashCode::identity:
      return Multihash::wrap(code, data);
    case HashCode::sha2_256:
      return sha2_256(data);
    case HashCode::sha2_512:
      return sha2_512(data);
    case HashCode::blake2b_256:
      return Multihash::wrap(code, crypto::blake2b_256(data));
    case HashCode::blake3: {
      std::array<std::uint8_t, crypto::kBlake3Bytes> digest;
      crypto::blake3(data, digest);
      return Multihash::wrap(code, digest);
    }
  }
  return fail(Errc::unsupported,
              "The hash function 0x{:x} is not computed here; sha2-256, sha2-512, blake2b-256, "
              "blake3 and identity are.",
              static_cast<std::uint64_t>(code));
}

Result<bool> verify(const Multihash& hash, ByteView data) {
  const ByteView digest = hash.digest();
  if (hash.code() == HashCode::identity) return std::ranges::equal(digest, data);
  if (hash.code() == HashCode::blake3) {  // Its digests may be longer than usual.
    Bytes found(digest.size());
    crypto::blake3(data, found);
    return std::ranges::equal(digest, found);
  }
  ACCEL_TRY(const Multihash found, hash_with(hash.code(), data));
  return std::ranges::equal(digest, found.digest().first(digest.size()));
}

}  // namespace accel::ipld
