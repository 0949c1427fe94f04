// SPDX-License-Identifier: Apache-2.0
// The power goes at every step of every operation: what the disk then holds opens, nothing in it is
// wrong, what was pinned before is there, and the operation can be done again.
// ACCEL_POWER_LOSS=all tries each step with each policy; else a sample from a seed is tried.
#include "power_loss.hpp"

#include <algorithm>
#include <cstdlib>

#include "accel/ipld/car.hpp"
#include "index.hpp"
#include "store_fixture.hpp"
#include "tables.hpp"

namespace accel::blockstore::test {
namespace {

constexpr LossPolicy kPolicies[] = {{Survives::none, Survives::none},
                                    {Survives::none, Survives::all},
                                    {Survives::all, Survives::none},
                                    {Survives::some, Survives::some},
                                    {Survives::none, Survives::some}};
constexpr std::size_t kSampledSteps = 24;

ipld::ImportProfile small_leaves() {
  ipld::ImportProfile profile = ipld::unixfs_v1_2025();
  profile.chunk_size = 70'000;
  return profile;
}

class PowerLoss : public StoreTest {
 protected:
  using Operation = std::function<Status(Store&)>;

  void SetUp() override {
    StoreTest::SetUp();
    before_ = make_file("before", 1, 200'000);
    AddOptions how;
    how.profile = small_leaves();
    pinned_ = add("before", how).cid;
  }
  void TearDown() override { store_.reset(); }

  // Records the operation, then loses the power at its steps.
  void lose_power_during(const Operation& operation, const Operation& is_done) {
    DiskRecorder recorder(home());
    const Status done = operation(*store_);
    recorder.stop();
    ASSERT_TRUE(done.has_value()) << done.error().to_string();
    ASSERT_GT(recorder.steps(), 2U);
    const std::uint64_t seed = system_random().next_u64();
    SeededRandom random(seed);
    SCOPED_TRACE(fmt::format("seed {}", seed));
    const bool all = std::getenv("ACCEL_POWER_LOSS") != nullptr;
    for (std::size_t step = 0; step <= recorder.steps(); ++step) {
      const bool at_end = step == recorder.steps();
      if (!all && !at_end && random.below(recorder.steps()) >= kSampledSteps) continue;
      for (std::size_t i = 0; i < std::size(kPolicies); ++i) {
        if (!all && !at_end && i != random.below(std::size(kPolicies))) continue;
        SCOPED_TRACE(fmt::format("before step {} of {} ({}), policy {}", step, recorder.steps(),
                                 recorder.describe(step), i));
        recorder.make_image(step, kPolicies[i], random, image());
        check_image(operation, is_done, at_end);
        if (HasFatalFailure() || HasNonfatalFailure()) return;
      }
    }
  }

  void check_image(const Operation& operation, const Operation& is_done, bool at_end) {
    StoreOptions how = options();
    how.directory = image();
    how.hash_threads = 1;
    const auto opened = Store::open(how);
    ASSERT_TRUE(opened.has_value()) << opened.error().to_string();
    Store& store = **opened;
    expect_nothing_wrong(store);
    if (at_end) {  // What returned is durable.
      const Status complete = is_done(store);
      ASSERT_TRUE(complete.has_value()) << complete.error().to_string();
    }
    const Status again = operation(store);
    ASSERT_TRUE(again.has_value()) << again.error().to_string();
    const Status complete = is_done(store);
    ASSERT_TRUE(complete.has_value()) << complete.error().to_string();
    expect_nothing_wrong(store);
  }

  void expect_nothing_wrong(Store& store) {
    const auto report = store.verify({});
    ASSERT_TRUE(report.has_value()) << report.error().to_string();
    for (const BadBlock& bad : report->bad) {
      ADD_FAILURE() << bad.cid << " in " << bad.place << ": " << bad.message;
    }
    ASSERT_TRUE(holds(store, pinned_, before_).has_value());
    const auto pins = store.pins();
    ASSERT_TRUE(pins.has_value());
    ASSERT_TRUE(std::ranges::any_of(*pins, [&](const PinInfo& pin) { return pin.cid == pinned_; }));
  }

  // Each step with each policy: these operations are short.
  void open_after_each_loss(const DiskRecorder& recorder,
                            const std::function<void(Store&, bool at_end)>& check) {
    store_.reset();
    SeededRandom random(system_random().next_u64());
    for (std::size_t step = 0; step <= recorder.steps(); ++step) {
      for (const LossPolicy& policy : kPolicies) {
        SCOPED_TRACE(fmt::format("before step {} ({})", step, recorder.describe(step)));
        recorder.make_image(step, policy, random, image());
        StoreOptions how = options();
        how.directory = image();
        const auto store = Store::open(how);
        ASSERT_TRUE(store.has_value()) << store.error().to_string();
        check(**store, step == recorder.steps());
        if (HasFailure()) return;
      }
    }
  }

  static Status holds(Store& store, const ipld::Cid& root, const Bytes& expected) {
    Bytes bytes;
    ACCEL_CHECK(store.read(root, 0, UINT64_MAX, [&](ByteView piece) -> Status {
      bytes.insert(bytes.end(), piece.begin(), piece.end());
      return {};
    }));
    if (bytes != expected) return fail(Errc::corrupt, "{} holds other bytes.", root);
    return {};
  }

  static Status is_pinned(Store& store, const ipld::Cid& root) {
    ACCEL_TRY(const auto pins, store.pins());
    for (const PinInfo& pin : pins) {
      if (pin.cid == root) return {};
    }
    return fail(Errc::not_found, "{} is not pinned.", root);
  }

  fs::path image() const { return dir_.path() / "image"; }

  Bytes before_;
  ipld::Cid pinned_;
};

TEST_F(PowerLoss, during_an_add) {
  const Bytes bytes = make_file("new/model", 2, 200'001);
  const Bytes config = make_file("new/config", 3, 300);
  AddOptions how;
  how.profile = small_leaves();
  how.only_hash = true;
  const ipld::Cid root = add("new", how).cid;
  how.only_hash = false;
  lose_power_during(
      [&](Store& store) -> Status {
        ACCEL_TRY(const AddedRoot added, store.add(work("new"), how));
        return added.cid == root ? Status{} : fail(Errc::internal, "Another root.");
      },
      [&](Store& store) -> Status {
        ACCEL_CHECK(is_pinned(store, root));
        ACCEL_TRY(const ipld::Cid model, store.resolve(root, "model"));
        ACCEL_TRY(const ipld::Cid small, store.resolve(root, "config"));
        ACCEL_CHECK(holds(store, model, bytes));
        return holds(store, small, config);
      });
}

TEST_F(PowerLoss, during_an_add_of_files_side_by_side) {
  std::vector<Bytes> files;
  for (int i = 0; i < 4; ++i) {
    files.push_back(make_file(fmt::format("new/{}", i), 20 + i, 80'000 + 30'000U * i));
  }
  AddOptions how;
  how.profile = small_leaves();
  how.only_hash = true;
  const ipld::Cid root = add("new", how).cid;
  how.only_hash = false;
  lose_power_during(
      [&](Store& store) -> Status {
        ACCEL_TRY(const AddedRoot added, store.add(work("new"), how));
        return added.cid == root ? Status{} : fail(Errc::internal, "Another root.");
      },
      [&](Store& store) -> Status {
        ACCEL_CHECK(is_pinned(store, root));
        for (std::size_t i = 0; i < files.size(); ++i) {
          ACCEL_TRY(const ipld::Cid file, store.resolve(root, std::to_string(i)));
          ACCEL_CHECK(holds(store, file, files[i]));
        }
        return {};
      });
}

TEST_F(PowerLoss, during_puts_and_a_pin) {
  const FileDag dag = make_dag(small_leaves(), random_bytes(4, 300'000));
  lose_power_during(
      [&](Store& store) -> Status {
        ACCEL_TRY(const Lease lease, store.lease(dag.root));
        Store::BlockList blocks;
        for (std::size_t i = 0; i < dag.leaves.size(); ++i) {
          blocks.emplace_back(dag.slots[i].cid, dag.leaves[i]);
        }
        for (const auto& [cid, block] : dag.nodes) blocks.emplace_back(cid, block);
        ACCEL_CHECK(store.put_all(blocks));
        return store.pin(dag.root, {.name = "put"});
      },
      [&](Store& store) -> Status {
        ACCEL_CHECK(is_pinned(store, dag.root));
        return holds(store, dag.root, random_bytes(4, 300'000));
      });
}

TEST_F(PowerLoss, during_a_fetch) {
  const Bytes bytes = random_bytes(5, 300'000);
  const FileDag dag = make_dag(small_leaves(), bytes);
  lose_power_during(
      [&](Store& store) -> Status {
        ACCEL_TRY(const Lease lease, store.lease(dag.root));
        for (const auto& [cid, block] : dag.nodes) ACCEL_CHECK(store.put(cid, block));
        auto file = store.begin_file(dag.root, bytes.size(), dag.slots);
        if (!file && file.error().code == Errc::already_exists) return store.pin(dag.root, {});
        if (!file) return fail(file.error());
        for (const std::size_t i : (*file)->missing()) {
          ACCEL_CHECK((*file)->write_leaf(i, dag.leaves[i]));
        }
        ACCEL_CHECK((*file)->commit());
        return store.pin(dag.root, {});
      },
      [&](Store& store) -> Status {
        ACCEL_CHECK(is_pinned(store, dag.root));
        return holds(store, dag.root, bytes);
      });
}

TEST_F(PowerLoss, during_an_import_of_an_archive) {
  const Bytes bytes = random_bytes(6, 300'000);
  const FileDag dag = make_dag(small_leaves(), bytes);
  Bytes car;
  ipld::CarWriter writer;
  ASSERT_TRUE(writer.start(std::vector{dag.root}, car).has_value());
  for (const auto& [cid, block] : dag.nodes) writer.add_block(cid, block, car);
  for (std::size_t i = 0; i < dag.leaves.size(); ++i) {
    writer.add_block(dag.slots[i].cid, dag.leaves[i], car);
  }
  lose_power_during(
      [&](Store& store) -> Status {
        ACCEL_TRY(const Lease lease, store.lease_new_blocks());
        ACCEL_TRY(const CarImportReport report, store.import_car(pieces_of(car), {}));
        return store.pin(report.roots.at(0), {});
      },
      [&](Store& store) -> Status {
        ACCEL_CHECK(is_pinned(store, dag.root));
        return holds(store, dag.root, bytes);
      });
}

// A file goes, one of its leaves stays and is moved, a pack is rewritten.
TEST_F(PowerLoss, during_a_gc) {
  AddOptions how;
  how.profile = small_leaves();
  const Bytes bytes = make_file("gone", 7, 200'000);
  const ipld::Cid gone = add("gone", how).cid;
  const FileDag dag = make_dag(small_leaves(), bytes);
  ASSERT_TRUE(store_->pin(dag.slots[1].cid, {}).has_value());
  for (std::uint64_t i = 0; i < 12; ++i) {
    const Bytes garbage = random_bytes(50 + i, 10'000);
    ASSERT_TRUE(store_->put(raw_cid(garbage), garbage).has_value());
  }
  ASSERT_TRUE(store_->unpin(gone).has_value());
  lose_power_during(
      [](Store& store) -> Status {
        ACCEL_TRY(const GcReport report, store.gc({}));
        static_cast<void>(report);
        return {};
      },
      [&](Store& store) { return holds(store, dag.slots[1].cid, dag.leaves[1]); });
}

TEST_F(PowerLoss, while_a_pin_moves) {
  const Bytes bytes = make_file("next", 8, 1000);
  const ipld::Cid next = add("next").cid;
  const Bytes other = make_file("old", 9, 1000);
  const ipld::Cid old = add("old").cid;
  ASSERT_TRUE(store_->unpin(next).has_value());
  lose_power_during(
      [&](Store& store) -> Status {
        if (is_pinned(store, next)) return {};
        return store.update_pin(old, next, false);
      },
      [&](Store& store) {
        EXPECT_FALSE(is_pinned(store, old).has_value());
        return is_pinned(store, next);
      });
}

TEST_F(PowerLoss, while_a_store_is_made) {
  store_.reset();
  fs::remove_all(home());
  fs::create_directories(home());
  const Bytes bytes = random_bytes(10, 1000);
  DiskRecorder recorder(home());
  open();
  ASSERT_TRUE(store_->put(raw_cid(bytes), bytes).has_value());
  recorder.stop();
  open_after_each_loss(recorder, [&](Store& store, bool at_end) {
    ASSERT_EQ(store.verify({})->bad_total, 0U);
    if (at_end) {
      ASSERT_TRUE(store.get(raw_cid(bytes)).has_value());
    }
  });
}

TEST_F(PowerLoss, during_a_migration) {
  store_.reset();
  {
    const auto index = Index::open({home() / "index", 8 * kMiB, false});
    ASSERT_TRUE(index.has_value());
    ASSERT_TRUE((*index)->write(
        [](Txn& txn) { return txn.put(Table::meta, as_bytes(kVersionKey), encode_u64(1)); }));
  }
  fs::remove(home() / "VERSION");
  write_bytes(home() / "VERSION", as_bytes("ipfs-accelerate store 1\n"));
  DiskRecorder recorder(home());
  open();
  recorder.stop();
  open_after_each_loss(recorder, [&](Store& store, bool) {
    expect_nothing_wrong(store);
    EXPECT_EQ(as_text(read_bytes(image() / "VERSION")), "ipfs-accelerate store 2\n");
    EXPECT_GT(fs::file_size(image() / "backup-1.mdb"), 0U);
  });
}

}  // namespace
}  // namespace accel::blockstore::test
