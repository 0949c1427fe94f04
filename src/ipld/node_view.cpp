// SPDX-License-Identifier: Apache-2.0
#include "accel/ipld/node_view.hpp"

#include <algorithm>
#include <utility>

#include "accel/ipld/dag_pb.hpp"
#include "views.hpp"

namespace accel::ipld {
namespace {

// Adds up untrusted lengths; nothing once the sum leaves 63 bits (file offsets are signed).
std::optional<std::uint64_t> add_lengths(std::uint64_t left, std::uint64_t right) {
  constexpr auto kMost = static_cast<std::uint64_t>(INT64_MAX);
  if (left > kMost || right > kMost - left) return std::nullopt;
  return left + right;
}

Result<NodeView> view_file(detail::PbView pb, const detail::UnixFsView& unixfs) {
  const std::vector<std::uint64_t>& sizes = unixfs.node.blocksizes;
  if (sizes.size() != pb.links.size()) {
    return fail(Errc::corrupt, "It has {} links and {} block sizes.", pb.links.size(),
                sizes.size());
  }
  if (unixfs.node.type == NodeType::raw && !sizes.empty()) {
    return fail(Errc::corrupt, "It is a UnixFS raw node and has links.");
  }
  NodeView view{.kind = NodeKind::file, .inline_data = unixfs.data.value_or(ByteView{})};
  std::uint64_t offset = view.inline_data.size();
  view.children.reserve(sizes.size());
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    if (sizes[i] == 0) return fail(Errc::corrupt, "Its part {} is empty.", i);
    const auto end = add_lengths(offset, sizes[i]);
    if (!end) return fail(Errc::corrupt, "Its parts add up to more than a file can hold.");
    view.children.push_back({std::move(pb.links[i].cid), offset, sizes[i], pb.links[i].tsize});
    offset = *end;
  }
  if (unixfs.node.filesize.value_or(offset) != offset) {
    return fail(Errc::corrupt, "It promises {} bytes and its parts add up to {}.",
                *unixfs.node.filesize, offset);
  }
  view.file_bytes = offset;
  return view;
}

Status check_distinct(const std::vector<DirectoryEntry>& entries) {
  std::vector<std::string_view> names;
  names.reserve(entries.size());
  for (const DirectoryEntry& entry : entries) names.emplace_back(entry.name);
  std::ranges::sort(names);
  if (std::ranges::adjacent_find(names) == names.end()) return {};
  return fail(Errc::corrupt, "It has two entries of one name.");
}

Result<NodeView> view_directory(detail::PbView pb) {
  NodeView view{.kind = NodeKind::directory};
  view.entries.reserve(pb.links.size());
  for (PbLink& link : pb.links) {
    if (auto good = check_entry_name(link.name); !good) {
      return fail(Errc::corrupt, "{}", good.error().message);
    }
    view.entries.push_back({std::move(link.name), std::move(link.cid), link.tsize});
  }
  ACCEL_CHECK(check_distinct(view.entries));
  return view;
}

Result<NodeView> view_symlink(const detail::UnixFsView& unixfs) {
  const std::string_view target = as_text(unixfs.data.value_or(ByteView{}));
  if (target.empty() || target.size() > kMaxSymlinkBytes ||
      target.find('\0') != std::string_view::npos) {
    return fail(Errc::corrupt, "It is a symbolic link without a usable target.");
  }
  return NodeView{.kind = NodeKind::symlink, .symlink_target = std::string(target)};
}

Result<NodeView> view_unixfs_node(detail::PbView pb, const detail::UnixFsView& unixfs) {
  switch (unixfs.node.type) {
    case NodeType::raw:
    case NodeType::file:
      return view_file(std::move(pb), unixfs);
    case NodeType::directory:
      return view_directory(std::move(pb));
    case NodeType::symlink:
      return view_symlink(unixfs);
    case NodeType::hamt_shard:
      return NodeView{.kind = NodeKind::hamt};
    case NodeType::metadata:
      break;
  }
  return fail(Errc::unsupported, "It is a UnixFS metadata node, which nobody writes any more.");
}

Result<NodeView> view_dag_pb(ByteView block) {
  ACCEL_TRY(detail::PbView pb, detail::view_pb(block));
  if (!pb.data) return fail(Errc::unsupported, "It is dag-pb without UnixFS data.");
  ACCEL_TRY(const detail::UnixFsView unixfs, detail::view_unixfs(*pb.data));
  ACCEL_TRY(NodeView view, view_unixfs_node(std::move(pb), unixfs));
  view.meta = {unixfs.node.mode, unixfs.node.mtime};
  return view;
}

}  // namespace

std::string_view node_kind_name(NodeKind kind) {
  switch (kind) {
    case NodeKind::raw:
      return "raw";
    case NodeKind::file:
      return "file";
    case NodeKind::directory:
      return "directory";
    case NodeKind::symlink:
      return "symlink";
    case NodeKind::hamt:
      return "sharded directory";
  }
  return "unknown";
}

const DirectoryEntry* NodeView::find(std::string_view name) const {
  const auto found = std::ranges::find(entries, name, &DirectoryEntry::name);
  return found == entries.end() ? nullptr : &*found;
}

Result<NodeView> decode_node(const Cid& cid, ByteView block) {
  if (block.size() > kMaxBlockBytes) {
    return fail(Errc::resource_exhausted, "The block {} has {} bytes; at most {} are read.", cid,
                block.size(), kMaxBlockBytes);
  }
  if (cid.codec() == Codec::raw) {
    return NodeView{.kind = NodeKind::raw, .file_bytes = block.size(), .inline_data = block};
  }
  if (cid.codec() != Codec::dag_pb) {
    return fail(Errc::unsupported, "The block {} is {}; files and directories are raw or dag-pb.",
                cid, codec_name(cid.codec()));
  }
  auto view = view_dag_pb(block);
  if (view) return view;
  Error error = std::move(view).error();
  error.message = fmt::format("The block {} cannot be read. {}", cid, error.message);
  return fail(std::move(error));
}

Status check_child(const FileChild& child, const NodeView& view) {
  if (!view.is_file()) {
    return fail(Errc::corrupt, "The block {} is a {} in the middle of a file.", child.cid,
                node_kind_name(view.kind));
  }
  if (view.file_bytes == child.length) return {};
  return fail(Errc::corrupt, "The block {} holds {} bytes of file; the node above promises {}.",
              child.cid, view.file_bytes, child.length);
}

}  // namespace accel::ipld
