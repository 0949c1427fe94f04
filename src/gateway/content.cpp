// SPDX-License-Identifier: Apache-2.0
#include "content.hpp"

#include <sys/stat.h>

#include "accel/ipld/node_view.hpp"

namespace accel::gateway {
namespace {

// The first leaf below a node, when it is a raw block: where the bytes of the file begin.
Result<std::optional<ipld::Cid>> first_leaf(const blockstore::Store& store, ipld::NodeView node) {
  for (std::size_t depth = 0; depth < ipld::kMaxDagDepth && !node.children.empty(); ++depth) {
    const ipld::Cid child = node.children.front().cid;
    if (child.codec() == ipld::Codec::raw) return child;
    ACCEL_TRY(const Bytes block, store.get(child));
    ACCEL_TRY(node, ipld::decode_node(child, block));
    node.inline_data = {};  // Borrows from the block that ends here.
  }
  return std::optional<ipld::Cid>{};
}

bool is_file_at(int fd, const std::filesystem::path& path, std::uint64_t length) {
  struct stat open{};
  struct stat named{};
  return ::fstat(fd, &open) == 0 && ::stat(path.c_str(), &named) == 0 &&
         open.st_dev == named.st_dev && open.st_ino == named.st_ino &&
         static_cast<std::uint64_t>(open.st_size) == length;
}

// A file that the store owns is sent from where it lies in one piece. file_of() also names files
// that were added by reference: those may change while they are sent, so they are read and hashed.
// locate() tells the two apart: it gives no place there.
Result<std::optional<net::FileSlice>> place_of_file(const blockstore::Store& store,
                                                    const ipld::Cid& cid,
                                                    const ipld::NodeView& node) {
  const std::optional<net::FileSlice> nowhere;
  const auto path = store.file_of(cid);
  if (!path || !*path) return nowhere;
  ACCEL_TRY(const auto leaf, first_leaf(store, node));
  if (!leaf) return nowhere;
  auto place = store.locate(*leaf);
  if (!place || place->offset != 0) return nowhere;
  if (!is_file_at(place->fd.get(), **path, node.file_bytes)) return nowhere;
  auto fd = std::make_shared<const UniqueFd>(std::move(place->fd));
  return net::FileSlice{std::move(fd), 0, node.file_bytes};
}

Result<Found> look_up_raw(const blockstore::Store& store, const ipld::Cid& cid) {
  ACCEL_TRY(auto block, place_block(store, cid));
  if (block) return FoundFile{cid, block->length, std::get<net::FileSlice>(block->bytes)};
  ACCEL_TRY(const std::uint64_t length, store.size_of(cid));
  return FoundFile{cid, length, {}};
}

Result<Found> look_up_folder(const blockstore::Store& store, const ipld::Cid& cid,
                             std::size_t max_entries) {
  ACCEL_TRY(auto entries, store.list(cid));
  FoundFolder folder{cid, std::move(entries), false};
  // A folder may mix public and private entries; the private ones are not even named.
  for (auto entry = folder.entries.begin(); entry != folder.entries.end();) {
    ACCEL_TRY(const bool hidden, store.is_private(entry->cid));
    entry = hidden ? folder.entries.erase(entry) : std::next(entry);
  }
  folder.truncated = folder.entries.size() > max_entries;
  if (folder.truncated) folder.entries.resize(max_entries);
  return folder;
}

}  // namespace

Error not_here(std::string_view content_path) {
  return {Errc::not_found, fmt::format("{} is not here.", content_path), {}};
}

Result<std::optional<FoundBlock>> place_block(const blockstore::Store& store,
                                              const ipld::Cid& cid) {
  ACCEL_TRY(const bool hidden, store.is_private(cid));
  if (hidden) return fail(not_here(cid.to_string()));
  auto place = store.locate(cid);
  if (!place && place.error().code == Errc::unsupported) return std::optional<FoundBlock>{};
  if (!place) return fail(std::move(place).error());
  const std::uint64_t length = place->length;
  auto fd = std::make_shared<const UniqueFd>(std::move(place->fd));
  return FoundBlock{cid, length, net::FileSlice{std::move(fd), place->offset, length}};
}

Result<FoundBlock> read_block(const blockstore::Store& store, const ipld::Cid& cid) {
  ACCEL_TRY(const Bytes bytes, store.get(cid));
  return FoundBlock{cid, bytes.size(), std::string(as_text(bytes))};
}

Result<ipld::Cid> resolve_path(const blockstore::Store& store, const ipld::Cid& root,
                               const std::vector<std::string>& path) {
  ACCEL_TRY(const bool hidden_root, store.is_private(root));
  if (hidden_root) return fail(not_here(root.to_string()));
  ipld::Cid at = root;
  for (const std::string& name : path) {
    ACCEL_TRY(at, store.resolve(at, name));
    ACCEL_TRY(const bool hidden, store.is_private(at));
    if (hidden) return fail(not_here(root.to_string()));
  }
  return at;
}

Result<Found> look_up(const blockstore::Store& store, const ipld::Cid& cid,
                      std::size_t max_entries) {
  if (cid.codec() == ipld::Codec::raw) return look_up_raw(store, cid);
  ACCEL_TRY(const Bytes block, store.get(cid));
  ACCEL_TRY(const ipld::NodeView node, ipld::decode_node(cid, block));
  switch (node.kind) {
    case ipld::NodeKind::raw:
    case ipld::NodeKind::file: {
      ACCEL_TRY(auto place, place_of_file(store, cid, node));
      return FoundFile{cid, node.file_bytes, std::move(place)};
    }
    case ipld::NodeKind::directory:
      return look_up_folder(store, cid, max_entries);
    case ipld::NodeKind::symlink:
      return FoundLink{cid, node.symlink_target};
    case ipld::NodeKind::hamt:
      break;
  }
  return fail(Errc::unsupported, "{} is a sharded folder, which is not read here yet.", cid);
}

}  // namespace accel::gateway
