// SPDX-License-Identifier: Apache-2.0
#include "accel/ipld/folder.hpp"

#include <algorithm>
#include <span>

#include "accel/ipld/node_view.hpp"
#include "folder_size.hpp"
#include "node_cid.hpp"

namespace accel::ipld {
namespace {

tl::unexpected<Error> equal_hashes() {
  return fail(Errc::invalid_argument,
              "Two names of a large directory have equal hashes; no trie can hold both. Rename one "
              "of them.");
}

// Makes shards and hands them out.
class ShardMaker {
 public:
  struct Made {
    Cid cid;
    std::uint64_t dag_bytes = 0;
  };
  // An entry at the place that its hash gives it.
  struct Keyed {
    std::uint64_t hash = 0;
    const DirectoryEntry* entry = nullptr;
  };

  ShardMaker(const ImportProfile& profile, const OnBlock& on_block, std::uint32_t fanout)
      : profile_(profile), on_block_(on_block), fanout_(fanout) {}

  Result<Made> write(const HamtShard& shard) const {
    const Bytes block = encode_hamt_shard(shard);
    Made made{detail::dag_pb_cid(profile_, hash_block(profile_, block)), block.size()};
    for (const HamtSlot& slot : shard.slots) made.dag_bytes += slot.entry.tsize;
    ACCEL_CHECK(on_block_(made.cid, block));
    return made;
  }

  // Entries sorted by hash that share all slots above `level`.
  Result<Made> build(std::span<const Keyed> entries, std::size_t level,
                     const UnixFsMeta& meta) const {
    HamtShard shard{fanout_, {}, meta};
    while (!entries.empty()) {
      const auto slot = hamt_slot(entries.front().hash, fanout_, level);
      if (!slot) return equal_hashes();
      const auto end = std::ranges::find_if(entries, [&](const Keyed& keyed) {
        return hamt_slot(keyed.hash, fanout_, level) != slot;
      });
      const auto here = entries.first(static_cast<std::size_t>(end - entries.begin()));
      entries = entries.subspan(here.size());
      if (here.size() == 1) {
        shard.slots.push_back({*slot, false, *here.front().entry});
        continue;
      }
      ACCEL_TRY(Made below, build(here, level + 1, {}));
      shard.slots.push_back({*slot, true, {{}, std::move(below.cid), below.dag_bytes}});
    }
    return write(shard);
  }

 private:
  const ImportProfile& profile_;
  const OnBlock& on_block_;
  std::uint32_t fanout_;
};

ShardMaker::Keyed keyed(const DirectoryEntry& entry) {
  return {murmur3_x64_64(as_bytes(entry.name)), &entry};
}

// Changes one entry of a trie, from the root down and back up.
class TrieEdit {
 public:
  TrieEdit(const FolderAccess& access, std::uint32_t fanout)
      : access_(access), fanout_(fanout), maker_(access.profile, access.on_block, fanout) {}

  Result<BuiltFolder> put(HamtShard root, const DirectoryEntry& entry) {
    ACCEL_CHECK(put_below(root, keyed(entry), 0));
    return finish(root);
  }

  Result<BuiltFolder> remove(HamtShard root, std::string_view name) {
    ACCEL_CHECK(remove_below(root, name, 0));
    return finish(root);
  }

 private:
  Result<BuiltFolder> finish(const HamtShard& root) {
    ACCEL_TRY(const ShardMaker::Made made, maker_.write(root));
    return BuiltFolder{made.cid, made.dag_bytes, true};
  }

  Result<HamtShard> load(const Cid& cid) const {
    ACCEL_TRY(const Bytes block, access_.get(cid));
    ACCEL_TRY(HamtShard shard, decode_hamt_shard(cid, block));
    if (shard.fanout == fanout_) return shard;
    return fail(Errc::corrupt, "The shard {} has a fan-out of {} below one of {}.", cid,
                shard.fanout, fanout_);
  }

  Status link(HamtSlot& slot, const HamtShard& below) {
    ACCEL_TRY(ShardMaker::Made made, maker_.write(below));
    slot = {slot.index, true, {{}, std::move(made.cid), made.dag_bytes}};
    return {};
  }

  Status put_below(HamtShard& shard, const ShardMaker::Keyed& entry, std::size_t level) {
    const auto index = hamt_slot(entry.hash, fanout_, level);
    if (!index) return equal_hashes();
    const auto place = std::ranges::lower_bound(shard.slots, *index, {}, &HamtSlot::index);
    if (place == shard.slots.end() || place->index != *index) {
      shard.slots.insert(place, {*index, false, *entry.entry});
      return {};
    }
    if (place->is_shard) {
      ACCEL_TRY(HamtShard below, load(place->entry.cid));
      ACCEL_CHECK(put_below(below, entry, level + 1));
      return link(*place, below);
    }
    if (place->entry.name == entry.entry->name) {
      place->entry = *entry.entry;
      return {};
    }
    ShardMaker::Keyed two[] = {keyed(place->entry), entry};
    std::ranges::sort(two, {}, &ShardMaker::Keyed::hash);
    ACCEL_TRY(ShardMaker::Made made, maker_.build(two, level + 1, {}));
    *place = {*index, true, {{}, std::move(made.cid), made.dag_bytes}};
    return {};
  }

