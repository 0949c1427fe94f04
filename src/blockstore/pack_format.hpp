// SPDX-License-Identifier: Apache-2.0
#pragma once
// The bytes of a pack: a header, then records one after the other. Pure functions; the parser takes
// any bytes. Private to blockstore. Spec: docs/formats/store.md, "Packs".

#include <cstdint>

#include "accel/core/bytes.hpp"
#include "accel/ipld/dag_pb.hpp"
#include "accel/ipld/multihash.hpp"

namespace accel::blockstore {

inline constexpr std::size_t kPackHeaderBytes = 16;
inline constexpr std::size_t kRecordFixedBytes = 12;  // Before the multihash.
inline constexpr std::size_t kMaxRecordHashBytes = ipld::kMaxDigestBytes + 18;  // Two varints.
// A pack takes no further record once it has grown beyond this; what gc rewrites at once is
// bounded.
inline constexpr std::uint64_t kPackTargetBytes = 64ULL << 20U;

Bytes pack_header(std::uint64_t pack_id);
// Errors: corrupt, unsupported (a newer format).
Status check_pack_header(ByteView bytes, std::uint64_t pack_id);

struct PackRecord {
  ipld::Multihash hash;
  std::uint32_t header_bytes = 0;  // Of the record, before its data.
  std::uint32_t data_bytes = 0;
  ByteView data;  // Borrows; as much of it as was given (all or nothing).
};

// Bytes before a record's data.
std::size_t record_header_bytes(const ipld::Multihash& hash);
void append_record_head(Bytes& out, const ipld::Multihash& hash, std::size_t data_bytes);
void append_record(Bytes& out, const ipld::Multihash& hash, ByteView data);
// Reads the record at the front of `bytes`, which may end anywhere behind its header.
// Errors: corrupt.
Result<PackRecord> parse_record(ByteView bytes);

}  // namespace accel::blockstore
