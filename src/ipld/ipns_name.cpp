// SPDX-License-Identifier: Apache-2.0
#include "accel/ipld/ipns_name.hpp"

#include "accel/ipld/multibase.hpp"

namespace accel::ipld {
namespace {

constexpr std::size_t kMaxInlineKey = 42;  // peer-ids.md: larger keys are hashed.
constexpr std::size_t kSha256Bytes = 32;

tl::unexpected<Error> no_name(std::string_view text) {
  return fail(Errc::invalid_argument, "\"{}\" is no IPNS name; one looks like k51… or 12D3Koo….",
              text.substr(0, 80));
}

}  // namespace

std::string to_base36(const Cid& cid) {
  return multibase_encode(Multibase::base36, cid.as_v1().bytes());
}

Result<IpnsName> IpnsName::of_hash(const Multihash& hash) {
  const std::size_t size = hash.digest().size();
  const bool inlined = hash.code() == HashCode::identity && size > 0 && size <= kMaxInlineKey;
  const bool hashed = hash.code() == HashCode::sha2_256 && size == kSha256Bytes;
  if (!inlined && !hashed) {
    return fail(Errc::invalid_argument, "The hash is not one of a public key.");
  }
  return IpnsName(hash);
}

Result<IpnsName> IpnsName::parse(std::string_view text) {
  if (text.starts_with("1") || text.starts_with("Qm")) {
    const auto bytes = base_decode(Multibase::base58btc, text);
    if (!bytes) return no_name(text);
    const auto hash = Multihash::from_bytes(*bytes);
    if (!hash) return no_name(text);
    auto name = of_hash(*hash);
    if (!name) return no_name(text);
    return name;
  }
  const auto cid = Cid::parse(text);
  if (!cid || cid->codec() != Codec::libp2p_key) return no_name(text);
  auto name = of_hash(cid->hash());
  if (!name) return no_name(text);
  return name;
}

std::string IpnsName::to_string() const { return to_base36(cid()); }

ByteView IpnsName::inline_key() const {
  return hash_.code() == HashCode::identity ? hash_.digest() : ByteView{};
}

}  // namespace accel::ipld
