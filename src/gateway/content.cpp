// SPDX-License-Identifier: Apache-2.0
#include "content.hpp"

#include <sys/stat.h>

#include <algorithm>

#include "accel/ipld/node_view.hpp"
#include "content_type.hpp"
#include "document_page.hpp"

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
Result<std::optional<net::FileSlice>> place_of_node(const blockstore::Store& store,
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

Status check_shown(const blockstore::Store& store, const ipld::Cid& cid) {
  ACCEL_TRY(const bool hidden, store.is_private(cid));
  return hidden ? fail(not_here(cid.to_string())) : Status{};
}

Result<FoundFile> look_up_raw(const blockstore::Store& store, const ipld::Cid& cid) {
  ACCEL_TRY(auto block, place_block(store, cid));
  if (block) return FoundFile{cid, block->length, std::get<net::FileSlice>(block->bytes)};
  ACCEL_TRY(const std::uint64_t length, store.size_of(cid));
  return FoundFile{cid, length};
}

// As far as its own block tells; an absent one is shown with what its folder says.
blockstore::DirEntry describe(const blockstore::Store& store, const ipld::DirectoryEntry& entry) {
  blockstore::DirEntry shown;
  shown.name = entry.name;
  shown.cid = entry.cid;
  shown.bytes = entry.tsize;
  if (entry.cid.codec() != ipld::Codec::dag_pb) {
    const auto size = store.size_of(entry.cid);
    shown.present = size.has_value();
    if (size) shown.bytes = *size;
    return shown;
  }
  const auto block = store.get(entry.cid);
  shown.present = block.has_value();
  shown.kind = ipld::NodeKind::file;
  if (!block) return shown;
  const auto node = ipld::decode_node(entry.cid, *block);
  if (node) shown.kind = node->kind;
  if (node && node->is_file()) shown.bytes = node->file_bytes;
  return shown;
}

// The first entries that are found, by name: the work does not grow with the folder.
Result<FoundFolder> look_up_folder(const blockstore::Store& store, const ipld::Cid& cid,
                                   std::size_t max_entries) {
  FoundFolder folder{cid};
  std::vector<ipld::DirectoryEntry> entries;
  const Status walked = store.each_entry(cid, [&](const ipld::DirectoryEntry& entry) -> Status {
    folder.truncated = entries.size() == max_entries;
    if (folder.truncated) return fail(Errc::cancelled, "That is enough.");
    // A folder may mix public and private entries; the private ones are not even named.
    ACCEL_TRY(const bool hidden, store.is_private(entry.cid));
    if (!hidden) entries.push_back(entry);
    return {};
  });
  if (!walked && !folder.truncated) return fail(Error(walked.error()));
  std::ranges::sort(entries, {}, &ipld::DirectoryEntry::name);
  for (const auto& entry : entries) folder.entries.push_back(describe(store, entry));
  return folder;
}

// Enough to tell a type by, where no name does.
Status read_head(const blockstore::Store& store, std::string_view name, FoundFile& file) {
  if (!content_type_by_name(name).empty()) return {};
  return store.read(file.cid, 0, kSniffBytes, [&file](ByteView bytes) {
    file.head += as_text(bytes);
    return Status{};
  });
}

std::string_view name_of(const GatewayRequest& request) {
  if (!request.filename.empty()) return request.filename;
  const auto& path = request.route.path;
  return path.empty() ? std::string_view{} : std::string_view(path.back());
}

// As UnixFS: a file, a folder or a link.
Result<Found> look_up_unixfs(const blockstore::Store& store, const ipld::Cid& cid,
                             const LookUp& wanted) {
  const GatewayRequest& request = wanted.request;
  if (cid.codec() == ipld::Codec::raw) {
    ACCEL_TRY(FoundFile file, look_up_raw(store, cid));
    ACCEL_CHECK(read_head(store, name_of(request), file));
    return file;
  }
  ACCEL_TRY(const Bytes block, store.get(cid));
  ACCEL_TRY(const ipld::NodeView node, ipld::decode_node(cid, block));
  if (node.kind == ipld::NodeKind::symlink) return FoundLink{cid, node.symlink_target};
  if (node.is_file()) {
    ACCEL_TRY(auto place, place_of_node(store, cid, node));
    FoundFile file{cid, node.file_bytes, std::move(place)};
    ACCEL_CHECK(read_head(store, name_of(request), file));
    return file;
  }
  const bool as_data = request.format == Format::json;
  if (!as_data && !request.route.trailing_slash) return FoundFolder{cid};  // To be redirected.
  if (!as_data) {
    auto index = look_up_file(store, cid, {"index.html"});
    if (index && *index) return FoundFolder{cid, {}, false, std::move(*index)};
  }
  ACCEL_TRY(auto folder, look_up_folder(store, cid, wanted.max_entries));
  return folder;
}

// The format under which a document of this codec may be asked for besides its own.
bool is_served_as(ipld::Codec codec, Format format) {
  if (format == Format::automatic) return true;
  if (codec == ipld::Codec::dag_json) return format == Format::dag_json || format == Format::json;
  if (codec == ipld::Codec::dag_cbor) return format == Format::dag_cbor || format == Format::cbor;
  if (codec == kPlainJson) return format == Format::json;
  if (codec == kPlainCbor) return format == Format::cbor;
  return format == Format::json || format == Format::cbor;  // Files hold what they hold.
}

bool is_document(ipld::Codec codec) {
  return codec == ipld::Codec::dag_json || codec == ipld::Codec::dag_cbor || codec == kPlainJson ||
         codec == kPlainCbor;
}

Result<Found> look_up_document(const blockstore::Store& store, const ipld::Cid& cid,
                               const GatewayRequest& request) {
  const bool has_page =
      cid.codec() == ipld::Codec::dag_json || cid.codec() == ipld::Codec::dag_cbor;
  if (request.prefers_html && has_page) {
    ACCEL_TRY(FoundBlock block, read_block(store, cid));
    std::string page = document_page(request, cid, as_bytes(std::get<std::string>(block.bytes)));
    return FoundDocument{std::move(block), std::move(page)};
  }
  ACCEL_TRY(auto placed, place_block(store, cid));
  if (placed) return FoundDocument{std::move(*placed)};
  ACCEL_TRY(FoundBlock block, read_block(store, cid));
  return FoundDocument{std::move(block)};
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

Result<blockstore::ResolvedPath> resolve_shown(const blockstore::Store& store,
                                               const ipld::Cid& root,
                                               const std::vector<std::string>& path) {
  ACCEL_CHECK(check_shown(store, root));
  ACCEL_TRY(auto end, store.resolve_path(root, path));
  for (const ipld::Cid& cid : end.passed) ACCEL_CHECK(check_shown(store, cid));
  ACCEL_CHECK(check_shown(store, end.cid));
  return end;
}

Result<Found> look_up(const blockstore::Store& store, const blockstore::ResolvedPath& end,
                      const LookUp& wanted) {
  const ipld::Codec codec = end.cid.codec();
  if (!end.remainder.empty()) {
    return Refused{501, "A path that ends inside of a document is served as CAR only."};
  }
  ACCEL_TRY(const bool here, store.has(end.cid));
  if (!here) return fail(not_here(end.cid.to_string()));
  if (!is_served_as(codec, wanted.request.format)) {
    return Refused{406, fmt::format("{} is {}: it is served as that, or with format=raw, not "
                                    "converted.",
                                    wanted.request.content_path, ipld::codec_name(codec))};
  }
  if (is_document(codec)) return look_up_document(store, end.cid, wanted.request);
  return look_up_unixfs(store, end.cid, wanted);
}

Result<std::optional<FoundFile>> look_up_file(const blockstore::Store& store, const ipld::Cid& root,
                                              const std::vector<std::string>& path) {
  ACCEL_TRY(const auto end, resolve_shown(store, root, path));
  const std::optional<FoundFile> none;
  if (!end.remainder.empty()) return none;
  if (end.cid.codec() == ipld::Codec::raw) {
    ACCEL_TRY(FoundFile file, look_up_raw(store, end.cid));
    return file;
  }
  if (end.cid.codec() != ipld::Codec::dag_pb) return none;
  ACCEL_TRY(const Bytes block, store.get(end.cid));
  ACCEL_TRY(const ipld::NodeView node, ipld::decode_node(end.cid, block));
  if (!node.is_file()) return none;
  ACCEL_TRY(auto place, place_of_node(store, end.cid, node));
  return FoundFile{end.cid, node.file_bytes, std::move(place)};
}

Result<std::optional<net::FileSlice>> place_of_file(const blockstore::Store& store,
                                                    const ipld::Cid& cid) {
  if (cid.codec() == ipld::Codec::raw) {
    ACCEL_TRY(FoundFile file, look_up_raw(store, cid));
    return std::move(file.place);
  }
  ACCEL_TRY(const Bytes block, store.get(cid));
  ACCEL_TRY(const ipld::NodeView node, ipld::decode_node(cid, block));
  return place_of_node(store, cid, node);
}

}  // namespace accel::gateway
