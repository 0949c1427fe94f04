// SPDX-License-Identifier: Apache-2.0
#include "unixfs_reader.hpp"

#include <algorithm>

#include "leases.hpp"

namespace accel::blockstore {
namespace {

constexpr std::size_t kReadBytes = 1U << 20U;  // Handed to the sink at a time.

tl::unexpected<Error> not_a(const ipld::Cid& cid, const ipld::NodeView& view,
                            std::string_view wanted) {
  if (view.kind == ipld::NodeKind::hamt) {
    return fail(Errc::unsupported, "{} is a sharded directory, which this version cannot read yet.",
                cid);
  }
  return fail(Errc::invalid_argument, "{} is a {}, not a {}.", cid, ipld::node_kind_name(view.kind),
              wanted);
}

struct Range {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};

Status read_whole_file(const WholeFile& file, Range range, const Sink& sink) {
  Bytes buffer(std::min<std::uint64_t>(kReadBytes, range.end - range.begin));
  while (range.begin < range.end) {
    const auto length = std::min<std::uint64_t>(buffer.size(), range.end - range.begin);
    const std::span<std::uint8_t> part(buffer.data(), length);
    if (Status read = pread_all(file.fd.get(), part, range.begin); !read) {
      Error error = std::move(read).error();
      error.message =
          fmt::format("Cannot read the stored file {}: {}", file.record.path, error.message);
      return fail(std::move(error));
    }
    ACCEL_CHECK(sink(part));
    range.begin += length;
  }
  return {};
}

// The part of a node's bytes that lies in the range; offset: where the node begins in the file.
Status read_node(const StoreCore& core, const ipld::FileChild& child, const Range& range,
                 std::size_t depth, const Sink& sink) {
  if (depth > ipld::kMaxDagDepth) {
    return fail(Errc::corrupt, "A file has more than {} levels at {}.", ipld::kMaxDagDepth,
                child.cid);
  }
  ACCEL_TRY(const auto node, load_node(core, child.cid));
  const ipld::NodeView& view = node->view;
  ACCEL_CHECK(ipld::check_child(child, view));
  const std::uint64_t inline_end = child.offset + view.inline_data.size();
  const std::uint64_t from = std::max(range.begin, child.offset);
  const std::uint64_t to = std::min(range.end, inline_end);
  if (from < to) ACCEL_CHECK(sink(view.inline_data.subspan(from - child.offset, to - from)));
  for (ipld::FileChild below : view.children) {
    below.offset += child.offset;
    if (below.offset >= range.end) break;
    if (below.offset + below.length <= range.begin) continue;
    ACCEL_CHECK(read_node(core, below, range, depth + 1, sink));
  }
  return {};
}

Result<Range> clip(const ipld::Cid& root, std::uint64_t size, std::uint64_t offset,
                   std::uint64_t length) {
  if (offset > size) {
    return fail(Errc::invalid_argument, "{} has {} bytes; the range begins at {}.", root, size,
                offset);
  }
  return Range{offset, offset + std::min(length, size - offset)};
}

DirEntry describe(const StoreCore& core, const ipld::DirectoryEntry& entry) {
  DirEntry result{entry.name, entry.cid, entry.tsize, ipld::NodeKind::raw, true};
  if (entry.cid.codec() == ipld::Codec::raw) {
    const auto size = block_size(core, entry.cid);
    result.present = size.has_value();
    if (size) result.bytes = *size;
    return result;
  }
  const auto node = load_node(core, entry.cid);
  result.present = node.has_value();
  result.kind = node ? (*node)->view.kind : ipld::NodeKind::file;
  if (node && (*node)->view.is_file()) result.bytes = (*node)->view.file_bytes;
  return result;
}

}  // namespace

Result<std::unique_ptr<LoadedNode>> load_node(const StoreCore& core, const ipld::Cid& cid) {
  auto node = std::make_unique<LoadedNode>();
  ACCEL_TRY(node->block, read_block(core, cid));
  ACCEL_TRY(node->view, ipld::decode_node(cid, node->block));
  return node;
}

Result<std::optional<WholeFile>> open_whole_file(const StoreCore& core, const ipld::Cid& root) {
  ACCEL_TRY(auto stored,
            core.index->query([&](const Txn& txn) { return files_of_root(txn, root); }));
  for (StoredFile& file : stored) {
    if (file.record.referenced) continue;
    auto opened = open_stored(core.layout, file.record);
    if (!opened || !opened->trusted) continue;
    core.uses->touch({true, file.id});
    return std::optional<WholeFile>(WholeFile{std::move(opened->fd), std::move(file.record)});
  }
  return std::optional<WholeFile>{};
}

Result<std::optional<std::filesystem::path>> path_of_file(const StoreCore& core,
                                                          const ipld::Cid& root) {
  ACCEL_TRY(auto stored,
            core.index->query([&](const Txn& txn) { return files_of_root(txn, root); }));
  std::optional<Error> broken;
  for (const StoredFile& file : stored) {
    auto opened = open_stored(core.layout, file.record);
    if (opened && (opened->trusted || file.record.referenced)) {
      core.uses->touch({true, file.id});
      return std::optional(stored_path(core.layout, file.record));
    }
    if (!opened && file.record.referenced) broken = std::move(opened).error();
  }
  if (broken && stored.size() == 1) return fail(*std::move(broken));
  return std::optional<std::filesystem::path>{};
}

Status read_file_range(const StoreCore& core, const ipld::Cid& root, std::uint64_t offset,
                       std::uint64_t length, const Sink& sink) {
  ACCEL_TRY(const auto whole, open_whole_file(core, root));
  if (whole) {
    ACCEL_TRY(const Range range, clip(root, whole->record.stamp.size, offset, length));
    return read_whole_file(*whole, range, sink);
  }
  // Without a lease (a full disk) gc could make this read fail, but not go wrong.
  const bool single = root.codec() == ipld::Codec::raw;
  const auto lease = single ? Result<Lease>() : take_lease(core, root);
  ACCEL_TRY(const auto node, load_node(core, root));
  if (!node->view.is_file()) return not_a(root, node->view, "file");
  const std::uint64_t size = node->view.file_bytes;
  ACCEL_TRY(const Range range, clip(root, size, offset, length));
  if (range.begin == range.end) return {};
  return read_node(core, {root, 0, size, 0}, range, 0, sink);
}

Result<std::uint64_t> file_size_of(const StoreCore& core, const ipld::Cid& root) {
  if (root.codec() == ipld::Codec::raw) return block_size(core, root);
  ACCEL_TRY(const auto node, load_node(core, root));
  if (!node->view.is_file()) return not_a(root, node->view, "file");
  return node->view.file_bytes;
}

Result<std::vector<DirEntry>> list_folder(const StoreCore& core, const ipld::Cid& folder) {
  ACCEL_TRY(const auto node, load_node(core, folder));
  if (node->view.kind != ipld::NodeKind::directory) return not_a(folder, node->view, "folder");
  std::vector<DirEntry> entries;
  for (const ipld::DirectoryEntry& entry : node->view.entries) {
    entries.push_back(describe(core, entry));
  }
  return entries;
}

Result<ipld::Cid> resolve_path(const StoreCore& core, const ipld::Cid& root,
                               std::string_view path) {
  ipld::Cid current = root;
  while (!path.empty()) {
    const std::size_t end = std::min(path.find('/'), path.size());
    const std::string_view name = path.substr(0, end);
    path.remove_prefix(std::min(end + 1, path.size()));
    if (name.empty()) continue;
    ACCEL_CHECK(ipld::check_entry_name(name));
    ACCEL_TRY(const auto node, load_node(core, current));
    if (node->view.kind != ipld::NodeKind::directory) return not_a(current, node->view, "folder");
    const ipld::DirectoryEntry* const entry = node->view.find(name);
    if (entry == nullptr) {
      return fail(Errc::not_found, "The folder {} has no entry \"{}\".", current, name);
    }
    current = entry->cid;
  }
  return current;
}

}  // namespace accel::blockstore