  // The name is there: the caller has looked it up.
  Status remove_below(HamtShard& shard, std::string_view name, std::size_t level) {
    const auto index = hamt_slot(murmur3_x64_64(as_bytes(name)), fanout_, level);
    const auto place = std::ranges::find_if(
        shard.slots, [&](const HamtSlot& slot) { return slot.index == index; });
    if (place == shard.slots.end()) {
      return fail(Errc::corrupt, "The shards of a directory changed while it was being changed.");
    }
    if (!place->is_shard) {
      shard.slots.erase(place);
      return {};
    }
    ACCEL_TRY(HamtShard below, load(place->entry.cid));
    ACCEL_CHECK(remove_below(below, name, level + 1));
    // A shard of one entry is that entry: else the trie would not be what its entries give.
    if (below.slots.empty()) {
      shard.slots.erase(place);
      return {};
    }
    if (below.slots.size() > 1 || below.slots.front().is_shard) return link(*place, below);
    *place = {place->index, false, std::move(below.slots.front().entry)};
    return {};
  }

  const FolderAccess& access_;
  std::uint32_t fanout_;
  ShardMaker maker_;
};

// Puts `with` in the place of the entry of that name, or takes that one out.
void replace_entry(std::vector<DirectoryEntry>& entries, std::string_view name,
                   const DirectoryEntry* with) {
  std::erase_if(entries, [&](const DirectoryEntry& entry) { return entry.name == name; });
  if (with != nullptr) entries.push_back(*with);
}

// The entries that a sharded directory would have after the change, if one block holds them.
Result<std::optional<std::vector<DirectoryEntry>>> entries_of_one_block(
    const FolderAccess& access, const Cid& folder, const UnixFsMeta& meta, std::string_view name,
    const DirectoryEntry* with) {
  detail::FolderSize size(access.profile, meta);
  std::vector<DirectoryEntry> entries;
  if (with != nullptr) size.add(*with);
  const auto keep = [&](const DirectoryEntry& entry) -> Status {
    if (entry.name == name) return {};
    size.add(entry);
    entries.push_back(entry);
    return size.fits() ? Status{} : fail(Errc::resource_exhausted, "It stays sharded.");
  };
  const Status walked = walk_hamt(folder, access.get, {.on_entry = keep});
  if (!size.fits()) return std::optional<std::vector<DirectoryEntry>>{};
  ACCEL_CHECK(walked);
  if (with != nullptr) entries.push_back(*with);
  return std::optional(std::move(entries));
}

// One change of either kind: `with` is null for a removal.
Result<BuiltFolder> change_sharded(const FolderAccess& access, const Cid& folder, HamtShard root,
                                   std::string_view name, const DirectoryEntry* with) {
  ACCEL_TRY(const HamtLookup found, find_in_hamt(folder, name, access.get));
  if (with == nullptr && !found.entry) {
    return fail(Errc::not_found, "The directory {} has no such entry.", folder);
  }
  const auto size_of = [&](const DirectoryEntry& entry) {
    return detail::entry_size(access.profile, entry);
  };
  // Only a directory that shrinks can come to fit one block.
  const bool shrinks = found.entry && (with == nullptr || size_of(*with) < size_of(*found.entry));
  if (shrinks) {
    const UnixFsMeta meta = root.meta;
    ACCEL_TRY(auto fitting, entries_of_one_block(access, folder, meta, name, with));
    if (fitting) {
      return build_folder(access.profile, *std::move(fitting), meta, access.on_block);
    }
  }
  TrieEdit edit(access, root.fanout);
  return with == nullptr ? edit.remove(std::move(root), name) : edit.put(std::move(root), *with);
}

Result<BuiltFolder> change(const FolderAccess& access, const Cid& folder, std::string_view name,
                           const DirectoryEntry* with) {
  ACCEL_TRY(const Bytes block, access.get(folder));
  ACCEL_TRY(NodeView view, decode_node(folder, block));
  if (view.kind == NodeKind::hamt) {
    ACCEL_TRY(HamtShard root, decode_hamt_shard(folder, block));
    return change_sharded(access, folder, std::move(root), name, with);
  }
  if (view.kind != NodeKind::directory) {
    return fail(Errc::invalid_argument, "{} is a {}, not a directory.", folder,
                node_kind_name(view.kind));
  }
  if (with == nullptr && view.find(name) == nullptr) {
    return fail(Errc::not_found, "The directory {} has no such entry.", folder);
  }
  replace_entry(view.entries, name, with);
  return build_folder(access.profile, std::move(view.entries), view.meta, access.on_block);
}

}  // namespace

Result<BuiltFolder> build_folder(const ImportProfile& profile, std::vector<DirectoryEntry> entries,
                                 const UnixFsMeta& meta, const OnBlock& on_block) {
  ACCEL_CHECK(detail::check_and_sort(entries));
  detail::FolderSize size(profile, meta);
  for (const DirectoryEntry& entry : entries) size.add(entry);
  if (size.fits()) {
    const BuiltBlock built = detail::encode_directory(profile, std::move(entries), meta);
    ACCEL_CHECK(on_block(built.cid, built.block));
    return BuiltFolder{built.cid, built.dag_bytes, false};
  }
  std::vector<ShardMaker::Keyed> by_hash;
  by_hash.reserve(entries.size());
  for (const DirectoryEntry& entry : entries) by_hash.push_back(keyed(entry));
  std::ranges::sort(by_hash, {}, &ShardMaker::Keyed::hash);
  const ShardMaker maker(profile, on_block, profile.hamt_fanout);
  ACCEL_TRY(const ShardMaker::Made root, maker.build(by_hash, 0, meta));
  return BuiltFolder{root.cid, root.dag_bytes, true};
}

Result<BuiltFolder> put_entry(const FolderAccess& access, const Cid& folder, DirectoryEntry entry) {
  ACCEL_CHECK(check_entry_name(entry.name));
  return change(access, folder, entry.name, &entry);
}

Result<BuiltFolder> remove_entry(const FolderAccess& access, const Cid& folder,
                                 std::string_view name) {
  return change(access, folder, name, nullptr);
}

}  // namespace accel::ipld
