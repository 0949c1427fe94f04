// SPDX-License-Identifier: Apache-2.0
// Building and changing directories of any size. That the CIDs are Kubo's is kubo_cids_test.cpp's
// and ipip0499_test.cpp's; here: however a directory came about, it is the one that its entries
// give.
#include "accel/ipld/folder.hpp"

#include <gtest/gtest.h>

#include <map>

#include "import_support.hpp"
#include "property_support.hpp"

namespace accel::ipld {
namespace {

// One directory in memory, changed step by step.
class Folder {
 public:
  explicit Folder(ImportProfile profile) : profile_(std::move(profile)) {}

  Result<BuiltFolder> build(std::vector<DirectoryEntry> entries, const UnixFsMeta& meta = {}) {
    return keep(build_folder(profile_, std::move(entries), meta, on_block()));
  }
  Result<BuiltFolder> put(DirectoryEntry entry) {
    return keep(put_entry({profile_, getter(), on_block()}, now_.cid, std::move(entry)));
  }
  Result<BuiltFolder> remove(std::string_view name) {
    return keep(remove_entry({profile_, getter(), on_block()}, now_.cid, name));
  }

  BlockGetter getter() {
    return [this](const Cid& cid) -> Result<Bytes> {
      ++reads;
      const auto found = blocks_.find(cid);
      if (found == blocks_.end()) return fail(Errc::not_found, "No block {}.", cid);
      return found->second;
    };
  }
  std::vector<DirectoryEntry> entries() {
    const NodeView view = decode_node(now_.cid, blocks_.at(now_.cid)).value();
    if (view.kind == NodeKind::directory) return view.entries;
    std::vector<DirectoryEntry> all;
    const auto take = [&](const DirectoryEntry& entry) -> Status {
      all.push_back(entry);
      return {};
    };
    EXPECT_TRUE(walk_hamt(now_.cid, getter(), {.on_entry = take}));
    std::ranges::sort(all, {}, &DirectoryEntry::name);
    return all;
  }
  UnixFsMeta meta() const { return decode_node(now_.cid, blocks_.at(now_.cid)).value().meta; }

  std::size_t reads = 0;
  std::size_t made = 0;
  const BuiltFolder& now() const { return now_; }

 private:
  OnBlock on_block() {
    return [this](const Cid& cid, ByteView block) -> Status {
      ++made;
      EXPECT_TRUE(verify_block(cid, block));
      blocks_.insert_or_assign(cid, to_bytes(block));
      return {};
    };
  }
  Result<BuiltFolder> keep(Result<BuiltFolder> built) {
    if (built) now_ = *built;
    return built;
  }

