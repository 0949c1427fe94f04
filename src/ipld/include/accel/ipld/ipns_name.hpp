// SPDX-License-Identifier: Apache-2.0
#pragma once
// IPNS names: the hash of a public key, as people write it. Used by ipns_record and gateway. Plain
// values. Spec: ipfs/specs src/ipns/ipns-record.md ("IPNS Name"), libp2p/specs
// peer-ids/peer-ids.md.

#include <string>
#include <string_view>

#include "accel/core/bytes.hpp"
#include "accel/ipld/cid.hpp"

namespace accel::ipld {

class IpnsName {
 public:
  // Reads k51… and any other CIDv1 of libp2p-key, and peer ids (12D3Koo…, Qm…) in base58btc.
  // Errors: invalid_argument.
  static Result<IpnsName> parse(std::string_view text);
  // The name that a CID of whatever codec carries in its hash. Errors: invalid_argument.
  static Result<IpnsName> of_hash(const Multihash& hash);

  const Multihash& hash() const { return hash_; }
  // The canonical text: the CIDv1 of libp2p-key in base36, 62 characters for Ed25519.
  std::string to_string() const;
  Cid cid() const { return Cid::v1(Codec::libp2p_key, hash_); }
  // The protobuf of the key, when the name holds it whole (Ed25519, secp256k1); else empty.
  ByteView inline_key() const;  // Borrows from this object.

  friend bool operator==(const IpnsName&, const IpnsName&) = default;

 private:
  explicit IpnsName(Multihash hash) : hash_(std::move(hash)) {}
  Multihash hash_;
};

// A CIDv1 of any codec in the base36 that fits more bytes into one DNS label.
std::string to_base36(const Cid& cid);

}  // namespace accel::ipld
