// SPDX-License-Identifier: Apache-2.0
#pragma once
// The UnixFS protobuf that lies in the data field of a dag-pb node: what kind of file-system thing
// the node is. Pure functions over bytes. Used by file_layout, directory and node_view. Spec:
// ipfs/specs src/unixfs.md, "Data" message (with the optional mode and mtime of UnixFS 1.5).

#include <cstdint>
#include <optional>
#include <vector>

#include "accel/core/bytes.hpp"

namespace accel::ipld {

enum class NodeType : std::uint8_t {
  raw = 0,
  directory = 1,
  file = 2,
  metadata = 3,
  symlink = 4,
  hamt_shard = 5,
};

struct UnixFsTime {
  std::int64_t seconds = 0;  // Since 1970, may be negative.
  std::optional<std::uint32_t> nanoseconds{};

  friend bool operator==(const UnixFsTime&, const UnixFsTime&) = default;
};

// What UnixFS 1.5 may keep of a file, folder or link besides its content.
struct UnixFsMeta {
  std::optional<std::uint32_t> mode{};  // Permission bits, set-user-ID and the like included.
  std::optional<UnixFsTime> mtime{};

  bool empty() const { return !mode && !mtime; }
  friend bool operator==(const UnixFsMeta&, const UnixFsMeta&) = default;
};

struct UnixFsNode {
  NodeType type = NodeType::file;
  std::optional<Bytes> data{};  // File bytes, a symlink's target, or a HAMT's bit field.
  std::optional<std::uint64_t> filesize{};  // Bytes of the file below, data included.
  std::vector<std::uint64_t>
      blocksizes{};  // File bytes below each link, in the order of the links.
  std::optional<std::uint64_t> hash_type{};
  std::optional<std::uint64_t> fanout{};
  std::optional<std::uint32_t> mode{};
  std::optional<UnixFsTime> mtime{};

  friend bool operator==(const UnixFsNode&, const UnixFsNode&) = default;
};

// Canonical: fields in the order of their numbers, as Kubo writes them.
Bytes encode_unixfs(const UnixFsNode& node);

// Fields that UnixFS may get later are skipped, as protobuf readers do.
// Errors: corrupt (not protobuf, no type, a field given twice, nanoseconds above 999999999),
// unsupported (a type that UnixFS got later), resource_exhausted (more block sizes than kMaxLinks).
Result<UnixFsNode> decode_unixfs(ByteView data);

}  // namespace accel::ipld
