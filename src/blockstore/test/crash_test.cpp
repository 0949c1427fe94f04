// SPDX-License-Identifier: Apache-2.0
// A child process dies at each step that it announces, and at random moments; what it leaves is
// sound and is taken up. (kill -9 keeps the page cache: lost writes are partial_file_test's and
// fault_test's part.)
#include <chrono>
#include <cstdlib>
#include <thread>

#include "accel/ipld/car.hpp"
#include "child_process.hpp"
#include "store_fixture.hpp"

namespace accel::blockstore::test {
namespace {

class Crash : public StoreTest {
 protected:
  void SetUp() override { fs::create_directories(dir_.path() / "work"); }
  void TearDown() override { ::unsetenv("ACCEL_DIE_AT"); }

  // Runs the child again and again, dying one step later each time, until it gets through.
  void die_at_each_step(const std::vector<std::string>& arguments) {
    for (int step = 1; step < 400; ++step) {
      SCOPED_TRACE(fmt::format("step {}", step));
      ::setenv("ACCEL_DIE_AT", std::to_string(step).c_str(), 1);
      const int status = run_child(arguments);
      if (status == 0) {
        EXPECT_GT(step, 3);
        return;
      }
      ASSERT_EQ(status, kKilled);
      open();
      expect_sound();
      store_.reset();
    }
    FAIL() << "no end";
  }
  std::string home_text() const { return home().string(); }
};

TEST_F(Crash, at_each_step_of_an_add_leaves_a_sound_store) {
  make_file("dir/model", 1, 2 * kMiB + 7);
  make_file("dir/other", 3, kMiB);
  make_file("dir/config", 2, 300);
  die_at_each_step({"add", home_text(), work("dir").string()});
  open();
  EXPECT_EQ(store_->pins()->size(), 1U);
  EXPECT_TRUE(fs::is_empty(home() / "tmp"));
  gc();
  expect_sound();
  EXPECT_EQ(regular_files(home() / "files").size(), 2U);
}

TEST_F(Crash, at_each_step_of_a_fetch_is_taken_up) {
  die_at_each_step({"pull", home_text(), "3", std::to_string(5 * kMiB)});
  open();
  const FileDag dag = make_dag(ipld::unixfs_v1_2025(), random_bytes(3, 5 * kMiB));
  EXPECT_EQ(cat(dag.root), random_bytes(3, 5 * kMiB));
  gc();
  EXPECT_TRUE(fs::is_empty(home() / "partial"));
  expect_sound();
}

TEST_F(Crash, at_each_step_of_an_import_is_sound_and_it_can_be_repeated) {
  const Bytes bytes = random_bytes(3, 5 * kMiB);
  const FileDag dag = make_dag(ipld::unixfs_v1_2025(), bytes);
  Bytes car;
  ipld::CarWriter writer;
  ASSERT_TRUE(writer.start(std::vector{dag.root}, car).has_value());
  for (std::size_t i = 0; i < dag.leaves.size(); ++i) {
    writer.add_block(dag.slots[i].cid, dag.leaves[i], car);
  }
  for (const auto& [cid, block] : dag.nodes) writer.add_block(cid, block, car);
  write_bytes(work("x.car"), car);
  die_at_each_step({"import", home_text(), work("x.car").string()});
  open();
  EXPECT_EQ(store_->pins()->size(), 1U);
  EXPECT_EQ(cat(dag.root), bytes);
  gc();
  EXPECT_TRUE(fs::is_empty(home() / "leases"));
  expect_sound();
}

TEST_F(Crash, at_each_step_of_a_gc_loses_nothing) {
  open();
  const Bytes bytes = make_file("model", 4, 3 * kMiB);
  make_file("kept", 5, 2 * kMiB);
  add("kept");
  const ipld::Cid model = add("model").cid;
  const FileDag dag = make_dag(ipld::unixfs_v1_2025(), bytes);
  ASSERT_TRUE(store_->pin(dag.slots[2].cid, {}).has_value());
  ASSERT_TRUE(store_->unpin(model).has_value());
  for (std::uint64_t i = 0; i < 20; ++i) {
    const Bytes garbage = random_bytes(50 + i, 10'000);
    ASSERT_TRUE(store_->put(raw_cid(garbage), garbage).has_value());
  }
  store_.reset();
  die_at_each_step({"gc", home_text()});
  open();
  EXPECT_EQ(*store_->get(dag.slots[2].cid), dag.leaves[2]);
  gc();
  EXPECT_EQ(regular_files(home() / "files").size(), 1U);
  expect_sound();
}

// The promise of a fetch: kill -9 at any moment, and only what was in flight is fetched again.
TEST_F(Crash, at_random_moments_of_a_fetch_costs_only_what_was_in_flight) {
  constexpr std::uint64_t kSize = 24 * kMiB;
  const std::uint64_t seed = system_random().next_u64();
  SCOPED_TRACE(fmt::format("seed {}", seed));
  SeededRandom random(seed);
  const FileDag dag = make_dag(ipld::unixfs_v1_2025(), random_bytes(6, kSize));
  std::size_t least = 0;
  for (int round = 0; round < 20; ++round) {
    {
      Child child({"pull", home_text(), "6", std::to_string(kSize)});
      std::this_thread::sleep_for(std::chrono::milliseconds(random.below(500)));
      child.kill();
      child.wait();
    }
    open();
    expect_sound();
    if (store_->file_of(dag.root)->has_value()) break;
    for (const auto& [cid, block] : dag.nodes) ASSERT_TRUE(store_->put(cid, block).has_value());
    {
      const auto file = store_->begin_file(dag.root, kSize, dag.slots);
      ASSERT_TRUE(file.has_value()) << file.error().to_string();
      const std::size_t have = dag.slots.size() - (*file)->missing().size();
      EXPECT_GE(have, least);
      least = have;
    }
    store_.reset();
  }
  store_.reset();
  EXPECT_EQ(run_child({"pull", home_text(), "6", std::to_string(kSize)}), 0);
  open();
  EXPECT_EQ(cat(dag.root), random_bytes(6, kSize));
  expect_sound();
}

TEST_F(Crash, at_random_moments_of_everything_leaves_a_sound_store) {
  const std::uint64_t seed = system_random().next_u64();
  SCOPED_TRACE(fmt::format("seed {}", seed));
  SeededRandom random(seed);
  const std::string folder = work("").string();
  for (int round = 0; round < 8; ++round) {
    Child one({"churn", home_text(), folder, "100", "1000"});
    Child two({"churn", home_text(), folder, "200", "1000"});
    std::this_thread::sleep_for(std::chrono::milliseconds(100 + random.below(500)));
    one.kill();
    one.wait();
    two.kill();
    two.wait();
    open();
    expect_sound();
    store_.reset();
  }
}

}  // namespace
}  // namespace accel::blockstore::test
