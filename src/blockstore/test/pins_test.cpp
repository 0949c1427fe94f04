// SPDX-License-Identifier: Apache-2.0
// Direct, named and moved pins, and the way of the store to the format that knows them.
#include "accel/blockstore/replica_pin.hpp"
#include "child_process.hpp"
#include "index.hpp"
#include "store_fixture.hpp"
#include "tables.hpp"

namespace accel::blockstore::test {
namespace {

class Pins : public StoreTest {
 protected:
  bool has(const ipld::Cid& cid) { return *store_->has(cid); }
  ipld::Cid put_raw(ByteView block) {
    EXPECT_TRUE(store_->put(raw_cid(block), block).has_value());
    return raw_cid(block);
  }
  ipld::Cid put_folder(std::vector<ipld::DirectoryEntry> entries) {
    const auto built = ipld::build_directory(ipld::unixfs_v1_2025(), std::move(entries));
    EXPECT_TRUE(store_->put(built->cid, built->block).has_value());
    return built->cid;
  }
};

TEST_F(Pins, that_are_direct_keep_one_block_alone) {
  const ipld::Cid leaf = put_raw(as_bytes("leaf"));
  const ipld::Cid folder = put_folder({{"leaf", leaf, 4}});
  ASSERT_TRUE(store_->pin(folder, {.name = "one", .direct = true}).has_value());
  ASSERT_EQ(store_->pins()->size(), 1U);
  EXPECT_TRUE(store_->pins()->front().direct);
  gc();
  EXPECT_TRUE(has(folder));
  EXPECT_FALSE(has(leaf));
  EXPECT_EQ(gc().blocks_freed, 0U);  // What the folder lacks does not stop a gc.
  expect_sound();
  EXPECT_TRUE(store_->unpin(folder).has_value());
  gc();
  EXPECT_FALSE(has(folder));
}

TEST_F(Pins, are_found_by_their_root_and_end_only_under_their_name) {
  const ipld::Cid block = put_raw(as_bytes("block"));
  EXPECT_FALSE(store_->pin_of(block)->has_value());
  EXPECT_FALSE(*store_->unpin_named(block, ""));
  ASSERT_TRUE(store_->pin(block, {.name = "mine"}).has_value());
  EXPECT_EQ((*store_->pin_of(block))->name, "mine");
  EXPECT_FALSE(*store_->unpin_named(block, "others"));
  EXPECT_TRUE(store_->pin_of(block)->has_value());
  EXPECT_TRUE(*store_->unpin_named(block, "mine"));
  EXPECT_FALSE(store_->pin_of(block)->has_value());
}

TEST_F(Pins, that_are_there_already_write_nothing) {
  make_file("f", 90, 1000);
  const ipld::Cid root = add("f").cid;
  ASSERT_TRUE(store_->pin(root, {.merge = true}).has_value());
  const auto before = fs::last_write_time(home() / "index" / "data.mdb");
  ASSERT_TRUE(store_->pin(root, {.merge = true}).has_value());
  EXPECT_EQ(fs::last_write_time(home() / "index" / "data.mdb"), before);
  ASSERT_TRUE(store_->pin(root, {.name = "other", .merge = true}).has_value());
  EXPECT_EQ(store_->pins()->at(0).name, "other");
}

TEST_F(Pins, for_other_peers_become_the_users_and_never_the_other_way) {
  const std::string replica(kReplicaPinName);
  const ipld::Cid block = put_raw(as_bytes("block"));
  ASSERT_TRUE(store_->pin(block, {.name = replica, .merge = true}).has_value());
  EXPECT_EQ(store_->pins()->front().name, replica);
  ASSERT_TRUE(store_->pin(block, {.merge = true}).has_value());  // As content.pull does.
  EXPECT_EQ(store_->pins()->front().name, "");
  ASSERT_TRUE(store_->pin(block, {.name = replica, .merge = true}).has_value());
  EXPECT_EQ(store_->pins()->front().name, "");
  ASSERT_TRUE(store_->pin(block, {.name = "mine", .merge = true}).has_value());
  ASSERT_TRUE(store_->pin(block, {.name = replica, .merge = true}).has_value());
  EXPECT_EQ(store_->pins()->front().name, "mine");
}

TEST_F(Pins, that_are_direct_need_their_block) {
  EXPECT_ERRC(store_->pin(raw_cid(as_bytes("absent")), {.direct = true}), Errc::not_found);
}

TEST_F(Pins, that_are_recursive_do_not_become_direct_by_accident) {
  const ipld::Cid leaf = put_raw(as_bytes("leaf"));
  const ipld::Cid folder = put_folder({{"leaf", leaf, 4}});
  ASSERT_TRUE(store_->pin(folder, {.direct = true}).has_value());
  ASSERT_TRUE(store_->pin(folder, {}).has_value());  // More is kept: that is no loss.
  EXPECT_ERRC(store_->pin(folder, {.direct = true}), Errc::already_exists);
  ASSERT_TRUE(store_->pin(folder, {.merge = true, .direct = true}).has_value());
  EXPECT_FALSE(store_->pins()->front().direct);
  gc();
  EXPECT_TRUE(has(leaf));
}

TEST_F(Pins, that_are_direct_and_private_hide_their_block_alone) {
  const ipld::Cid leaf = put_raw(as_bytes("leaf"));
  const ipld::Cid folder = put_folder({{"leaf", leaf, 4}});
  ASSERT_TRUE(store_->pin(folder, {.is_private = true, .direct = true}).has_value());
  EXPECT_TRUE(*store_->is_private(folder));
  EXPECT_FALSE(*store_->is_private(leaf));
}

TEST_F(Pins, of_what_others_made_do_not_show_what_is_private) {
  const ipld::Cid secret = put_raw(as_bytes("secret"));
  ASSERT_TRUE(store_->pin(secret, {.is_private = true}).has_value());
  const ipld::Cid folder = put_folder({{"bait", secret, 6}});
  ASSERT_TRUE(store_->pin(folder, {.merge = true, .keep_hidden = true}).has_value());
  EXPECT_TRUE(*store_->is_private(secret));
  EXPECT_TRUE(*store_->is_private(folder));
  const ipld::Cid open = put_folder({{"leaf", put_raw(as_bytes("leaf")), 4}});
  ASSERT_TRUE(store_->pin(open, {.merge = true, .keep_hidden = true}).has_value());
  EXPECT_FALSE(*store_->is_private(open));
  ASSERT_TRUE(store_->pin(folder, {}).has_value());  // Whoever asks for it by name gets it.
  EXPECT_FALSE(*store_->is_private(secret));
}

TEST_F(Pins, move_with_their_name_and_privacy) {
  const ipld::Cid old_leaf = put_raw(as_bytes("old"));
  const ipld::Cid before = put_folder({{"leaf", old_leaf, 3}});
  const ipld::Cid after = put_folder({{"leaf", put_raw(as_bytes("new")), 3}});
  ASSERT_TRUE(store_->pin(before, {.name = "release", .is_private = true}).has_value());
  ASSERT_TRUE(store_->update_pin(before, after, false).has_value());
  ASSERT_EQ(store_->pins()->size(), 1U);
  EXPECT_EQ(store_->pins()->front().cid, after);
  EXPECT_EQ(store_->pins()->front().name, "release");
  EXPECT_TRUE(store_->pins()->front().is_private);
  gc();
  EXPECT_FALSE(has(old_leaf));
  EXPECT_ERRC(store_->update_pin(before, after, false), Errc::not_found);
  const ipld::Cid part = put_folder({{"absent", raw_cid(as_bytes("absent")), 6}});
  EXPECT_ERRC(store_->update_pin(after, part, false), Errc::not_found);
  EXPECT_EQ(store_->pins()->front().cid, after);
}

TEST_F(Pins, are_checked_one_by_one) {
  make_file("good", 1, 2 * kMiB);
  make_file("bad", 2, 2 * kMiB);
  const ipld::Cid good = add("good").cid;
  const ipld::Cid bad = add("bad").cid;
  rot_byte(only_pack(), fs::file_size(only_pack()) - 10);  // The node of the file that came last.
  const auto checks = store_->check_pins({});
  ASSERT_TRUE(checks.has_value()) << checks.error().to_string();
  ASSERT_EQ(checks->size(), 2U);
  for (const PinCheck& check : *checks) {
    EXPECT_EQ(check.error.empty(), check.pin.cid == good) << check.error;
  }
  static_cast<void>(bad);
}

class Migration : public StoreTest {
 protected:
  // As an older program left it.
  void make_old() {
    store_.reset();
    {
      const auto index = Index::open({home() / "index", 8 * kMiB, false});
      ASSERT_TRUE(index.has_value()) << index.error().to_string();
      const Status set = (*index)->write(
          [](Txn& txn) { return txn.put(Table::meta, as_bytes(kVersionKey), encode_u64(1)); });
      ASSERT_TRUE(set.has_value());
    }
    fs::remove(home() / "VERSION");
    write_bytes(home() / "VERSION", as_bytes("ipfs-accelerate store 1\n"));
    fs::remove(home() / "backup-1.mdb");
  }
  std::uint64_t index_version(const fs::path& folder) {
    const auto index = Index::open({folder, 8 * kMiB, false});
    EXPECT_TRUE(index.has_value()) << index.error().to_string();
    std::uint64_t version = 0;
    EXPECT_TRUE((*index)->read([&](const Txn& txn) -> Status {
      ACCEL_TRY(const auto found, get_number(txn, Table::meta, as_bytes(kVersionKey)));
      version = found.value_or(0);
      return {};
    }));
    return version;
  }
  void expect_new() {
    store_.reset();
    EXPECT_EQ(as_text(read_bytes(home() / "VERSION")), "ipfs-accelerate store 2\n");
    EXPECT_EQ(index_version(home() / "index"), 2U);
    fs::create_directories(work("backup"));
    fs::copy_file(home() / "backup-1.mdb", work("backup/data.mdb"),
                  fs::copy_options::overwrite_existing);
    EXPECT_EQ(index_version(work("backup")), 1U);
  }
};

TEST_F(Migration, keeps_everything_and_a_backup_and_refuses_older_programs) {
  const Bytes bytes = make_file("model", 1, 2 * kMiB);
  const ipld::Cid root = add("model").cid;
  make_old();
  open();
  EXPECT_EQ(cat(root), bytes);
  EXPECT_EQ(store_->pins()->size(), 1U);
  expect_sound();
  ASSERT_TRUE(store_->pin(raw_cid({}), {.direct = true}).error().code == Errc::not_found);
  expect_new();
}

TEST_F(Migration, is_taken_up_after_a_crash_at_each_step) {
  make_file("model", 1, 2 * kMiB);
  const ipld::Cid root = add("model").cid;
  for (int step = 1; step <= 3; ++step) {
    SCOPED_TRACE(step);
    make_old();
    ::setenv("ACCEL_DIE_AT", std::to_string(step).c_str(), 1);
    EXPECT_EQ(run_child({"gc", home().string()}), kKilled);
    ::unsetenv("ACCEL_DIE_AT");
    open();
    EXPECT_EQ(store_->pins()->size(), 1U);
    EXPECT_EQ(cat(root).size(), 2 * kMiB);
    expect_sound();
    expect_new();
  }
}

TEST_F(Migration, waits_for_no_one_while_another_process_has_the_store_open) {
  make_old();
  const auto index = Index::open({home() / "index", 8 * kMiB, false});
  ASSERT_TRUE(index.has_value());
  EXPECT_EQ(run_child({"gc", home().string()}), errc_exit_code(Errc::unavailable));
  EXPECT_EQ(as_text(read_bytes(home() / "VERSION")), "ipfs-accelerate store 1\n");
}

TEST_F(Migration, is_not_needed_for_reading) {
  const Bytes bytes = make_file("model", 1, 2 * kMiB);
  const ipld::Cid root = add("model").cid;
  make_old();
  StoreOptions reading = options();
  reading.read_only = true;
  auto opened = Store::open(reading);
  ASSERT_TRUE(opened.has_value()) << opened.error().to_string();
  store_ = *std::move(opened);
  EXPECT_EQ(cat(root), bytes);
  store_.reset();
  EXPECT_EQ(as_text(read_bytes(home() / "VERSION")), "ipfs-accelerate store 1\n");
}

}  // namespace
}  // namespace accel::blockstore::test
