// SPDX-License-Identifier: Apache-2.0
#include "accel/ipld/dag_pb.hpp"

#include "accel/ipld/protobuf.hpp"
#include "views.hpp"

namespace accel::ipld {
namespace {

// message PBNode { repeated PBLink Links = 2; optional bytes Data = 1; }
constexpr std::uint32_t kNodeData = 1;
constexpr std::uint32_t kNodeLinks = 2;
// message PBLink { optional bytes Hash = 1; optional string Name = 2; optional uint64 Tsize = 3; }
constexpr std::uint32_t kLinkHash = 1;
constexpr std::uint32_t kLinkName = 2;
constexpr std::uint32_t kLinkTsize = 3;

std::size_t bytes_field_size(std::size_t size) { return 1 + uvarint_size(size) + size; }

std::size_t link_size(const PbLink& link) {
  std::size_t size = bytes_field_size(link.cid.size_bytes());
  if (link.has_name) size += bytes_field_size(link.name.size());
  if (link.has_tsize) size += 1 + uvarint_size(link.tsize);
  return size;
}

void put_link(Bytes& out, const PbLink& link) {
  put_bytes_header(out, kNodeLinks, link_size(link));
  put_bytes_header(out, kLinkHash, link.cid.size_bytes());
  link.cid.append_to(out);
  if (link.has_name) put_bytes_field(out, kLinkName, as_bytes(link.name));
  if (link.has_tsize) put_varint_field(out, kLinkTsize, link.tsize);
}

Status read_link_field(const PbField& field, PbLink& link) {
  switch (field.number) {
    case kLinkHash: {
      ACCEL_CHECK(field.expect(WireType::bytes, "A link's hash"));
      auto cid = Cid::from_bytes(field.bytes);
      if (!cid) return fail(Errc::corrupt, "A link is broken. {}", cid.error().message);
      link.cid = *std::move(cid);
      return {};
    }
    case kLinkName:
      ACCEL_CHECK(field.expect(WireType::bytes, "A link's name"));
      link.name = as_text(field.bytes);
      link.has_name = true;
      return {};
    case kLinkTsize:
      ACCEL_CHECK(field.expect(WireType::varint, "A link's size"));
      link.tsize = field.value;
      link.has_tsize = true;
      return {};
    default:
      return fail(Errc::corrupt, "A dag-pb link has no field {}.", field.number);
  }
}

Result<PbLink> read_link(ByteView message) {
  PbLink link{.cid = {}, .name = {}, .has_name = false, .has_tsize = false};
  std::uint32_t last = 0;
  bool has_hash = false;
  for (PbReader reader(message); !reader.done();) {
    ACCEL_TRY(const PbField field, reader.next());
    if (field.number <= last) {
      return fail(Errc::corrupt, "Field {} of a dag-pb link is repeated or misplaced.",
                  field.number);
    }
    last = field.number;
    has_hash = has_hash || field.number == kLinkHash;
    ACCEL_CHECK(read_link_field(field, link));
  }
  if (!has_hash) return fail(Errc::corrupt, "A dag-pb link has no hash.");
  return link;
}

// Where the reader of a node stands: links and data come in either order, but not interleaved.
struct NodeState {
  detail::PbView view;
  bool links_ended = false;

  Status take(const PbField& field) {
    ACCEL_CHECK(field.expect(WireType::bytes, "A field of a dag-pb node"));
    if (field.number == kNodeData) {
      if (view.data) return fail(Errc::corrupt, "A dag-pb node has two data fields.");
      view.data = field.bytes;
      links_ended = !view.links.empty();
      return {};
    }
    if (field.number != kNodeLinks) {
      return fail(Errc::corrupt, "A dag-pb node has no field {}.", field.number);
    }
    if (links_ended) return fail(Errc::corrupt, "A dag-pb node has links on both sides of data.");
    if (view.links.size() == kMaxLinks) {
      return fail(Errc::resource_exhausted, "A dag-pb node has more than {} links.", kMaxLinks);
    }
    ACCEL_TRY(PbLink link, read_link(field.bytes));
    view.links.push_back(std::move(link));
    return {};
  }
};

}  // namespace

std::size_t detail::link_field_size(const PbLink& link) {
  return bytes_field_size(link_size(link));
}

std::size_t detail::data_field_size(ByteView data) { return bytes_field_size(data.size()); }

Bytes encode_pb(const PbNode& node) {
  std::size_t size = node.data ? detail::data_field_size(*node.data) : 0;
  for (const PbLink& link : node.links) size += detail::link_field_size(link);
  Bytes out;
  out.reserve(size);
  for (const PbLink& link : node.links) put_link(out, link);
  if (node.data) put_bytes_field(out, kNodeData, *node.data);
  return out;
}

Result<detail::PbView> detail::view_pb(ByteView block) {
  if (block.size() > kMaxBlockBytes) {
    return fail(Errc::resource_exhausted, "A block of {} bytes is not read; the limit is {}.",
                block.size(), kMaxBlockBytes);
  }
  NodeState state;
  for (PbReader reader(block); !reader.done();) {
    ACCEL_TRY(const PbField field, reader.next());
    ACCEL_CHECK(state.take(field));
  }
  return std::move(state.view);
}

Result<PbNode> decode_pb(ByteView block) {
  ACCEL_TRY(detail::PbView view, detail::view_pb(block));
  PbNode node{std::move(view.links), {}};
  if (view.data) node.data = to_bytes(*view.data);
  return node;
}

}  // namespace accel::ipld
