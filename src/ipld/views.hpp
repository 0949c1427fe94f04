// SPDX-License-Identifier: Apache-2.0
#pragma once
// The decoders of dag-pb and UnixFS without the copy of their data: it borrows from the input.
// Private to ipld; decode_pb() and decode_unixfs() copy, decode_node() does not.

#include <optional>
#include <vector>

#include "accel/ipld/dag_pb.hpp"
#include "accel/ipld/unixfs.hpp"

namespace accel::ipld::detail {

struct PbView {
  std::vector<PbLink> links{};
  std::optional<ByteView> data{};
};

struct UnixFsView {
  UnixFsNode node{};  // Without its data.
  std::optional<ByteView> data{};
};

// Bytes that a link takes in a serialized node, its field's header included.
std::size_t link_field_size(const PbLink& link);
// The same of a node's data.
std::size_t data_field_size(ByteView data);

// The last fields of a UnixFS node: what it has of mode and time.
void put_meta_fields(Bytes& out, const UnixFsMeta& meta);

// Errors: as decode_pb() and decode_unixfs().
Result<PbView> view_pb(ByteView block);
Result<UnixFsView> view_unixfs(ByteView data);

}  // namespace accel::ipld::detail
