// SPDX-License-Identifier: Apache-2.0
#pragma once
// DAG-PB: the protobuf of links and data under every UnixFS node. Pure functions over bytes.
// Used by unixfs, directory and file_layout; readers want node_view.hpp instead.
// Spec: ipld/specs codecs/dag-pb. Written canonically: links (field 2) before data (field 1),
// minimal varints.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "accel/core/bytes.hpp"
#include "accel/ipld/cid.hpp"

namespace accel::ipld {

inline constexpr std::size_t kMaxBlockBytes = 4U << 20U;  // Nobody sends more (bitswap: 2 MiB).
inline constexpr std::size_t kMaxLinks = 200'000;  // Of one node; a full block of them holds fewer.

struct PbLink {
  Cid cid{};
  std::string name{};
  std::uint64_t tsize =
      0;  // Bytes of the whole DAG below, as its maker counted them: a hint, never verified.
  // Both fields are optional on the wire. Kubo writes them always, empty or not, and so does UnixFS
  // here.
  bool has_name = true;
  bool has_tsize = true;

  friend bool operator==(const PbLink&, const PbLink&) = default;
};

struct PbNode {
  std::vector<PbLink> links{};
  std::optional<Bytes> data{};

  friend bool operator==(const PbNode&, const PbNode&) = default;
};

// Links stay in the order given: UnixFS files need theirs, and build_directory() sorts its own.
Bytes encode_pb(const PbNode& node);

// Takes data before links too, as the spec asks of readers.
// Errors: corrupt (not protobuf, unknown, repeated or misplaced fields, a link without a CID),
// resource_exhausted (above kMaxBlockBytes or kMaxLinks).
Result<PbNode> decode_pb(ByteView block);

}  // namespace accel::ipld
