// SPDX-License-Identifier: Apache-2.0
// Damage is found, is given to nobody from then on, and comes back by fetching what is missing.
#include "store_fixture.hpp"

namespace accel::blockstore::test {
namespace {

class Damage : public StoreTest {
 protected:
  VerifyReport verify(const VerifyOptions& how = {}) {
    const auto report = store_->verify(how);
    EXPECT_TRUE(report.has_value()) << report.error().to_string();
    return report.value_or(VerifyReport{});
  }
};

TEST_F(Damage, finds_every_bad_leaf_of_a_large_file) {
  const Bytes bytes = make_file("model", 1, 9 * kMiB);
  add("model");
  const fs::path file = regular_files(home() / "files").front();
  rot_byte(file, 100);
  rot_byte(file, 5 * kMiB);
  rot_byte(file, 9 * kMiB - 1);
  EXPECT_EQ(verify().bad_total, 3U);
}

TEST_F(Damage, of_one_dag_looks_at_nothing_else) {
  make_file("good", 1, 3 * kMiB);
  make_file("bad", 2, 3 * kMiB);
  const ipld::Cid good = add("good").cid;
  const ipld::Cid bad = add("bad").cid;
  rot_byte(*store_->file_of(bad).value(), 5000);
  VerifyOptions how;
  how.root = good;
  EXPECT_EQ(verify(how).bad_total, 0U);
  EXPECT_EQ(verify(how).blocks, 4U);
  how.root = bad;
  EXPECT_EQ(verify(how).bad_total, 1U);
  how.root = raw_cid(as_bytes("absent"));
  EXPECT_EQ(verify(how).bad_total, 1U);
}

TEST_F(Damage, of_a_sample_hashes_about_so_many) {
  for (std::uint64_t i = 0; i < 400; ++i) {
    const Bytes block = random_bytes(i, 50);
    ASSERT_TRUE(store_->put(raw_cid(block), block).has_value());
  }
  VerifyOptions how;
  how.sample_percent = 25;
  const std::uint64_t blocks = verify(how).blocks;
  EXPECT_GT(blocks, 30U);
  EXPECT_LT(blocks, 200U);
}

TEST_F(Damage, in_the_background_keeps_its_pace_and_can_be_stopped) {
  make_file("model", 1, 4 * kMiB);
  add("model");
  VerifyOptions how;
  how.bytes_per_second = 64 * kMiB;
  EXPECT_EQ(verify(how).bad_total, 0U);
  std::stop_source stop;
  stop.request_stop();
  how.stop = stop.get_token();
  EXPECT_ERRC(store_->verify(how), Errc::cancelled);
}

TEST_F(Damage, distrusts_a_damaged_file_which_is_mended_by_its_missing_leaf) {
  const Bytes bytes = make_file("model", 1, 4 * kMiB);
  const ipld::Cid root = add("model").cid;
  const FileDag dag = make_dag(ipld::unixfs_v1_2025(), bytes);
  const fs::path path = *store_->file_of(root).value();
  rot_byte(path, 2 * kMiB + 7);
  VerifyOptions how;
  how.distrust = true;
  EXPECT_EQ(verify(how).bad_total, 2U);  // The leaf, and the pin that lacks it now.
  // Nobody is given the damage, by whichever way.
  EXPECT_FALSE(store_->file_of(root)->has_value());
  EXPECT_ERRC(store_->get(dag.slots[2].cid), Errc::not_found);
  EXPECT_ERRC(store_->locate(dag.slots[2].cid), Errc::not_found);
  EXPECT_ERRC(store_->locate(dag.slots[1].cid), Errc::unsupported);
  EXPECT_EQ(*store_->get(dag.slots[1].cid), dag.leaves[1]);
  const auto checks = store_->check_pins({});
  ASSERT_EQ(checks->size(), 1U);
  EXPECT_NE(checks->front().error.find(dag.slots[2].cid.to_string()), std::string::npos);
  EXPECT_ERRC(store_->gc({}), Errc::not_found);  // Frees nothing below a pin that is not whole.
  {
    const auto file = store_->begin_file(root, bytes.size(), dag.slots);
    ASSERT_TRUE(file.has_value()) << file.error().to_string();
    EXPECT_EQ((*file)->missing(), std::vector<std::size_t>{2});
    ASSERT_TRUE((*file)->write_leaf(2, dag.leaves[2]).has_value());
    ASSERT_TRUE((*file)->commit().has_value());
  }
  EXPECT_EQ(cat(root), bytes);
  EXPECT_TRUE(store_->file_of(root)->has_value());
  EXPECT_TRUE(store_->check_pins({})->front().error.empty());
  EXPECT_EQ(regular_files(home() / "files").size(), 1U);
  gc();
  expect_sound();
}

TEST_F(Damage, forgets_a_damaged_block_of_a_pack_which_can_be_put_again) {
  const Bytes block = random_bytes(1, 5000);
  ASSERT_TRUE(store_->put(raw_cid(block), block).has_value());
  rot_byte(only_pack(), 3000);
  VerifyOptions how;
  how.distrust = true;
  EXPECT_EQ(verify(how).bad_total, 1U);
  EXPECT_FALSE(*store_->has(raw_cid(block)));
  EXPECT_ERRC(store_->locate(raw_cid(block)), Errc::not_found);
  ASSERT_TRUE(store_->put(raw_cid(block), block).has_value());
  EXPECT_EQ(*store_->get(raw_cid(block)), block);
  expect_sound();
}

TEST_F(Damage, without_distrust_changes_nothing) {
  const Bytes block = random_bytes(1, 5000);
  ASSERT_TRUE(store_->put(raw_cid(block), block).has_value());
  rot_byte(only_pack(), 3000);
  EXPECT_EQ(verify().bad_total, 1U);
  EXPECT_EQ(verify().bad_total, 1U);
}

}  // namespace
}  // namespace accel::blockstore::test
