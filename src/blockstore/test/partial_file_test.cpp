// SPDX-License-Identifier: Apache-2.0
#include "accel/blockstore/partial_file.hpp"

#include <sys/stat.h>

#include <future>
#include <thread>

#include "partial_map.hpp"
#include "store_fixture.hpp"

namespace accel::blockstore::test {
namespace {

class Partial : public StoreTest {
 protected:
  void plan(const ipld::ImportProfile& profile, std::uint64_t seed, std::size_t size) {
    bytes_ = random_bytes(seed, size);
    dag_ = make_dag(profile, bytes_);
    put_nodes();
  }
  void put_nodes() {
    for (const auto& [cid, block] : dag_.nodes) {
      ASSERT_TRUE(store_->put(cid, block).has_value());
    }
  }
  std::unique_ptr<PartialFile> begin() {
    auto file = store_->begin_file(dag_.root, bytes_.size(), dag_.slots);
    EXPECT_TRUE(file.has_value()) << file.error().to_string();
    return file ? *std::move(file) : nullptr;
  }
  void write(PartialFile& file, std::size_t from, std::size_t to) {
    for (std::size_t i = from; i < to; ++i) {
      const Status written = file.write_leaf(i, dag_.leaves[i]);
      ASSERT_TRUE(written.has_value()) << written.error().to_string();
    }
  }
  fs::path part(const char* extension) const {
    return home() / "partial" / (dag_.root.as_v1().to_string() + extension);
  }
  void expect_complete() {
    EXPECT_EQ(cat(dag_.root), bytes_);
    EXPECT_TRUE(store_->file_of(dag_.root)->has_value());
    EXPECT_TRUE(fs::is_empty(home() / "partial"));
    expect_sound();
  }

