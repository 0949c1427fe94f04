// SPDX-License-Identifier: Apache-2.0
// A store with a limit frees what nothing keeps, longest unused first; the memory above the disk.
#include "store_fixture.hpp"

namespace accel::blockstore::test {
namespace {

class Quota : public StoreTest {
 protected:
  void open_with(std::uint64_t max_bytes, std::uint64_t cache_bytes = 0) {
    store_.reset();
    StoreOptions how = options();
    how.max_bytes = max_bytes;
    how.cache_bytes = cache_bytes;
    auto opened = Store::open(how);
    ASSERT_TRUE(opened.has_value()) << opened.error().to_string();
    store_ = *std::move(opened);
  }
  // Added, and kept by nobody.
  ipld::Cid add_loose(const std::string& name, std::uint64_t seed) {
    make_file(name, seed, kFile);
    const ipld::Cid root = add(name).cid;
    EXPECT_TRUE(store_->unpin(root).has_value());
    return root;
  }
  bool is_whole(const ipld::Cid& root) { return store_->dag_stat({root}, {}).has_value(); }

  static constexpr std::size_t kFile = 2 * kMiB;
};

TEST_F(Quota, frees_what_was_used_longest_ago_first) {
  open_with(10 * kMiB);
  const ipld::Cid first = add_loose("1", 1);
  const ipld::Cid second = add_loose("2", 2);
  const ipld::Cid third = add_loose("3", 3);
  EXPECT_EQ(cat(first).size(), kFile);
  open_with(10 * kMiB);
  make_file("4", 4, 2 * kFile);
  const ipld::Cid fourth = add("4").cid;  // 6 + 4 MiB, packs and a twentieth: one goes.
  EXPECT_TRUE(is_whole(first));           // Read since.
  EXPECT_FALSE(is_whole(second));
  EXPECT_TRUE(is_whole(third));
  EXPECT_TRUE(is_whole(fourth));
  expect_sound();
}

TEST_F(Quota, never_frees_what_is_pinned_and_says_what_to_do) {
  open_with(5 * kMiB);
  make_file("1", 1, kFile);
  make_file("2", 2, kFile);
  const ipld::Cid first = add("1").cid;
  const ipld::Cid second = add("2").cid;
  make_file("3", 3, kFile);
  const auto refused = store_->add(work("3"), {});
  EXPECT_ERRC(refused, Errc::resource_exhausted);
  EXPECT_NE(refused.error().message.find("store.max_bytes"), std::string::npos);
  EXPECT_EQ(cat(first).size(), kFile);
  EXPECT_EQ(cat(second).size(), kFile);
  ASSERT_TRUE(store_->unpin(first).has_value());
  EXPECT_TRUE(store_->add(work("3"), {}).has_value());
  EXPECT_TRUE(is_whole(second));
}

TEST_F(Quota, never_frees_what_is_leased_or_fetched) {
  open_with(5 * kMiB);
  const ipld::Cid first = add_loose("1", 1);
  const auto lease = store_->lease(first);
  const FileDag dag = make_dag(ipld::unixfs_v1_2025(), random_bytes(2, kFile));
  const auto fetch = store_->begin_file(dag.root, kFile, dag.slots);
  ASSERT_TRUE(fetch.has_value()) << fetch.error().to_string();
  make_file("3", 3, kFile);
  EXPECT_ERRC(store_->add(work("3"), {}), Errc::resource_exhausted);
  EXPECT_EQ(cat(first).size(), kFile);
}

TEST_F(Quota, holds_for_puts_and_fetches_too) {
  open_with(3 * kMiB);
  const ipld::Cid first = add_loose("1", 1);
  const FileDag dag = make_dag(ipld::unixfs_v1_2025(), random_bytes(2, kFile));
  EXPECT_TRUE(store_->begin_file(dag.root, kFile, dag.slots).has_value());
  EXPECT_FALSE(is_whole(first));
  const Bytes block = random_bytes(3, 2 * kMiB);
  EXPECT_ERRC(store_->put(raw_cid(block), block), Errc::resource_exhausted);
}

TEST_F(Quota, without_a_limit_nothing_goes) {
  const ipld::Cid first = add_loose("1", 1);
  make_file("2", 2, kFile);
  add("2");
  EXPECT_TRUE(is_whole(first));
}

TEST_F(Quota, a_gc_of_a_part_frees_about_so_much) {
  open_with(100 * kMiB);
  const ipld::Cid first = add_loose("1", 1);
  const ipld::Cid second = add_loose("2", 2);
  EXPECT_EQ(gc({.free_bytes = 1}).files_freed, 1U);
  EXPECT_FALSE(is_whole(first));
  EXPECT_TRUE(is_whole(second));
  EXPECT_EQ(gc().files_freed, 1U);
}

TEST_F(Quota, small_blocks_are_read_from_memory_the_second_time) {
  open_with(0, kMiB);
  const Bytes block = random_bytes(1, 5000);
  ASSERT_TRUE(store_->put(raw_cid(block), block).has_value());
  EXPECT_EQ(*store_->get(raw_cid(block)), block);
  EXPECT_EQ(*store_->get(raw_cid(block)), block);
  const CacheReport report = store_->cache_report();
  EXPECT_EQ(report.hits, 1U);
  EXPECT_EQ(report.misses, 1U);
  EXPECT_GE(report.bytes, block.size());
  gc();
  EXPECT_ERRC(store_->get(raw_cid(block)), Errc::not_found);  // Freed is freed.
}

TEST_F(Quota, from_memory_comes_only_what_may_be_served_now) {
  open_with(0, kMiB);
  const Bytes block = random_bytes(1, 5000);
  const ipld::Cid cid = raw_cid(block);
  ASSERT_TRUE(store_->put(cid, block).has_value());
  EXPECT_EQ(store_->cached_public(cid), nullptr);
  ASSERT_TRUE(store_->get(cid).has_value());
  for (int i = 0; i < 2; ++i) {
    const auto found = store_->cached_public(cid);
    ASSERT_NE(found, nullptr);
    EXPECT_EQ(*found, block);
  }
  ASSERT_TRUE(store_->pin(cid, {.name = "mine", .is_private = true}).has_value());
  EXPECT_EQ(store_->cached_public(cid), nullptr);
  ASSERT_TRUE(store_->get(cid).has_value());
  EXPECT_EQ(store_->cached_public(cid), nullptr);  // Reading it does not show it.
  ASSERT_TRUE(store_->pin(cid, {.name = "ours"}).has_value());
  EXPECT_EQ(store_->cached_public(cid), nullptr);  // Nobody has looked since.
  ASSERT_TRUE(store_->get(cid).has_value());
  EXPECT_NE(store_->cached_public(cid), nullptr);
  ASSERT_TRUE(store_->unpin(cid).has_value());
  ASSERT_TRUE(store_->get(cid).has_value());
  EXPECT_NE(store_->cached_public(cid), nullptr);
  gc();
  EXPECT_EQ(store_->cached_public(cid), nullptr);
}

TEST_F(Quota, a_block_that_only_a_referenced_file_has_does_not_come_from_memory) {
  open_with(0, kMiB);
  make_file("theirs", 2, 3000);
  AddOptions reference;
  reference.reference = true;
  const ipld::Cid cid = add("theirs", reference).cid;
  ASSERT_TRUE(store_->get(cid).has_value());
  EXPECT_EQ(store_->cached_public(cid), nullptr);
}

TEST_F(Quota, memory_for_blocks_has_its_limit) {
  open_with(0, kMiB);
  for (std::uint64_t i = 0; i < 60; ++i) {
    const Bytes block = random_bytes(i, 60'000);
    ASSERT_TRUE(store_->put(raw_cid(block), block).has_value());
    EXPECT_EQ(*store_->get(raw_cid(block)), block);
  }
  EXPECT_LE(store_->cache_report().bytes, kMiB);
}

TEST_F(Quota, usage_names_files_packs_and_what_is_shared) {
  make_file("1", 1, kFile);
  add("1");
  make_file("both/1", 1, kFile);
  add("both");
  const auto usage = store_->usage();
  ASSERT_TRUE(usage.has_value());
  ASSERT_EQ(usage->files.size(), 1U);
  EXPECT_EQ(usage->files.front().bytes, kFile);
  ASSERT_EQ(usage->packs.size(), 1U);
  EXPECT_GT(usage->packs.front().live_bytes, 0U);
  EXPECT_GT(usage->pinned_bytes, usage->unique_bytes + kMiB);
}

}  // namespace
}  // namespace accel::blockstore::test
