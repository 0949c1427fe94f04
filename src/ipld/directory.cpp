// SPDX-License-Identifier: Apache-2.0
#include "accel/ipld/directory.hpp"

#include <algorithm>

#include "accel/ipld/dag_pb.hpp"
#include "accel/ipld/unixfs.hpp"
#include "node_cid.hpp"

namespace accel::ipld {
namespace {

std::uint64_t size_for_threshold(const ImportProfile& profile, const PbNode& node,
                                 const Bytes& block) {
  if (profile.directory_size == DirectorySize::block_bytes) return block.size();
  std::uint64_t size = 0;
  for (const PbLink& link : node.links) size += link.name.size() + link.cid.size_bytes();
  return size;
}

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

Result<BuiltBlock> build_directory(const ImportProfile& profile,
                                   std::vector<DirectoryEntry> entries) {
  std::ranges::sort(entries, {}, &DirectoryEntry::name);
  PbNode node;
  std::uint64_t below = 0;
  for (DirectoryEntry& entry : entries) {
    ACCEL_CHECK(check_entry_name(entry.name));
    if (!node.links.empty() && node.links.back().name == entry.name) {
      return fail(Errc::invalid_argument, "The name '{}' is given twice in one directory.",
                  printable(entry.name));
    }
    below += entry.tsize;
    node.links.push_back({std::move(entry.cid), std::move(entry.name), entry.tsize});
  }
  node.data = encode_unixfs({.type = NodeType::directory});
  BuiltBlock built{{}, encode_pb(node), 0};
  const std::uint64_t size = size_for_threshold(profile, node, built.block);
  if (size > profile.hamt_threshold) {
    return fail(Errc::unsupported,
                "A directory of {} entries takes {} bytes, and {} keeps up to {} in one block. "
                "Sharded directories come with a later version; until then spread the entries "
                "over subdirectories.",
                node.links.size(), size, profile.name, profile.hamt_threshold);
  }
  built.cid = detail::dag_pb_cid(profile, sha2_256(built.block));
  built.dag_bytes = built.block.size() + below;
  return built;
}

Result<BuiltBlock> build_symlink(const ImportProfile& profile, std::string_view target) {
  if (target.empty() || target.size() > kMaxSymlinkBytes) {
    return fail(Errc::invalid_argument, "A symbolic link has a target of 1 to {} bytes, not {}.",
                kMaxSymlinkBytes, target.size());
  }
  if (target.find('\0') != std::string_view::npos) {
    return fail(Errc::invalid_argument, "The target of a symbolic link holds a NUL.");
  }
  PbNode node;
  node.data = encode_unixfs({.type = NodeType::symlink, .data = to_bytes(target)});
  BuiltBlock built{{}, encode_pb(node), 0};
  built.cid = detail::dag_pb_cid(profile, sha2_256(built.block));
  built.dag_bytes = built.block.size();
  return built;
}

}  // namespace accel::ipld
