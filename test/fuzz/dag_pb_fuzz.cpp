// SPDX-License-Identifier: Apache-2.0
// decode -> encode -> decode must end where it began, and encoding is canonical from then on.
// The same block goes through decode_node(), whose promises are checked.
#include "accel/ipld/dag_pb.hpp"

#include "accel/ipld/node_view.hpp"

using accel::Bytes;
using accel::ByteView;

namespace {

void require(bool holds) {
  if (!holds) __builtin_trap();
}

void check_view(const accel::ipld::NodeView& view, ByteView block) {
  std::uint64_t offset = view.inline_data.size();
  for (const accel::ipld::FileChild& child : view.children) {
    require(child.offset == offset && child.length > 0);
    offset += child.length;
  }
  require(offset == view.file_bytes);
  require(view.inline_data.size() <= block.size());
  for (const accel::ipld::DirectoryEntry& entry : view.entries) {
    require(accel::ipld::check_entry_name(entry.name).has_value());
    require(view.find(entry.name) == &entry);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView block(data, size);
  const accel::ipld::Cid cid =
      accel::ipld::Cid::v1(accel::ipld::Codec::dag_pb, accel::ipld::Multihash{});
  if (const auto view = accel::ipld::decode_node(cid, block)) check_view(*view, block);
  const auto node = accel::ipld::decode_pb(block);
  if (!node) return 0;
  const Bytes canonical = accel::ipld::encode_pb(*node);
  const auto again = accel::ipld::decode_pb(canonical);
  require(again.has_value() && *again == *node);
  require(accel::ipld::encode_pb(*again) == canonical);
  return 0;
}
