// SPDX-License-Identifier: Apache-2.0
#pragma once
// Signed records that say where an IPNS name leads. Used by gateway, routing and the name commands.
// Pure functions over bytes; the caller gives the time. Spec: ipfs/specs src/ipns/ipns-record.md
// ("Record Verification"); IPIP-428: the V2 signature alone decides, V1 fields that are there must
// say the same.

#include <chrono>
#include <cstdint>
#include <string>

#include "accel/core/bytes.hpp"
#include "accel/core/clock.hpp"
#include "accel/crypto/ed25519.hpp"
#include "accel/ipld/ipns_name.hpp"

namespace accel::ipld {

inline constexpr std::size_t kMaxIpnsRecordBytes = 10 * 1024;  // The specification's limit.

struct IpnsRecord {
  std::string value{};  // "/ipfs/bafy…", "/ipns/…": what the signed data says.
  std::uint64_t sequence = 0;
  WallTime validity{};  // Until when.
  std::chrono::nanoseconds ttl{0};

  friend bool operator==(const IpnsRecord&, const IpnsRecord&) = default;
};

// Reads a record and checks that it was signed by the key of `name`; not whether it is still valid.
// Errors: corrupt (no record, a missing or wrong V2 signature, V1 fields that differ: the message
// says which), resource_exhausted (too large).
Result<IpnsRecord> read_ipns_record(const IpnsName& name, ByteView record);

// Signs a record with both signatures, so that every reader since 2016 takes it: the bytes that
// Kubo makes of the same fields. Errors: invalid_argument (a value that is no path, times out of
// range), resource_exhausted (too large).
Result<Bytes> write_ipns_record(const crypto::Ed25519Key& key, const IpnsRecord& record);
// The name whose records this key signs.
IpnsName ipns_name_of(const crypto::Ed25519Key& key);

// Errors: unavailable (it has expired; the message says since when).
Status check_validity(const IpnsName& name, const IpnsRecord& record, WallTime now);

// Whether `candidate` replaces `present`: the higher sequence, then the longer validity.
bool is_newer(const IpnsRecord& candidate, const IpnsRecord& present);

}  // namespace accel::ipld
