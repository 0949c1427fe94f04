// SPDX-License-Identifier: Apache-2.0
#include "accel/ipld/directory.hpp"

#include <algorithm>

#include "accel/ipld/dag_pb.hpp"
#include "accel/ipld/unixfs.hpp"
#include "folder_size.hpp"
#include "node_cid.hpp"
#include "views.hpp"

namespace accel::ipld {
namespace {

// The name as an error message can show it: peers choose these bytes, terminals read them.
std::string printable(std::string_view name) {
  constexpr std::size_t kShown = 64;
  std::string shown;
  for (const char character : name.substr(0, kShown)) {
    const bool plain = character >= ' ' && character <= '~';
    shown += plain ? std::string(1, character)
                   : fmt::format("\\x{:02x}", static_cast<unsigned char>(character));
  }
  return name.size() > kShown ? shown + "…" : shown;
}

}  // namespace

bool link_stays_inside(std::string_view target, std::size_t depth) {
  if (target.starts_with('/') || depth == 0) return false;
  std::size_t level = depth - 1;  // The link's own folder.
  bool named = false;
  while (!target.empty()) {
    const std::size_t end = std::min(target.find('/'), target.size());
    const std::string_view part = target.substr(0, end);
    target.remove_prefix(std::min(end + 1, target.size()));
    if (part.empty() || part == ".") continue;
    if (part == "..") {
      if (named || level == 0) return false;
      --level;
    } else {
      named = true;
    }
  }
  return true;
}

Status check_entry_name(std::string_view name) {
  if (name.empty()) return fail(Errc::invalid_argument, "A directory entry needs a name.");
  if (name == "." || name == "..") {
    return fail(Errc::invalid_argument, "A directory entry may not be named '{}'.", name);
  }
  if (name.size() > kMaxNameBytes) {
    return fail(Errc::invalid_argument, "The name '{}' has {} bytes; {} is the most.",
                printable(name), name.size(), kMaxNameBytes);
  }
  if (name.find_first_of(std::string_view("/\0", 2)) != std::string_view::npos) {
    return fail(Errc::invalid_argument, "The name '{}' holds a slash or a NUL.", printable(name));
  }
  return {};
}

std::uint64_t detail::entry_size(const ImportProfile& profile, const DirectoryEntry& entry) {
  if (profile.directory_size == DirectorySize::links_bytes) {
    return entry.name.size() + entry.cid.size_bytes();
  }
  return link_field_size({entry.cid, entry.name, entry.tsize});
}

detail::FolderSize::FolderSize(const ImportProfile& profile, const UnixFsMeta& meta)
    : profile_(profile) {
  if (profile.directory_size == DirectorySize::links_bytes) return;
  bytes_ = data_field_size(
      encode_unixfs({.type = NodeType::directory, .mode = meta.mode, .mtime = meta.mtime}));
}

BuiltBlock detail::encode_directory(const ImportProfile& profile,
                                    std::vector<DirectoryEntry> entries, const UnixFsMeta& meta) {
  PbNode node;
  BuiltBlock built;
  node.links.reserve(entries.size());
  for (DirectoryEntry& entry : entries) {
    built.dag_bytes += entry.tsize;
    node.links.push_back({std::move(entry.cid), std::move(entry.name), entry.tsize});
  }
  node.data = encode_unixfs({.type = NodeType::directory, .mode = meta.mode, .mtime = meta.mtime});
  built.block = encode_pb(node);
  built.cid = dag_pb_cid(profile, hash_block(profile, built.block));
  built.dag_bytes += built.block.size();
  return built;
}

Status detail::check_and_sort(std::vector<DirectoryEntry>& entries) {
  for (const DirectoryEntry& entry : entries) ACCEL_CHECK(check_entry_name(entry.name));
  std::ranges::sort(entries, {}, &DirectoryEntry::name);
  const auto twice = std::ranges::adjacent_find(entries, {}, &DirectoryEntry::name);
  if (twice == entries.end()) return {};
  return fail(Errc::invalid_argument, "The name '{}' is given twice in one directory.",
              printable(twice->name));
}

Result<BuiltBlock> build_directory(const ImportProfile& profile,
                                   std::vector<DirectoryEntry> entries, const UnixFsMeta& meta) {
  ACCEL_CHECK(detail::check_and_sort(entries));
  detail::FolderSize size(profile, meta);
  for (const DirectoryEntry& entry : entries) size.add(entry);
  if (!size.fits()) {
    return fail(Errc::unsupported,
                "A directory of {} entries takes {} bytes, and {} keeps up to {} in one block.",
                entries.size(), size.bytes(), profile.name, profile.hamt_threshold);
  }
  return detail::encode_directory(profile, std::move(entries), meta);
}

Result<BuiltBlock> build_symlink(const ImportProfile& profile, std::string_view target,
                                 const UnixFsMeta& meta) {
  if (target.empty() || target.size() > kMaxSymlinkBytes) {
    return fail(Errc::invalid_argument, "A symbolic link has a target of 1 to {} bytes, not {}.",
                kMaxSymlinkBytes, target.size());
  }
  if (target.find('\0') != std::string_view::npos) {
    return fail(Errc::invalid_argument, "The target of a symbolic link holds a NUL.");
  }
  PbNode node;
  node.data = encode_unixfs({.type = NodeType::symlink,
                             .data = to_bytes(target),
                             .mode = meta.mode,
                             .mtime = meta.mtime});
  BuiltBlock built{{}, encode_pb(node), 0};
  built.cid = detail::dag_pb_cid(profile, hash_block(profile, built.block));
  built.dag_bytes = built.block.size();
  return built;
}

}  // namespace accel::ipld
