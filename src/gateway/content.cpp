// SPDX-License-Identifier: Apache-2.0
#include "content.hpp"

#include <fcntl.h>

#include "accel/ipld/node_view.hpp"

namespace accel::gateway {
namespace {

// A file that lies in one piece is sent from there; the store has checked it with stat.
Result<std::optional<net::FileSlice>> place_of_file(const blockstore::Store& store,
                                                    const ipld::Cid& cid, std::uint64_t length) {
  auto path = store.file_of(cid);
  if (path && *path) {
    ACCEL_TRY(UniqueFd fd, open_file(**path, O_RDONLY));
    return net::FileSlice{std::make_shared<const UniqueFd>(std::move(fd)), 0, length};
  }
  if (cid.codec() != ipld::Codec::raw) return std::optional<net::FileSlice>{};
  ACCEL_TRY(auto block, place_block(store, cid));
  if (!block) return std::optional<net::FileSlice>{};
  return std::get<net::FileSlice>(std::move(block->bytes));
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
  if (cid.codec() == ipld::Codec::raw) {
    ACCEL_TRY(const std::uint64_t length, store.size_of(cid));
    ACCEL_TRY(auto place, place_of_file(store, cid, length));
    return FoundFile{cid, length, std::move(place)};
  }
  ACCEL_TRY(const Bytes block, store.get(cid));
  ACCEL_TRY(const ipld::NodeView node, ipld::decode_node(cid, block));
  switch (node.kind) {
    case ipld::NodeKind::raw:
    case ipld::NodeKind::file: {
      ACCEL_TRY(auto place, place_of_file(store, cid, node.file_bytes));
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
