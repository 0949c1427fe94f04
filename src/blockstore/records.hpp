// SPDX-License-Identifier: Apache-2.0
#pragma once
// The values of the index's tables as bytes: big-endian, so that they sort as numbers. Pure
// functions; decoders take any bytes. Private to blockstore. Spec: docs/formats/store.md, "Index".

#include <cstdint>
#include <string>

#include "accel/core/bytes.hpp"
#include "accel/ipld/cid.hpp"

namespace accel::blockstore {

inline constexpr std::size_t kMaxPathBytes = 4096;
inline constexpr std::size_t kMaxPinNameBytes = 1024;

enum class PlaceKind : std::uint8_t {
  file = 1,     // The block is a slice of a file.
  pack = 2,     // The block is a slice of a pack, behind a record header.
  wrapped = 3,  // The block is a dag-pb leaf whose payload is a slice of a file: it is rebuilt.
};

// One place of a block. Which file or pack it is in comes first, so that a block's places sort so.
struct Place {
  PlaceKind kind = PlaceKind::file;
  std::uint64_t container = 0;  // File id or pack id.
  std::uint64_t offset = 0;     // Of the slice.
  std::uint32_t slice_bytes = 0;
  std::uint32_t block_bytes = 0;  // Differs from slice_bytes for wrapped leaves.
  std::uint64_t born = 0;         // Index transaction that made it; gc frees only older ones.

  bool in_file() const { return kind != PlaceKind::pack; }
  friend bool operator==(const Place&, const Place&) = default;
};

// What says that a file is still the one that was indexed.
struct FileStamp {
  std::uint64_t size = 0;
  std::int64_t mtime_ns = 0;
  std::int64_t ctime_ns = 0;
  std::uint64_t inode = 0;
  std::uint64_t device = 0;

  friend bool operator==(const FileStamp&, const FileStamp&) = default;
};

struct FileRecord {
  ipld::Cid root;
  std::string path;         // Owned: relative to the store's folder. Referenced: absolute.
  bool referenced = false;  // The user's file, never written or removed by the store.
  FileStamp stamp;
  std::uint64_t born = 0;

  friend bool operator==(const FileRecord&, const FileRecord&) = default;
};

struct PinRecord {
  ipld::Cid root;  // As the user gave it.
  std::string name;
  bool is_private = false;
  std::uint64_t bytes = 0;
  std::int64_t added_ns = 0;  // Since 1970.
  bool direct = false;        // Only this block; its links are not kept. Since format 2.

  friend bool operator==(const PinRecord&, const PinRecord&) = default;
};

Bytes encode(const Place& place);
Bytes encode(const FileRecord& record);
Bytes encode(const PinRecord& record);
Bytes encode_u64(std::uint64_t value);

// Errors: corrupt.
Result<Place> decode_place(ByteView bytes);
Result<FileRecord> decode_file(ByteView bytes);
Result<PinRecord> decode_pin(ByteView bytes);
Result<std::uint64_t> decode_u64(ByteView bytes);

}  // namespace accel::blockstore