  Bytes bytes_;
  FileDag dag_;
};

TEST_F(Partial, becomes_a_file_when_all_leaves_are_there) {
  plan(ipld::unixfs_v1_2025(), 1, 4 * kMiB + 99);
  auto file = begin();
  EXPECT_EQ(file->missing().size(), 5U);
  EXPECT_EQ(file->bytes_total(), bytes_.size());
  write(*file, 2, 5);  // In any order.
  write(*file, 0, 2);
  EXPECT_TRUE(file->complete());
  EXPECT_EQ(file->bytes_have(), bytes_.size());
  ASSERT_TRUE(file->commit().has_value());
  file.reset();
  expect_complete();
  ASSERT_TRUE(store_->pin(dag_.root, {}).has_value());
}

TEST_F(Partial, of_wrapped_leaves_keeps_the_payload_and_rebuilds_the_block) {
  plan(ipld::unixfs_v0_2015(), 2, 900'000);
  auto file = begin();
  write(*file, 0, dag_.slots.size());
  ASSERT_TRUE(file->commit().has_value());
  file.reset();
  expect_complete();
  EXPECT_EQ(*store_->get(dag_.slots[1].cid), dag_.leaves[1]);
}

// Of a large file somebody may want a few tensors only.
TEST_F(Partial, takes_disk_blocks_only_around_what_was_written) {
  plan(ipld::unixfs_v1_2025(), 40, 48 * kMiB);
  auto file = begin();
  write(*file, 20, 21);
  struct stat info{};
  ASSERT_EQ(::stat(part(".part").c_str(), &info), 0);
  EXPECT_EQ(static_cast<std::uint64_t>(info.st_size), bytes_.size());
  EXPECT_LE(static_cast<std::uint64_t>(info.st_blocks) * 512, 17 * kMiB);
}

// Old importers wrote leaves of UnixFS type Raw: the same payload in another frame.
TEST_F(Partial, keeps_whole_a_wrapped_leaf_of_another_frame) {
  bytes_ = random_bytes(3, 1000);
  ipld::UnixFsNode leaf;
  leaf.type = ipld::NodeType::raw;
  leaf.data = bytes_;
  leaf.filesize = bytes_.size();
  const Bytes block = ipld::encode_pb({{}, ipld::encode_unixfs(leaf)});
  dag_.root = ipld::Cid::v0(ipld::sha2_256(block));
  dag_.slots = {{dag_.root, 0, 1000}};
  dag_.leaves = {block};
  auto file = begin();
  write(*file, 0, 1);
  ASSERT_TRUE(file->commit().has_value());
  file.reset();
  expect_complete();
  EXPECT_EQ(*store_->get(dag_.root), block);
}

TEST_F(Partial, of_one_leaf_or_of_nothing_is_a_file_too) {
  plan(ipld::unixfs_v1_2025(), 4, 1000);
  auto file = begin();
  write(*file, 0, 1);
  ASSERT_TRUE(file->commit().has_value());
  file.reset();
  expect_complete();
  const ipld::Cid empty = raw_cid({});
  auto nothing = store_->begin_file(empty, 0, {{empty, 0, 0}});
  ASSERT_TRUE(nothing.has_value()) << nothing.error().to_string();
  ASSERT_TRUE((*nothing)->write_leaf(0, {}).has_value());
  ASSERT_TRUE((*nothing)->commit().has_value());
  EXPECT_TRUE(store_->get(empty)->empty());
}

TEST_F(Partial, takes_no_leaf_that_is_not_its_own) {
  plan(ipld::unixfs_v1_2025(), 5, 3 * kMiB);
  const auto file = begin();
  Bytes flipped = dag_.leaves[1];
  flipped[77] ^= 1U;
  const Status written = file->write_leaf(1, flipped);
  EXPECT_ERRC(written, Errc::corrupt);
  EXPECT_NE(written.error().message.find(dag_.slots[1].cid.to_string()), std::string::npos);
  EXPECT_ERRC(file->write_leaf(1, dag_.leaves[0]), Errc::corrupt);
  EXPECT_ERRC(file->write_leaf(1, {}), Errc::corrupt);
  EXPECT_ERRC(file->write_leaf(3, dag_.leaves[0]), Errc::invalid_argument);
  EXPECT_FALSE(file->have(1));
  EXPECT_EQ(file->bytes_have(), 0U);
}

TEST_F(Partial, is_not_readable_before_its_commit) {
  plan(ipld::unixfs_v1_2025(), 6, 3 * kMiB);
  const auto file = begin();
  write(*file, 0, 3);
  EXPECT_FALSE(*store_->has(dag_.slots[0].cid));
  EXPECT_FALSE(store_->file_of(dag_.root)->has_value());
  EXPECT_ERRC(store_->read(dag_.root, 0, 10, [](ByteView) -> Status { return {}; }),
              Errc::not_found);
}

TEST_F(Partial, reads_back_what_is_here_and_nothing_else) {
  plan(ipld::unixfs_v1_2025(), 6, 3 * kMiB + 5);
  const auto file = begin();
  write(*file, 1, 3);
  Bytes out(kMiB + 7);
  ASSERT_TRUE(file->read(kMiB + 9, out).has_value());
  EXPECT_TRUE(std::ranges::equal(out, ByteView(bytes_).subspan(kMiB + 9, out.size())));
  EXPECT_ERRC(file->read(kMiB - 1, out), Errc::unavailable);
  EXPECT_ERRC(file->read(2 * kMiB - 2, out), Errc::unavailable);
  EXPECT_ERRC(file->read(3 * kMiB, out), Errc::invalid_argument);
  EXPECT_ERRC(file->read(~std::uint64_t{0}, out), Errc::invalid_argument);
}

TEST_F(Partial, does_not_commit_with_a_leaf_missing) {
  plan(ipld::unixfs_v1_2025(), 7, 3 * kMiB);
  const auto file = begin();
  write(*file, 0, 2);
  const Status committed = file->commit();
  EXPECT_ERRC(committed, Errc::unavailable);
  EXPECT_NE(committed.error().message.find("1 of the 3"), std::string::npos);
}

TEST_F(Partial, does_not_commit_leaves_that_the_root_does_not_name) {
  plan(ipld::unixfs_v1_2025(), 8, 3 * kMiB);
  std::swap(dag_.slots[0].cid, dag_.slots[1].cid);
  std::swap(dag_.leaves[0], dag_.leaves[1]);
  const auto file = begin();
  write(*file, 0, 3);
  EXPECT_ERRC(file->commit(), Errc::corrupt);
  EXPECT_FALSE(store_->file_of(dag_.root)->has_value());
}

TEST_F(Partial, does_not_commit_without_the_node_blocks) {
  bytes_ = random_bytes(9, 3 * kMiB);
  dag_ = make_dag(ipld::unixfs_v1_2025(), bytes_);
  auto file = begin();
  write(*file, 0, 3);
  EXPECT_ERRC(file->commit(), Errc::not_found);
  put_nodes();
  EXPECT_TRUE(file->commit().has_value());
  file.reset();
  expect_complete();
}

TEST_F(Partial, refuses_slots_that_make_no_file) {
  plan(ipld::unixfs_v1_2025(), 10, 3 * kMiB);
  auto gap = dag_.slots;
  gap[1].offset += 1;
  EXPECT_ERRC(store_->begin_file(dag_.root, bytes_.size(), gap), Errc::invalid_argument);
  auto huge = dag_.slots;
  huge[2].length = UINT32_MAX;
  EXPECT_ERRC(store_->begin_file(dag_.root, bytes_.size(), huge), Errc::invalid_argument);
  EXPECT_ERRC(store_->begin_file(dag_.root, bytes_.size() + 1, dag_.slots), Errc::invalid_argument);
  EXPECT_ERRC(store_->begin_file(dag_.root, 0, {}), Errc::invalid_argument);
}

TEST_F(Partial, refuses_a_file_for_which_there_is_no_room) {
  const ipld::Cid leaf = raw_cid(as_bytes("x"));
  std::vector<LeafSlot> slots;
  for (std::uint64_t i = 0; i < (1U << 19U); ++i) slots.push_back({leaf, i * kMiB * 4, 4 * kMiB});
  const auto file = store_->begin_file(raw_cid(as_bytes("root")), 2ULL << 40U, slots);
  EXPECT_ERRC(file, Errc::resource_exhausted);
  EXPECT_NE(file.error().message.find("are needed"), std::string::npos);
}

TEST_F(Partial, is_fetched_by_one_at_a_time) {
  plan(ipld::unixfs_v1_2025(), 11, 3 * kMiB);
  auto file = begin();
  EXPECT_ERRC(store_->begin_file(dag_.root, bytes_.size(), dag_.slots), Errc::unavailable);
  file.reset();
  EXPECT_NE(begin(), nullptr);
}

TEST_F(Partial, is_not_begun_when_the_file_is_there) {
  make_file("model", 12, 3 * kMiB);
  add("model");
  bytes_ = random_bytes(12, 3 * kMiB);
  dag_ = make_dag(ipld::unixfs_v1_2025(), bytes_);
  EXPECT_ERRC(store_->begin_file(dag_.root, bytes_.size(), dag_.slots), Errc::already_exists);
}

TEST_F(Partial, is_taken_up_where_it_was_left) {
  plan(ipld::unixfs_v1_2025(), 13, 6 * kMiB);
  {
    const auto file = begin();
    write(*file, 0, 2);
    write(*file, 5, 6);
  }
  reopen();
  auto file = begin();
  EXPECT_EQ(file->missing(), (std::vector<std::size_t>{2, 3, 4}));
  EXPECT_EQ(file->bytes_resumed(), 3 * kMiB);
  write(*file, 2, 5);
  ASSERT_TRUE(file->commit().has_value());
  file.reset();
  expect_complete();
}

TEST_F(Partial, believes_no_unsynced_leaf_that_the_disk_lost) {
  plan(ipld::unixfs_v1_2025(), 14, 4 * kMiB);
  {
    const auto file = begin();
    write(*file, 0, 4);
  }
  // As after a power cut: the bits are there, the data of leaf 2 is not.
  const Bytes map = read_bytes(part(".map"));
  Bytes unsynced = map;
  for (std::size_t i = kMapHeaderBytes + 1; i < map.size(); ++i) unsynced[i] = 0;
  write_bytes(part(".map"), unsynced);
  const auto fd = open_file(part(".part"), O_RDWR);
  ASSERT_TRUE(pwrite_all(fd->get(), Bytes(kMiB), 2 * kMiB).has_value());
  const auto file = begin();
  EXPECT_EQ(file->missing(), (std::vector<std::size_t>{2}));
}

TEST_F(Partial, with_a_map_of_the_wrong_size_is_hashed_again_and_loses_nothing) {
  plan(ipld::unixfs_v1_2025(), 15, 4 * kMiB);
  {
    const auto file = begin();
    write(*file, 0, 3);
  }
  for (const auto& spoil : std::vector<Bytes>{{}, Bytes(13), random_bytes(16, 4000)}) {
    write_bytes(part(".map"), spoil);
    const auto file = begin();
    EXPECT_EQ(file->missing(), (std::vector<std::size_t>{3}));
  }
  fs::remove(part(".map"));
  EXPECT_EQ(begin()->missing(), (std::vector<std::size_t>{3}));
}

TEST_F(Partial, with_a_map_that_lies_is_found_out) {
  plan(ipld::unixfs_v1_2025(), 17, 4 * kMiB);
  {
    const auto file = begin();
    write(*file, 0, 1);
  }
  Bytes map = read_bytes(part(".map"));
  map[kMapHeaderBytes] = 0x0f;  // Says that all four are written.
  write_bytes(part(".map"), map);
  EXPECT_EQ(begin()->missing(), (std::vector<std::size_t>{1, 2, 3}));
}

TEST_F(Partial, that_was_cut_is_fetched_again_from_there) {
  plan(ipld::unixfs_v1_2025(), 18, 4 * kMiB);
  {
    const auto file = begin();
    write(*file, 0, 4);
  }
  fs::resize_file(part(".part"), kMiB + 5);
  fs::remove(part(".map"));
  auto file = begin();
  EXPECT_EQ(file->missing(), (std::vector<std::size_t>{1, 2, 3}));
  write(*file, 1, 4);
  ASSERT_TRUE(file->commit().has_value());
  file.reset();
  expect_complete();
}

TEST_F(Partial, copies_what_other_files_of_the_store_have) {
  const Bytes first = make_file("first", 19, 4 * kMiB);
  add("first");
  bytes_ = first;
  const Bytes tail = random_bytes(20, kMiB);
  std::copy(tail.begin(), tail.end(), bytes_.begin() + 2 * kMiB);  // A fine-tune.
  dag_ = make_dag(ipld::unixfs_v1_2025(), bytes_);
  put_nodes();
  auto file = begin();
  EXPECT_EQ(file->missing(), (std::vector<std::size_t>{2}));
  EXPECT_EQ(file->bytes_copied(), 3 * kMiB);
  write(*file, 2, 3);
  ASSERT_TRUE(file->commit().has_value());
  file.reset();
  expect_complete();
}

TEST_F(Partial, takes_leaves_from_several_threads) {
  plan(ipld::unixfs_v1_2025(), 21, 24 * kMiB);
  auto file = begin();
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < 3; ++t) {
    threads.emplace_back([&, t] {
      for (std::size_t i = 0; i < dag_.slots.size(); ++i) {
        if (i % 3 == t || i % 4 == 0) {  // Some twice.
          EXPECT_TRUE(file->write_leaf(i, dag_.leaves[i]).has_value());
        }
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(file->bytes_have(), bytes_.size());
  ASSERT_TRUE(file->commit().has_value());
  file.reset();
  expect_complete();
}

TEST_F(Partial, that_is_private_hides_its_leaves_from_the_start) {
  plan(ipld::unixfs_v1_2025(), 22, 2 * kMiB);
  auto file = store_->begin_file(dag_.root, bytes_.size(), dag_.slots, {.is_private = true});
  ASSERT_TRUE(file.has_value());
  write(**file, 0, 2);
  ASSERT_TRUE((*file)->commit().has_value());
  EXPECT_TRUE(*store_->is_private(dag_.slots[0].cid));
}

TEST_F(Partial, file_is_made_of_blocks_that_lie_in_packs) {
  write_bytes(work("config.json"), as_bytes("{\"small\": true}"));
  const AddedRoot added = add("config.json");
  EXPECT_FALSE(store_->file_of(added.cid)->has_value());
  const auto path = store_->ensure_file(added.cid);
  ASSERT_TRUE(path.has_value()) << path.error().to_string();
  EXPECT_EQ(as_text(read_bytes(*path)), "{\"small\": true}");
  EXPECT_EQ(*store_->ensure_file(added.cid), *path);
  EXPECT_EQ(**store_->file_of(added.cid), *path);
  EXPECT_TRUE(fs::is_empty(home() / "partial"));
  EXPECT_ERRC(store_->ensure_file(raw_cid(as_bytes("absent"))), Errc::not_found);
  expect_sound();
}

TEST_F(Partial, of_a_folder_is_no_file) {
  write_bytes(work("dir/a"), as_bytes("a"));
  EXPECT_ERRC(store_->ensure_file(add("dir").cid), Errc::invalid_argument);
}

using Ensure = Partial;

// Of one root at a time: what is done for one keeps nobody from another.
TEST_F(Ensure, waits_for_whoever_works_on_the_same_root_until_asked_to_stop) {
  write_bytes(work("small"), as_bytes("small"));
  write_bytes(work("other"), as_bytes("other"));
  const ipld::Cid root = add("small").cid;
  const ipld::Cid other = add("other").cid;
  const LeafSlot slot{root, 0, 5};
  auto held = store_->begin_file(root, 5, {slot});
  ASSERT_TRUE(held.has_value()) << held.error().to_string();
  std::stop_source stop;
  stop.request_stop();
  EXPECT_ERRC(store_->ensure_file(root, stop.get_token()), Errc::cancelled);
  EXPECT_TRUE(store_->ensure_file(other).has_value());
  auto waiting = std::async(std::launch::async, [&] { return store_->ensure_file(root); });
  EXPECT_EQ(waiting.wait_for(std::chrono::milliseconds(100)), std::future_status::timeout);
  held->reset();
  const auto path = waiting.get();
  ASSERT_TRUE(path.has_value()) << path.error().to_string();
  EXPECT_EQ(read_bytes(*path), to_bytes(as_bytes("small")));
  EXPECT_TRUE(fs::is_empty(home() / "partial"));
}

TEST_F(Ensure, and_begin_stop_while_they_copy_and_keep_what_was_copied) {
  const Bytes bytes = random_bytes(70, 5 * kMiB);
  const FileDag dag = make_dag(ipld::unixfs_v1_2025(), bytes);
  for (const auto& [cid, block] : dag.nodes) ASSERT_TRUE(store_->put(cid, block).has_value());
  for (std::size_t i = 0; i < dag.slots.size(); ++i) {
    ASSERT_TRUE(store_->put(dag.slots[i].cid, dag.leaves[i]).has_value());
  }
  store_.reset();
  std::stop_source stop;
  StoreOptions how = options();
  how.on_step = [&](std::string_view step) {
    if (step == "partial.mark") stop.request_stop();
  };
  store_ = *Store::open(how);
  EXPECT_ERRC(store_->begin_file(dag.root, bytes.size(), dag.slots, {.stop = stop.get_token()}),
              Errc::cancelled);
  EXPECT_ERRC(store_->ensure_file(dag.root, stop.get_token()), Errc::cancelled);
  reopen();
  const auto file = store_->begin_file(dag.root, bytes.size(), dag.slots);
  ASSERT_TRUE(file.has_value()) << file.error().to_string();
  EXPECT_EQ((*file)->bytes_resumed(), kMiB);  // One leaf: then it was stopped.
  EXPECT_EQ((*file)->bytes_copied(), 4 * kMiB);
  EXPECT_TRUE((*file)->commit().has_value());
}

}  // namespace
}  // namespace accel::blockstore::test
