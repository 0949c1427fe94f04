// SPDX-License-Identifier: Apache-2.0
// Pins, leases, private roots, gc and usage.
#include <thread>

#include "child_process.hpp"
#include "store_fixture.hpp"

namespace accel::blockstore::test {
namespace {

class Roots : public StoreTest {
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
  void unpin(const ipld::Cid& cid) { ASSERT_TRUE(store_->unpin(cid).has_value()); }
};

TEST_F(Roots, pins_need_the_whole_dag) {
  const ipld::Cid absent = raw_cid(as_bytes("absent"));
  const ipld::Cid folder = put_folder({{"a", put_raw(as_bytes("a")), 1}, {"b", absent, 6}});
  const Status pinned = store_->pin(folder, {});
  EXPECT_ERRC(pinned, Errc::not_found);
  EXPECT_NE(pinned.error().message.find(absent.to_string()), std::string::npos);
  EXPECT_TRUE(store_->pins()->empty());
}

TEST_F(Roots, pins_keep_name_and_cid_version) {
  const Bytes block = ipld::encode_pb({});
  const ipld::Cid cid = ipld::Cid::v0(ipld::sha2_256(block));
  ASSERT_TRUE(store_->put(cid, block).has_value());
  ASSERT_TRUE(store_->pin(cid, {.name = "empty node"}).has_value());
  reopen();
  ASSERT_EQ(store_->pins()->size(), 1U);
  EXPECT_EQ(store_->pins()->front().cid, cid);
  EXPECT_EQ(store_->pins()->front().name, "empty node");
  EXPECT_TRUE(store_->unpin(cid.as_v1()).has_value());  // The same root.
  EXPECT_ERRC(store_->unpin(cid), Errc::not_found);
}

TEST_F(Roots, names_of_pins_have_a_limit) {
  write_bytes(work("x"), as_bytes("x"));
  EXPECT_ERRC(store_->add(work("x"), {.name = std::string(2000, 'n')}), Errc::invalid_argument);
  const ipld::Cid cid = put_raw(as_bytes("x"));
  EXPECT_ERRC(store_->pin(cid, {.name = std::string(2000, 'n')}), Errc::invalid_argument);
}

using Gc = Roots;

TEST_F(Gc, frees_what_nobody_needs_and_keeps_what_is_pinned) {
  const Bytes kept_bytes = make_file("kept", 1, 3 * kMiB);
  make_file("gone", 2, 3 * kMiB);
  const ipld::Cid kept = add("kept").cid;
  const ipld::Cid gone = add("gone").cid;
  const ipld::Cid block = put_raw(random_bytes(3, 1000));
  unpin(gone);
  const GcReport report = gc();
  EXPECT_EQ(report.files_freed, 1U);
  EXPECT_GE(report.bytes_freed, 3 * kMiB);
  EXPECT_EQ(report.blocks_freed, 5U);  // Three leaves, their node, and the single block.
  EXPECT_FALSE(has(gone));
  EXPECT_FALSE(has(block));
  EXPECT_EQ(regular_files(home() / "files").size(), 1U);
  EXPECT_EQ(cat(kept), kept_bytes);
  expect_sound();
}

TEST_F(Gc, as_a_dry_run_only_counts) {
  make_file("gone", 4, 3 * kMiB);
  const ipld::Cid gone = add("gone").cid;
  unpin(gone);
  const GcReport report = gc({.dry_run = true});
  EXPECT_EQ(report.files_freed, 1U);
  EXPECT_EQ(report.blocks_freed, 4U);
  EXPECT_EQ(report.bytes_freed, 3 * kMiB + *store_->size_of(gone));  // The root lies in a pack.
  EXPECT_TRUE(has(gone));
}

TEST_F(Gc, moves_leaves_that_another_root_needs_before_it_evicts_their_file) {
  const Bytes bytes = make_file("model", 5, 3 * kMiB);
  const ipld::Cid model = add("model").cid;
  const FileDag dag = make_dag(ipld::unixfs_v1_2025(), bytes);
  const ipld::Cid folder = put_folder({{"part", dag.slots[1].cid, kMiB}});
  ASSERT_TRUE(store_->pin(folder, {}).has_value());
  unpin(model);
  const GcReport report = gc();
  EXPECT_EQ(report.blocks_moved, 1U);
  EXPECT_EQ(report.files_freed, 1U);
  EXPECT_TRUE(regular_files(home() / "files").empty());
  EXPECT_EQ(*store_->get(dag.slots[1].cid), dag.leaves[1]);
  EXPECT_TRUE(store_->locate(dag.slots[1].cid).has_value());
  EXPECT_FALSE(has(dag.slots[0].cid));
  expect_sound();
}

TEST_F(Gc, moves_wrapped_leaves_too) {
  const Bytes bytes = make_file("model", 6, 700'000);
  AddOptions how;
  how.profile = ipld::unixfs_v0_2015();
  const ipld::Cid model = add("model", how).cid;
  const FileDag dag = make_dag(how.profile, bytes);
  ASSERT_TRUE(store_->pin(dag.slots[0].cid, {}).has_value());
  unpin(model);
  EXPECT_EQ(gc().blocks_moved, 1U);
  EXPECT_EQ(*store_->get(dag.slots[0].cid), dag.leaves[0]);
  expect_sound();
}

TEST_F(Gc, does_not_free_what_is_leased) {
  make_file("model", 7, 3 * kMiB);
  const ipld::Cid root = add("model").cid;
  unpin(root);
  auto lease = store_->lease(root);
  ASSERT_TRUE(lease.has_value());
  EXPECT_EQ(gc().files_freed, 0U);
  EXPECT_TRUE(store_->file_of(root)->has_value());
  lease->release();
  EXPECT_EQ(gc().files_freed, 1U);
  EXPECT_TRUE(fs::is_empty(home() / "leases"));
}

TEST_F(Gc, keeps_what_a_lease_protects_of_a_root_that_is_not_whole_yet) {
  const ipld::Cid child = put_raw(random_bytes(8, 100));
  const ipld::Cid folder = put_folder({{"a", child, 100}, {"b", raw_cid(as_bytes("to come")), 7}});
  const auto lease = store_->lease(folder);
  gc();
  EXPECT_TRUE(has(folder));
  EXPECT_TRUE(has(child));
}

TEST_F(Gc, removes_the_leases_of_dead_processes) {
  write_bytes(home() / "leases" / "0123.lease", as_bytes("bafkqaaa\n"));
  gc();
  EXPECT_TRUE(fs::is_empty(home() / "leases"));
}

TEST_F(Gc, keeps_node_blocks_of_a_partial_file) {
  const Bytes bytes = random_bytes(9, 3 * kMiB);
  const FileDag dag = make_dag(ipld::unixfs_v1_2025(), bytes);
  for (const auto& [cid, block] : dag.nodes) ASSERT_TRUE(store_->put(cid, block).has_value());
  {
    ASSERT_TRUE(store_->begin_file(dag.root, bytes.size(), dag.slots).has_value());
  }
  gc();
  EXPECT_TRUE(has(dag.root));
  EXPECT_EQ(gc({.abandoned_partials = true}).partials_freed, 1U);
  EXPECT_FALSE(has(dag.root));
  EXPECT_TRUE(fs::is_empty(home() / "partial"));
}

TEST_F(Gc, does_not_pull_an_open_file_from_under_its_reader) {
  const Bytes bytes = make_file("model", 10, 3 * kMiB);
  const ipld::Cid root = add("model").cid;
  auto place = store_->locate(make_dag(ipld::unixfs_v1_2025(), bytes).slots[2].cid);
  ASSERT_TRUE(place.has_value());
  unpin(root);
  gc();
  Bytes slice(place->length);
  ASSERT_TRUE(pread_all(place->fd.get(), slice, place->offset).has_value());
  EXPECT_EQ(slice, Bytes(bytes.begin() + static_cast<std::ptrdiff_t>(2 * kMiB), bytes.end()));
}

TEST_F(Gc, rewrites_packs_that_are_mostly_garbage) {
  std::vector<ipld::Cid> kept;
  for (std::uint64_t i = 0; i < 50; ++i) {
    const ipld::Cid cid = put_raw(random_bytes(100 + i, 20'000));
    if (i % 10 == 0) kept.push_back(cid);
  }
  for (const ipld::Cid& cid : kept) ASSERT_TRUE(store_->pin(cid, {}).has_value());
  const auto before = fs::file_size(only_pack());
  const GcReport report = gc();
  EXPECT_EQ(report.packs_freed, 1U);
  EXPECT_LT(fs::file_size(only_pack()), before / 2);
  for (std::uint64_t i = 0; i < 50; i += 10) {
    EXPECT_EQ(*store_->get(kept[i / 10]), random_bytes(100 + i, 20'000));
  }
  expect_sound();
}

TEST_F(Gc, removes_what_interrupted_operations_left) {
  make_file("model", 11, 3 * kMiB);
  const ipld::Cid root = add("model").cid;
  write_bytes(home() / "files" / "zz" / "bafkorphan", as_bytes("orphan"));
  write_bytes(home() / "packs" / "000000ff.pack", as_bytes("orphan"));
  write_bytes(home() / "tmp" / "abc.lock", {});
  write_bytes(home() / "tmp" / "abc" / "0", as_bytes("orphan"));
  EXPECT_EQ(gc().orphans_freed, 3U);
  EXPECT_TRUE(fs::is_empty(home() / "tmp"));
  EXPECT_TRUE(store_->file_of(root)->has_value());
  expect_sound();
}

TEST_F(Gc, runs_once_at_a_time) {
  const auto lock = FileLock::acquire(home() / "gc.lock", FileLock::Mode::exclusive, false);
  ASSERT_TRUE(lock.has_value());
  EXPECT_ERRC(store_->gc({}), Errc::unavailable);
}

// The same block under a codec without links: what the folder holds must not go with it.
TEST_F(Gc, keeps_what_a_folder_links_to_when_its_block_is_pinned_as_raw_too) {
  const Bytes small = make_file("dir/small", 40, 100);
  const Bytes large = make_file("dir/sub/large", 41, 3 * kMiB);
  const ipld::Cid root = add("dir").cid;
  const ipld::Cid inner = *store_->resolve(root, "sub");
  const auto as_raw = [](const ipld::Cid& cid) {
    return ipld::Cid::v1(ipld::Codec::raw, cid.hash());
  };
  ASSERT_TRUE(store_->pin(as_raw(root), {}).has_value());
  ASSERT_TRUE(store_->pin(as_raw(inner), {}).has_value());
  const GcReport report = gc();
  EXPECT_EQ(report.blocks_freed, 0U);
  EXPECT_EQ(report.files_freed, 0U);
  EXPECT_EQ(store_->list(root)->size(), 2U);
  EXPECT_EQ(cat(*store_->resolve(root, "small")), small);
  EXPECT_EQ(cat(*store_->resolve(root, "sub/large")), large);
  expect_sound();
  unpin(root);
  EXPECT_EQ(gc().files_freed, 1U);  // The two blocks alone are pinned now.
  EXPECT_TRUE(has(root));
  EXPECT_TRUE(has(inner));
  EXPECT_FALSE(has(raw_cid(small)));
}

TEST_F(Gc, keeps_what_links_to_one_block_as_raw_and_as_node_reach) {
  const ipld::Cid child = put_raw(as_bytes("child"));
  const ipld::Cid node = put_folder({{"child", child, 5}});
  const ipld::Cid as_raw = ipld::Cid::v1(ipld::Codec::raw, node.hash());
  const ipld::Cid root = put_folder({{"a-raw", as_raw, 50}, {"b-node", node, 55}});
  ASSERT_TRUE(store_->pin(root, {}).has_value());
  const std::uint64_t counted = store_->pins()->front().bytes;
  EXPECT_EQ(counted, 5 + *store_->size_of(node) + *store_->size_of(root));  // Each block once.
  gc();
  EXPECT_TRUE(has(child));
}

// The pin comes after the mark, when the sweep has seen its block as a raw one only.
TEST_F(Gc, keeps_a_folder_that_is_pinned_while_it_runs_though_its_block_is_pinned_as_raw) {
  make_file("model", 42, 3 * kMiB);
  const ipld::Cid model = add("model").cid;
  const ipld::Cid child = put_raw(as_bytes("child"));
  const ipld::Cid folder = put_folder({{"child", child, 5}});
  const FileDag dag = make_dag(ipld::unixfs_v1_2025(), read_bytes(work("model")));
  ASSERT_TRUE(store_->pin(dag.slots[0].cid, {}).has_value());
  ASSERT_TRUE(store_->pin(ipld::Cid::v1(ipld::Codec::raw, folder.hash()), {}).has_value());
  unpin(model);
  store_.reset();
  StoreOptions how = options();
  Status pinned = fail(Errc::internal, "not pinned");
  how.on_step = [&](std::string_view step) {
    if (step != "pack.append" || pinned) return;
    std::jthread([&] { pinned = store_->pin(folder, {}); });  // Ends here.
  };
  store_ = *Store::open(how);
  gc();
  ASSERT_TRUE(pinned) << pinned.error().message;
  EXPECT_TRUE(has(child));
  expect_sound();
}

TEST_F(Gc, stops_when_asked_and_frees_nothing) {
  make_file("gone", 12, 3 * kMiB);
  const ipld::Cid gone = add("gone").cid;
  unpin(gone);
  std::stop_source stop;
  stop.request_stop();
  GcOptions how;
  how.stop = stop.get_token();
  EXPECT_ERRC(store_->gc(how), Errc::cancelled);
  EXPECT_TRUE(has(gone));
}

TEST_F(Gc, keeps_a_file_whose_needed_leaf_is_damaged) {
  const Bytes bytes = make_file("model", 13, 3 * kMiB);
  const ipld::Cid model = add("model").cid;
  const FileDag dag = make_dag(ipld::unixfs_v1_2025(), bytes);
  ASSERT_TRUE(store_->pin(dag.slots[1].cid, {}).has_value());
  unpin(model);
  flip_byte(**store_->file_of(model), kMiB + 3);
  gc();
  EXPECT_EQ(regular_files(home() / "files").size(), 1U);
  EXPECT_ERRC(store_->get(dag.slots[1].cid), Errc::corrupt);
  EXPECT_GE(store_->verify({})->bad_total, 1U);
}

TEST_F(Gc, frees_nothing_while_a_pin_cannot_be_walked) {
  const Bytes bytes = make_file("model", 15, 3 * kMiB);
  const ipld::Cid root = add("model").cid;
  const ipld::Cid leaf = make_dag(ipld::unixfs_v1_2025(), bytes).slots[0].cid;
  rot_byte(only_pack(), store_->locate(root)->offset + 20);  // Its only node.
  const auto report = store_->gc({});
  EXPECT_ERRC(report, Errc::corrupt);
  EXPECT_NE(report.error().message.find("the pin \"model\""), std::string::npos);
  EXPECT_TRUE(has(leaf));
  add("model");  // Mends the node.
  EXPECT_TRUE(store_->gc({}).has_value());
  EXPECT_EQ(cat(root), bytes);
  expect_sound();
}

TEST_F(Gc, frees_the_room_of_a_file_that_is_added_again_later) {
  const Bytes bytes = make_file("model", 14, 3 * kMiB);
  const ipld::Cid root = add("model").cid;
  for (int i = 0; i < 3; ++i) {
    unpin(root);
    gc();
    EXPECT_FALSE(has(root));
    EXPECT_EQ(add("model").cid, root);
    EXPECT_EQ(cat(root), bytes);
  }
  expect_sound();
}

class Private : public Roots {
 protected:
  bool hidden(const ipld::Cid& cid) { return *store_->is_private(cid); }
};

TEST_F(Private, roots_hide_all_their_blocks) {
  const Bytes bytes = make_file("dir/secret", 20, 3 * kMiB);
  const ipld::Cid root = add("dir", {.is_private = true}).cid;
  const FileDag dag = make_dag(ipld::unixfs_v1_2025(), bytes);
  EXPECT_TRUE(hidden(root));
  EXPECT_TRUE(hidden(dag.root));
  for (const LeafSlot& slot : dag.slots) EXPECT_TRUE(hidden(slot.cid));
  EXPECT_TRUE(store_->pins()->front().is_private);
  struct stat info{};
  ASSERT_EQ(::stat((**store_->file_of(dag.root)).c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777U, 0400U);
}

TEST_F(Private, blocks_that_a_public_root_reaches_are_public) {
  write_bytes(work("public/shared"), as_bytes("shared"));
  write_bytes(work("private/shared"), as_bytes("shared"));
  write_bytes(work("private/secret"), as_bytes("secret"));
  const ipld::Cid open_root = add("public").cid;
  const ipld::Cid secret_root = add("private", {.is_private = true}).cid;
  EXPECT_FALSE(hidden(open_root));
  EXPECT_FALSE(hidden(raw_cid(as_bytes("shared"))));
  EXPECT_TRUE(hidden(raw_cid(as_bytes("secret"))));
  EXPECT_TRUE(hidden(secret_root));
}

TEST_F(Private, blocks_become_public_with_a_public_pin_and_hidden_again_without) {
  const ipld::Cid shared = put_raw(as_bytes("shared"));
  const ipld::Cid secret = put_folder({{"shared", shared, 6}});
  ASSERT_TRUE(store_->pin(secret, {.is_private = true}).has_value());
  EXPECT_TRUE(hidden(shared));
  ASSERT_TRUE(store_->pin(shared, {}).has_value());
  EXPECT_FALSE(hidden(shared));
  unpin(shared);
  EXPECT_TRUE(hidden(shared));
}

TEST_F(Private, blocks_stay_hidden_when_their_pin_goes) {
  const ipld::Cid secret = put_raw(as_bytes("secret"));
  ASSERT_TRUE(store_->pin(secret, {.is_private = true}).has_value());
  unpin(secret);
  EXPECT_TRUE(hidden(secret));
  gc();
  EXPECT_FALSE(has(secret));
  EXPECT_FALSE(hidden(secret));
}

TEST_F(Private, roots_stay_private_when_added_again) {
  write_bytes(work("dir/secret"), as_bytes("secret"));
  const ipld::Cid root = add("dir", {.is_private = true}).cid;
  EXPECT_EQ(add("dir").cid, root);
  EXPECT_TRUE(store_->pins()->front().is_private);
  EXPECT_TRUE(hidden(raw_cid(as_bytes("secret"))));
  ASSERT_TRUE(store_->pin(root, {.is_private = false}).has_value());  // Said in so many words.
  EXPECT_FALSE(hidden(raw_cid(as_bytes("secret"))));
}

TEST_F(Private, roots_stay_private_when_a_pin_is_merged) {
  write_bytes(work("dir/secret"), as_bytes("secret"));
  const ipld::Cid root = add("dir", {.is_private = true}).cid;
  const PinInfo before = store_->pins()->front();
  ASSERT_TRUE(store_->pin(root, {.merge = true}).has_value());
  ASSERT_EQ(store_->pins()->size(), 1U);
  PinInfo after = store_->pins()->front();
  EXPECT_TRUE(after.is_private);
  EXPECT_EQ(after.name, "dir");
  EXPECT_EQ(after.added, before.added);
  EXPECT_TRUE(hidden(raw_cid(as_bytes("secret"))));
  ASSERT_TRUE(store_->pin(root, {.name = "other", .merge = true}).has_value());
  after = store_->pins()->front();
  EXPECT_TRUE(after.is_private);
  EXPECT_EQ(after.name, "other");
}

TEST_F(Private, pins_may_be_made_of_public_ones_by_merging) {
  const ipld::Cid block = put_raw(as_bytes("block"));
  ASSERT_TRUE(store_->pin(block, {.name = "name"}).has_value());
  ASSERT_TRUE(store_->pin(block, {.is_private = true, .merge = true}).has_value());
  EXPECT_TRUE(store_->pins()->front().is_private);
  EXPECT_EQ(store_->pins()->front().name, "name");
  EXPECT_TRUE(hidden(block));
}

TEST_F(Private, folders_stay_hidden_when_their_block_is_public_as_raw) {
  write_bytes(work("dir/secret"), as_bytes("secret"));
  const ipld::Cid root = add("dir", {.is_private = true}).cid;
  ASSERT_TRUE(store_->pin(ipld::Cid::v1(ipld::Codec::raw, root.hash()), {}).has_value());
  EXPECT_TRUE(hidden(root));
  EXPECT_TRUE(hidden(raw_cid(as_bytes("secret"))));
  ASSERT_TRUE(store_->pin(root, {}).has_value());
  EXPECT_FALSE(hidden(root));
}

TEST_F(Private, blocks_may_be_hidden_from_their_first_put) {
  const Bytes block = random_bytes(21, 100);
  ASSERT_TRUE(store_->put(raw_cid(block), block, {.is_private = true}).has_value());
  EXPECT_TRUE(hidden(raw_cid(block)));
}

TEST_F(Private, what_ensure_file_makes_stays_hidden) {
  write_bytes(work("secret"), as_bytes("secret"));
  const ipld::Cid root = add("secret", {.is_private = true}).cid;
  ASSERT_TRUE(store_->ensure_file(root).has_value());
  EXPECT_TRUE(hidden(root));
}

using Usage = Roots;

TEST_F(Usage, says_where_the_bytes_are) {
  make_file("model", 30, 3 * kMiB);
  add("model");
  put_raw(random_bytes(31, 100'000));
  const auto usage = store_->usage();
  ASSERT_TRUE(usage.has_value());
  EXPECT_GE(usage->files_bytes, 3 * kMiB);
  EXPECT_LT(usage->files_bytes, 4 * kMiB);
  EXPECT_GE(usage->packs_bytes, 100'000U);
  EXPECT_GT(usage->index_bytes, 0U);
  EXPECT_EQ(usage->blocks, 5U);
  ASSERT_EQ(usage->roots.size(), 1U);
  EXPECT_EQ(usage->roots[0].name, "model");
  EXPECT_EQ(usage->total_bytes(), usage->files_bytes + usage->packs_bytes + usage->index_bytes +
                                      usage->partial_bytes + usage->temporary_bytes);
}

using Verify = Roots;

TEST_F(Verify, hashes_all_or_a_sample) {
  make_file("model", 32, 40 * kMiB);
  add("model");
  const auto all = store_->verify({});
  EXPECT_EQ(all->blocks, 41U);
  EXPECT_GT(all->bytes, 40 * kMiB);
  EXPECT_EQ(all->pins, 1U);
  EXPECT_EQ(all->bad_total, 0U);
  const auto sample = store_->verify({.sample_blocks = 4});
  EXPECT_LT(sample->blocks, 41U);
}

TEST_F(Verify, finds_a_rotten_byte_in_an_owned_file_that_its_stat_hides) {
  const Bytes bytes = make_file("model", 33, 3 * kMiB);
  const ipld::Cid root = add("model").cid;
  const ipld::Cid leaf = make_dag(ipld::unixfs_v1_2025(), bytes).slots[1].cid;
  rot_byte(**store_->file_of(root), kMiB + 9);
  EXPECT_TRUE(store_->get(leaf).has_value());  // Believed, as decisions go; hence the scrubber.
  const auto report = store_->verify({});
  ASSERT_EQ(report->bad_total, 1U);
  EXPECT_EQ(report->bad[0].cid, leaf.to_string());
  EXPECT_NE(report->bad[0].place.find("files/"), std::string::npos);
}

TEST_F(Verify, finds_pins_that_are_not_whole) {
  write_bytes(work("dir/a"), random_bytes(34, 100));
  add("dir");
  fs::remove(only_pack());
  const auto report = store_->verify({});
  EXPECT_EQ(report->bad_total, 3U);  // Two blocks, one pin.
  EXPECT_NE(report->bad.back().place.find("pin \"dir\""), std::string::npos);
}

TEST_F(Verify, a_copied_home_is_believed_by_its_hashes) {
  const Bytes bytes = make_file("model", 35, 3 * kMiB);
  const ipld::Cid root = add("model").cid;
  store_.reset();
  fs::copy(home(), dir_.path() / "copy", fs::copy_options::recursive);
  fs::remove_all(home());
  fs::rename(dir_.path() / "copy", home());
  open();
  EXPECT_EQ(cat(root), bytes);
  EXPECT_TRUE(store_->ensure_file(root).has_value());
  EXPECT_TRUE(store_->file_of(root)->has_value());
  expect_sound();
}

TEST_F(Verify, damage_in_a_copied_home_is_found_when_it_is_read) {
  const Bytes bytes = make_file("model", 36, 3 * kMiB);
  const ipld::Cid root = add("model").cid;
  const fs::path file = **store_->file_of(root);
  fs::copy(file, work("copy"));
  struct stat before{};
  ASSERT_EQ(::stat(file.c_str(), &before), 0);
  fs::rename(work("copy"), file);
  const timespec times[2] = {before.st_atim, before.st_mtim};
  ASSERT_EQ(::utimensat(AT_FDCWD, file.c_str(), times, 0), 0);
  EXPECT_EQ(cat(root), bytes);
  rot_byte(file, kMiB + 9);
  EXPECT_EQ(store_->get(make_dag(ipld::unixfs_v1_2025(), bytes).slots[1].cid).error().code,
            Errc::corrupt);
}

}  // namespace
}  // namespace accel::blockstore::test