  ImportProfile profile_;
  std::map<Cid, Bytes> blocks_;
  BuiltFolder now_;
};

DirectoryEntry entry_named(std::string name, std::uint64_t tsize = 5) {
  return {std::move(name), Cid::v1(Codec::raw, sha2_256(as_bytes("child"))), tsize};
}

std::vector<DirectoryEntry> numbered(int count) {
  std::vector<DirectoryEntry> entries;
  for (int i = 0; i < count; ++i) entries.push_back(entry_named(fmt::format("{}.txt", i)));
  return entries;
}

ImportProfile sharding_above(std::uint64_t threshold) {
  ImportProfile profile = unixfs_v1_2025();
  profile.hamt_threshold = threshold;
  return profile;
}

TEST(Folder, of_one_block_is_what_build_directory_makes) {
  Folder folder(unixfs_v1_2025());
  const BuiltFolder built = folder.build(numbered(100)).value();
  const BuiltBlock block = build_directory(unixfs_v1_2025(), numbered(100)).value();
  EXPECT_EQ(built, (BuiltFolder{block.cid, block.dag_bytes, false}));
  EXPECT_EQ(folder.made, 1U);
}

TEST(Folder, is_sharded_above_the_threshold_and_reads_back) {
  Folder folder(sharding_above(100));
  const BuiltFolder built = folder.build(numbered(1000)).value();
  EXPECT_TRUE(built.sharded);
  const auto entries = folder.entries();
  ASSERT_EQ(entries.size(), 1000U);
  for (const DirectoryEntry& entry : entries) EXPECT_EQ(entry.tsize, 5U);
}

TEST(Folder, counts_its_shards_and_all_below) {
  Folder folder(sharding_above(0));
  std::uint64_t bytes = 0;
  const OnBlock count = [&](const Cid&, ByteView block) -> Status {
    bytes += block.size();
    return {};
  };
  const auto built = build_folder(sharding_above(0), numbered(1000), {}, count).value();
  EXPECT_EQ(built.dag_bytes, bytes + 1000 * 5);
}

TEST(Folder, gives_children_before_parents) {
  std::map<Cid, Bytes> blocks;
  const OnBlock check = [&](const Cid& cid, ByteView block) -> Status {
    const HamtShard shard = decode_hamt_shard(cid, block).value();
    for (const HamtSlot& slot : shard.slots) {
      EXPECT_TRUE(!slot.is_shard || blocks.contains(slot.entry.cid));
    }
    blocks.emplace(cid, to_bytes(block));
    return {};
  };
  ASSERT_TRUE(build_folder(sharding_above(0), numbered(2000), {}, check));
  EXPECT_GT(blocks.size(), 100U);
}

TEST(Folder, a_change_reads_and_makes_only_the_shards_on_its_path) {
  Folder folder(sharding_above(100));
  ASSERT_TRUE(folder.build(numbered(20'000)));
  folder.reads = folder.made = 0;
  ASSERT_TRUE(folder.put(entry_named("new")));
  EXPECT_LE(folder.made, 4U);
  EXPECT_LE(folder.reads, 8U);
  folder.made = 0;
  ASSERT_TRUE(folder.remove("new"));
  EXPECT_LE(folder.made, 4U);
}

TEST(Folder, refuses_what_a_directory_cannot_hold) {
  Folder folder(sharding_above(100));
  EXPECT_EQ(folder.build({entry_named("a"), entry_named("a")}).error().code,
            Errc::invalid_argument);
  EXPECT_EQ(folder.build({entry_named("..")}).error().code, Errc::invalid_argument);
  ASSERT_TRUE(folder.build(numbered(50)));
  EXPECT_EQ(folder.put(entry_named("a/b")).error().code, Errc::invalid_argument);
  EXPECT_EQ(folder.remove("absent").error().code, Errc::not_found);
  ASSERT_TRUE(folder.build({}));
  EXPECT_EQ(folder.remove("absent").error().code, Errc::not_found);
}

TEST(Folder, that_is_a_file_is_not_changed) {
  const Bytes block = leaf_block(unixfs_v0_2015(), as_bytes("x"));
  const BlockGetter get = [&](const Cid&) -> Result<Bytes> { return block; };
  const OnBlock none = [](const Cid&, ByteView) -> Status { return {}; };
  const Cid file = make_leaf(unixfs_v0_2015(), as_bytes("x")).cid;
  const ImportProfile profile = unixfs_v1_2025();
  EXPECT_EQ(remove_entry({profile, get, none}, file, "a").error().code, Errc::invalid_argument);
}

TEST(Folder, an_error_of_on_block_ends_it) {
  const OnBlock full = [](const Cid&, ByteView) -> Status {
    return fail(Errc::resource_exhausted, "Full.");
  };
  EXPECT_EQ(build_folder(sharding_above(0), numbered(300), {}, full).error().code,
            Errc::resource_exhausted);
  EXPECT_EQ(build_folder(unixfs_v1_2025(), {}, {}, full).error().code, Errc::resource_exhausted);
}

TEST(Folder, keeps_its_mode_and_time_through_every_change) {
  const UnixFsMeta meta{0750, UnixFsTime{-5, 7}};
  Folder folder(sharding_above(300));
  ASSERT_TRUE(folder.build({entry_named("a")}, meta));
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(folder.put(entry_named(fmt::format("{}", i))));
    EXPECT_EQ(folder.meta(), meta);
  }
  EXPECT_TRUE(folder.now().sharded);
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(folder.remove(fmt::format("{}", i)));
    EXPECT_EQ(folder.meta(), meta);
  }
  EXPECT_FALSE(folder.now().sharded);
}

TEST(Folder, metadata_counts_against_the_threshold_of_blocks) {
  const BuiltBlock bare = build_directory(unixfs_v1_2025(), numbered(10)).value();
  const ImportProfile profile = sharding_above(bare.block.size());
  Folder folder(profile);
  EXPECT_FALSE(folder.build(numbered(10)).value().sharded);
  EXPECT_TRUE(folder.build(numbered(10), {0644, {}}).value().sharded);
}

TEST(Folder, is_sharded_by_the_number_of_its_entries_where_the_profile_says_so) {
  ImportProfile profile = unixfs_v1_2025();
  profile.max_directory_links = 10;
  Folder folder(profile);
  EXPECT_FALSE(folder.build(numbered(10)).value().sharded);
  EXPECT_TRUE(folder.put(entry_named("one more")).value().sharded);
  EXPECT_FALSE(folder.remove("3.txt").value().sharded);
}

TEST(Folder, replacing_an_entry_by_a_shorter_one_can_make_it_one_block_again) {
  std::vector<DirectoryEntry> entries = numbered(10);
  entries.push_back(entry_named("x", UINT64_MAX));
  const BuiltBlock block = build_directory(unixfs_v1_2025(), entries).value();
  Folder folder(sharding_above(block.block.size() - 1));
  EXPECT_TRUE(folder.build(entries).value().sharded);
  EXPECT_FALSE(folder.put(entry_named("x", 1)).value().sharded);
  EXPECT_TRUE(folder.put(entry_named("x", UINT64_MAX)).value().sharded);
}

// However it came about, a directory is the one that its entries give.
TEST(Folder, does_not_depend_on_its_history) {
  ACCEL_TRACE_SEED();
  testing::Generator any;
  for (const std::uint32_t fanout : {8U, 16U, 64U, 256U, 1024U}) {
    ImportProfile profile = sharding_above(any.below(2000));
    profile.hamt_fanout = fanout;
    if (any.below(2) == 0) profile.directory_size = DirectorySize::links_bytes;
    Folder changed(profile);
    Folder fresh(profile);
    ASSERT_TRUE(changed.build({}));
    std::map<std::string, DirectoryEntry> expected;
    for (int step = 0; step < 250; ++step) {
      const std::string name = fmt::format("n{}", any.below(60));
      const bool there = expected.contains(name);
      if (there && any.below(2) == 0) {
        expected.erase(name);
        ASSERT_TRUE(changed.remove(name));
      } else {
        expected[name] = entry_named(name, any.below(1U << 30U));
        ASSERT_TRUE(changed.put(expected[name]));
      }
      std::vector<DirectoryEntry> entries;
      for (const auto& [ignored, entry] : expected) entries.push_back(entry);
      ASSERT_EQ(changed.now(), fresh.build(entries).value()) << "step " << step;
      ASSERT_EQ(changed.entries().size(), expected.size());
    }
  }
}

TEST(Folder, names_whose_hashes_begin_alike_hang_deep_and_collapse_again) {
  // Found by search: the first 24 bits of their hashes are equal.
  Folder folder(sharding_above(0));
  std::map<std::uint64_t, std::string> seen;
  std::string first;
  std::string second;
  for (int i = 0; first.empty(); ++i) {
    const std::string name = fmt::format("{}", i);
    const auto [place, fresh] = seen.emplace(murmur3_x64_64(as_bytes(name)) >> 40U, name);
    if (!fresh) {
      first = place->second;
      second = name;
    }
  }
  ASSERT_TRUE(folder.build({entry_named(first)}));
  const BuiltFolder alone = folder.now();
  ASSERT_TRUE(folder.put(entry_named(second)));
  EXPECT_EQ(find_in_hamt(folder.now().cid, second, folder.getter()).value().passed.size(), 4U);
  EXPECT_EQ(folder.remove(second).value(), alone);
}

}  // namespace
}  // namespace accel::ipld
