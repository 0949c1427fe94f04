// SPDX-License-Identifier: Apache-2.0
// Every writing call of an operation made to fail in turn: the operation says so, nothing half-done
// is readable, and it succeeds when the disk does.
#include <cerrno>
#include <functional>

#include "accel/ipld/car.hpp"
#include "disk_seam.hpp"
#include "store_fixture.hpp"

namespace accel::blockstore::test {
namespace {

class DiskFaults : public StoreTest {
 protected:
  using Operation = std::function<Status(Store&)>;

  void TearDown() override { heal_disk(); }

  // Fails call after call until the operation gets through; returns how many failures it met.
  int fail_each_call(const Operation& operation, int error_number, bool always) {
    for (int n = 1; n < 300; ++n) {
      SCOPED_TRACE(fmt::format("failing call {}", n));
      fail_disk_call(n, error_number, always);
      const Status done = operation(*store_);
      const int calls = heal_disk();
      if (calls < n) {
        EXPECT_TRUE(done.has_value()) << done.error().to_string();
        return n - 1;
      }
      if (!done) expect_disk_error(done.error(), error_number);
      if (n % 2 == 0) reopen();  // Else the same store goes on.
      if (store_ == nullptr) return n;
      expect_sound();
    }
    ADD_FAILURE() << "no end";
    return 0;
  }

  static void expect_disk_error(const Error& error, int error_number) {
    const bool fits = error.code == Errc::resource_exhausted || error.code == Errc::io;
    EXPECT_TRUE(fits) << error.to_string();
    if (error_number == ENOSPC) {
      EXPECT_EQ(error.code, Errc::resource_exhausted) << error.to_string();
    }
    EXPECT_FALSE(error.message.empty());
  }

  Operation add_folder() {
    make_file("dir/model", 1, 2 * kMiB + 7);
    make_file("dir/other", 3, kMiB);
    make_file("dir/config", 2, 300);
    return [this](Store& store) -> Status {
      ACCEL_TRY(const AddedRoot added, store.add(work("dir"), {}));
      static_cast<void>(added);
      return {};
    };
  }
};

TEST_F(DiskFaults, a_full_disk_stops_an_add_cleanly) {
  const int met = fail_each_call(add_folder(), ENOSPC, true);
  EXPECT_GT(met, 8);
  EXPECT_EQ(store_->pins()->size(), 1U);
  expect_sound();
}

TEST_F(DiskFaults, one_failed_call_stops_an_add_cleanly) {
  EXPECT_GT(fail_each_call(add_folder(), EIO, false), 8);
  expect_sound();
}

TEST_F(DiskFaults, a_full_disk_stops_a_put_cleanly) {
  const Bytes block = random_bytes(3, 5000);
  const auto put = [&](Store& store) { return store.put(raw_cid(block), block); };
  EXPECT_GT(fail_each_call(put, ENOSPC, true), 4);
  EXPECT_EQ(*store_->get(raw_cid(block)), block);
}

TEST_F(DiskFaults, a_full_disk_stops_an_import_which_can_be_repeated) {
  const Bytes bytes = random_bytes(8, 3 * kMiB);
  const FileDag dag = make_dag(ipld::unixfs_v1_2025(), bytes);
  Bytes car;
  ipld::CarWriter writer;
  ASSERT_TRUE(writer.start(std::vector{dag.root}, car).has_value());
  for (const auto& [cid, block] : dag.nodes) writer.add_block(cid, block, car);
  for (std::size_t i = 0; i < dag.leaves.size(); ++i) {
    writer.add_block(dag.slots[i].cid, dag.leaves[i], car);
  }
  const auto import = [&](Store& store) -> Status {
    ACCEL_TRY(const CarImportReport report, store.import_car(pieces_of(car), {}));
    return store.pin(report.roots.at(0), {});
  };
  EXPECT_GT(fail_each_call(import, ENOSPC, true), 4);
  EXPECT_EQ(cat(dag.root), bytes);
  expect_sound();
}

TEST_F(DiskFaults, a_full_disk_stops_a_fetch_which_is_taken_up_later) {
  const Bytes bytes = random_bytes(4, 3 * kMiB);
  const FileDag dag = make_dag(ipld::unixfs_v1_2025(), bytes);
  const auto fetch = [&](Store& store) -> Status {
    for (const auto& [cid, block] : dag.nodes) ACCEL_CHECK(store.put(cid, block));
    ACCEL_TRY(const auto file, store.begin_file(dag.root, bytes.size(), dag.slots));
    for (const std::size_t i : file->missing()) ACCEL_CHECK(file->write_leaf(i, dag.leaves[i]));
    return file->commit();
  };
  EXPECT_GT(fail_each_call(fetch, ENOSPC, true), 10);
  EXPECT_EQ(cat(dag.root), bytes);
  expect_sound();
}

TEST_F(DiskFaults, a_full_disk_does_not_make_gc_lose_anything) {
  const Bytes bytes = make_file("model", 5, 3 * kMiB);
  make_file("kept", 6, 2 * kMiB);
  const ipld::Cid kept = add("kept").cid;
  const ipld::Cid model = add("model").cid;
  const FileDag dag = make_dag(ipld::unixfs_v1_2025(), bytes);
  ASSERT_TRUE(store_->pin(dag.slots[1].cid, {}).has_value());
  ASSERT_TRUE(store_->unpin(model).has_value());
  const auto collect = [](Store& store) -> Status {
    ACCEL_TRY(const GcReport report, store.gc({}));
    static_cast<void>(report);
    return {};
  };
  fail_each_call(collect, ENOSPC, true);
  EXPECT_EQ(*store_->get(dag.slots[1].cid), dag.leaves[1]);
  EXPECT_EQ(cat(kept).size(), 2 * kMiB);
  EXPECT_EQ(regular_files(home() / "files").size(), 1U);
  expect_sound();
}

TEST_F(DiskFaults, a_full_disk_stops_an_export_and_leaves_nothing) {
  make_file("dir/model", 7, 3 * kMiB);
  write_bytes(work("dir/config"), as_bytes("{}"));
  const ipld::Cid root = add("dir").cid;
  fail_disk_call(1, ENOSPC, true);
  const Status done = store_->export_to(root, work("out"), {});
  heal_disk();
  EXPECT_ERRC(done, Errc::resource_exhausted);
  EXPECT_FALSE(fs::exists(work("out")));
}

}  // namespace
}  // namespace accel::blockstore::test
