// SPDX-License-Identifier: Apache-2.0
// cat, ls, paths and get.
#include <algorithm>

#include "accel/ipld/car.hpp"
#include "accel/ipld/hamt.hpp"
#include "disk_seam.hpp"
#include "store_fixture.hpp"

namespace accel::blockstore::test {
namespace {

class Reading : public StoreTest {
 protected:
  ipld::Cid put_node(const ipld::BuiltBlock& built) {
    EXPECT_TRUE(store_->put(built.cid, built.block).has_value());
    return built.cid;
  }
  ipld::Cid put_folder(std::vector<ipld::DirectoryEntry> entries) {
    return put_node(*ipld::build_directory(ipld::unixfs_v1_2025(), std::move(entries)));
  }
  ipld::Cid put_raw(std::string_view text) {
    const ipld::Cid cid = raw_cid(as_bytes(text));
    EXPECT_TRUE(store_->put(cid, as_bytes(text)).has_value());
    return cid;
  }
  // A directory block whose names nobody checked.
  ipld::Cid put_hostile_folder(const std::string& name, const ipld::Cid& child) {
    ipld::UnixFsNode node;
    node.type = ipld::NodeType::directory;
    ipld::PbLink link;
    link.cid = child;
    link.name = name;
    const Bytes block = ipld::encode_pb({{link}, ipld::encode_unixfs(node)});
    const ipld::Cid cid = ipld::Cid::v1(ipld::Codec::dag_pb, ipld::sha2_256(block));
    EXPECT_TRUE(store_->put(cid, block).has_value());
    return cid;
  }
  ipld::Cid put_link(const std::string& target) {
    return put_node(*ipld::build_symlink(ipld::unixfs_v1_2025(), target));
  }
  Status get(const ipld::Cid& cid, const std::string& out, const ExportOptions& how = {}) {
    return store_->export_to(cid, work(out), how);
  }
};

TEST_F(Reading, ranges_come_from_whole_files_and_from_blocks_alike) {
  const Bytes bytes = make_file("model", 1, 3 * kMiB + 77);
  const ipld::Cid owned = add("model").cid;
  AddOptions reference;
  reference.reference = true;
  reference.profile = ipld::unixfs_v0_2015();
  const ipld::Cid by_blocks = add("model", reference).cid;
  const std::uint64_t seed = system_random().next_u64();
  SCOPED_TRACE(fmt::format("seed {}", seed));
  SeededRandom random(seed);
  for (int i = 0; i < 30; ++i) {
    const std::uint64_t offset = random.below(bytes.size() + 1);
    const std::uint64_t length = random.below(2 * kMiB);
    const std::uint64_t end = std::min<std::uint64_t>(bytes.size(), offset + length);
    const Bytes expected(bytes.begin() + static_cast<std::ptrdiff_t>(offset),
                         bytes.begin() + static_cast<std::ptrdiff_t>(end));
    EXPECT_EQ(cat(owned, offset, length), expected);
    EXPECT_EQ(cat(by_blocks, offset, length), expected);
  }
}

TEST_F(Reading, beyond_the_end_is_an_error_and_at_the_end_is_nothing) {
  const Bytes bytes = make_file("model", 2, 2 * kMiB);
  const ipld::Cid root = add("model").cid;
  EXPECT_TRUE(cat(root, bytes.size()).empty());
  const auto sink = [](ByteView) -> Status { return {}; };
  EXPECT_ERRC(store_->read(root, bytes.size() + 1, 1, sink), Errc::invalid_argument);
  EXPECT_EQ(*store_->file_size(root), bytes.size());
}

TEST_F(Reading, ends_with_the_error_of_the_sink) {
  make_file("model", 3, 3 * kMiB);
  const ipld::Cid root = add("model").cid;
  int calls = 0;
  const Status done = store_->read(root, 0, UINT64_MAX, [&](ByteView) -> Status {
    ++calls;
    return fail(Errc::cancelled, "Enough.");
  });
  EXPECT_ERRC(done, Errc::cancelled);
  EXPECT_EQ(calls, 1);
}

TEST_F(Reading, the_sink_may_use_the_store) {
  make_file("model", 4, 2 * kMiB);
  const ipld::Cid root = add("model").cid;
  const Status done = store_->read(
      root, 0, UINT64_MAX, [&](ByteView) { return store_->kv_put("test", "key", "value"); });
  EXPECT_TRUE(done.has_value()) << done.error().to_string();
}

TEST_F(Reading, a_folder_as_a_file_or_a_file_as_a_folder_is_refused) {
  const ipld::Cid file = put_raw("hello");
  const ipld::Cid folder = put_folder({{"a", file, 5}});
  EXPECT_ERRC(store_->list(file), Errc::invalid_argument);
  EXPECT_ERRC(store_->read(folder, 0, 1, [](ByteView) -> Status { return {}; }),
              Errc::invalid_argument);
  EXPECT_ERRC(store_->file_size(folder), Errc::invalid_argument);
}

TEST_F(Reading, lists_names_kinds_and_sizes) {
  make_file("dir/big", 5, 2 * kMiB + 1);
  write_bytes(work("dir/small"), as_bytes("hi"));
  write_bytes(work("dir/sub/x"), as_bytes("x"));
  const auto entries = store_->list(add("dir").cid);
  ASSERT_TRUE(entries.has_value());
  ASSERT_EQ(entries->size(), 3U);
  EXPECT_EQ((*entries)[0].name, "big");
  EXPECT_EQ((*entries)[0].bytes, 2 * kMiB + 1);
  EXPECT_EQ((*entries)[0].kind, ipld::NodeKind::file);
  EXPECT_EQ((*entries)[1].bytes, 2U);
  EXPECT_EQ((*entries)[2].kind, ipld::NodeKind::directory);
}

TEST_F(Reading, lists_entries_that_are_not_here) {
  const ipld::Cid absent = raw_cid(as_bytes("absent"));
  const auto entries = store_->list(put_folder({{"a", absent, 6}}));
  ASSERT_EQ(entries->size(), 1U);
  EXPECT_FALSE(entries->front().present);
  EXPECT_EQ(entries->front().bytes, 6U);
}

TEST_F(Reading, resolves_paths) {
  write_bytes(work("dir/sub/x"), as_bytes("x"));
  const ipld::Cid root = add("dir").cid;
  EXPECT_EQ(*store_->resolve(root, ""), root);
  EXPECT_EQ(*store_->resolve(root, "sub/x"), raw_cid(as_bytes("x")));
  EXPECT_EQ(*store_->resolve(root, "/sub//x/"), raw_cid(as_bytes("x")));
  const auto absent = store_->resolve(root, "sub/y");
  EXPECT_ERRC(absent, Errc::not_found);
  EXPECT_NE(absent.error().message.find("\"y\""), std::string::npos);
  EXPECT_ERRC(store_->resolve(root, "sub/../x"), Errc::invalid_argument);
  EXPECT_ERRC(store_->resolve(root, "sub/x/z"), Errc::invalid_argument);
}

TEST_F(Reading, a_node_whose_sizes_lie_is_corrupt) {
  const ipld::Cid child = put_raw("12345");
  ipld::UnixFsNode node;
  node.filesize = 9;
  node.blocksizes = {9};
  ipld::PbLink link;
  link.cid = child;
  const Bytes block = ipld::encode_pb({{link}, ipld::encode_unixfs(node)});
  const ipld::Cid cid = ipld::Cid::v1(ipld::Codec::dag_pb, ipld::sha2_256(block));
  ASSERT_TRUE(store_->put(cid, block).has_value());
  EXPECT_ERRC(store_->read(cid, 0, 9, [](ByteView) -> Status { return {}; }), Errc::corrupt);
}

using Export = Reading;

TEST_F(Export, writes_files_folders_and_links) {
  const Bytes bytes = make_file("dir/model", 6, 3 * kMiB);
  write_bytes(work("dir/sub/config"), as_bytes("{}"));
  fs::create_symlink("../model", work("dir/sub/link"));
  const ipld::Cid root = add("dir").cid;
  const Status done = get(root, "out");
  ASSERT_TRUE(done.has_value()) << done.error().to_string();
  EXPECT_EQ(read_bytes(work("out/model")), bytes);
  EXPECT_EQ(as_text(read_bytes(work("out/sub/config"))), "{}");
  EXPECT_EQ(fs::read_symlink(work("out/sub/link")), "../model");
  EXPECT_EQ(add("out").cid, root);
}

TEST_F(Export, writes_over_nothing_unless_asked) {
  const ipld::Cid file = put_raw("new");
  write_bytes(work("out"), as_bytes("old"));
  const Status refused = get(file, "out");
  EXPECT_ERRC(refused, Errc::already_exists);
  EXPECT_EQ(as_text(read_bytes(work("out"))), "old");
  EXPECT_TRUE(get(file, "out", {.overwrite = true}).has_value());
  EXPECT_EQ(as_text(read_bytes(work("out"))), "new");
  write_bytes(work("folder/a"), as_bytes("old"));
  write_bytes(work("folder/b"), as_bytes("kept"));
  const ipld::Cid folder = put_folder({{"a", file, 3}});
  EXPECT_ERRC(get(folder, "folder"), Errc::already_exists);
  EXPECT_ERRC(get(file, "folder", {.overwrite = true}), Errc::already_exists);
  EXPECT_TRUE(get(folder, "folder", {.overwrite = true}).has_value());
  EXPECT_EQ(as_text(read_bytes(work("folder/a"))), "new");
  EXPECT_EQ(as_text(read_bytes(work("folder/b"))), "kept");
}

TEST_F(Export, writes_folders_and_files_where_a_rename_cannot_refuse_to_replace) {
  const Bytes bytes = make_file("dir/sub/model", 60, 100'000);
  const ipld::Cid root = add("dir").cid;
  const WithoutNoReplace seam;
  ASSERT_TRUE(store_->export_to(root, work("out"), {}).has_value());
  EXPECT_EQ(read_bytes(work("out/sub/model")), bytes);
  EXPECT_ERRC(store_->export_to(root, work("out"), {}), Errc::already_exists);
  const auto file = store_->resolve(root, "sub/model");
  ASSERT_TRUE(store_->export_to(*file, work("copy"), {}).has_value());
  EXPECT_EQ(read_bytes(work("copy")), bytes);
  std::size_t entries = 0;
  for (const auto& entry : fs::directory_iterator(dir_.path() / "work")) {
    entries += entry.path().filename().string().starts_with(".accel-") ? 1U : 0U;
  }
  EXPECT_EQ(entries, 0U);  // Nothing temporary is left.
}

TEST_F(Export, leaves_nothing_when_it_fails) {
  const ipld::Cid folder =
      put_folder({{"a", put_raw("a"), 1}, {"b", raw_cid(as_bytes("absent")), 6}});
  EXPECT_ERRC(get(folder, "out"), Errc::not_found);
  EXPECT_TRUE(fs::is_empty(dir_.path() / "work"));
}

TEST_F(Export, refuses_names_that_lead_out) {
  const ipld::Cid file = put_raw("evil");
  for (const std::string& name :
       {std::string(".."), std::string("."), std::string("../evil"), std::string("a/b"),
        std::string("/abs"), std::string("n\0l", 3), std::string()}) {
    EXPECT_ERRC(get(put_hostile_folder(name, file), "out", {.overwrite = true}), Errc::corrupt);
  }
  EXPECT_FALSE(fs::exists(dir_.path() / "evil"));
  EXPECT_FALSE(fs::exists(work("evil")));
}

TEST_F(Export, never_writes_through_a_link) {
  write_bytes(work("outside/keep"), as_bytes("keep"));
  fs::create_directories(work("out"));
  fs::create_directory_symlink("../outside", work("out/sub"));
  fs::create_symlink("../outside/keep", work("out/file"));
  const ipld::Cid evil = put_raw("evil");
  const ipld::Cid root =
      put_folder({{"file", evil, 4}, {"sub", put_folder({{"keep", evil, 4}}), 60}});
  EXPECT_FALSE(get(root, "out", {.overwrite = true}).has_value());
  EXPECT_EQ(as_text(read_bytes(work("outside/keep"))), "keep");
}

TEST_F(Export, refuses_links_that_lead_out_unless_allowed) {
  for (const char* target : {"/etc/passwd", "../outside", "sub/../../x", "sub/.."}) {
    const ipld::Cid root = put_folder({{"link", put_link(target), 10}});
    const Status refused = get(root, "out");
    EXPECT_ERRC(refused, Errc::permission_denied);
    EXPECT_FALSE(fs::exists(work("out"))) << target;
    EXPECT_TRUE(get(root, "allowed", {.outside_links = true}).has_value());
    EXPECT_EQ(fs::read_symlink(work("allowed/link")), target);
    fs::remove_all(work("allowed"));
  }
  EXPECT_TRUE(get(put_folder({{"link", put_link("./a/b"), 10}}), "out").has_value());
}

TEST_F(Export, says_which_file_it_could_not_write) {
  make_file("dir/model", 7, 3 * kMiB);
  const ipld::Cid root = add("dir").cid;
  fs::remove(**store_->file_of(*store_->resolve(root, "model")));
  const Status done = get(root, "out");
  EXPECT_ERRC(done, Errc::corrupt);
  EXPECT_NE(done.error().message.find("out/model"), std::string::npos);
}

TEST_F(Export, stops_when_asked) {
  make_file("model", 8, 3 * kMiB);
  std::stop_source stop;
  stop.request_stop();
  EXPECT_ERRC(get(add("model").cid, "out", {.stop = stop.get_token()}), Errc::cancelled);
  EXPECT_FALSE(fs::exists(work("out")));
}

TEST_F(Export, needs_the_parent_folder) {
  EXPECT_ERRC(get(put_raw("x"), "no/such/place"), Errc::not_found);
}

// Kubo's sharded folder of gateway-conformance, whose 1000 files lie in one block each.
class ShardedFolder : public Reading {
 protected:
  void SetUp() override {
    Reading::SetUp();
    const auto car = read_file(ACCEL_TEST_DATA "/ipld/car/hamt-single-layer.car", kMiB);
    ASSERT_TRUE(car.has_value()) << "Run from the project's root.";
    ipld::CarReader reader;
    reader.feed(*car);
    reader.finish();
    Store::BlockList blocks;
    for (auto block = reader.next(); block && *block; block = reader.next()) {
      blocks.emplace_back((*block)->cid, (*block)->data);
    }
    ASSERT_TRUE(store_->put_all(blocks).has_value());
    root_ = reader.header().value().value().roots.front();
  }
  ipld::Cid root_;
};

TEST_F(ShardedFolder, is_listed_by_name) {
  const auto entries = store_->list(root_);
  ASSERT_TRUE(entries.has_value()) << entries.error().to_string();
  ASSERT_EQ(entries->size(), 1000U);
  EXPECT_TRUE(std::ranges::is_sorted(*entries, {}, &DirEntry::name));
  EXPECT_EQ(entries->front().name, "1.txt");
}

TEST_F(ShardedFolder, hands_out_its_entries_one_by_one) {
  std::size_t count = 0;
  const auto three = [&](const ipld::DirectoryEntry&) -> Status {
    if (++count == 3) return fail(Errc::cancelled, "Enough.");
    return {};
  };
  EXPECT_ERRC(store_->each_entry(root_, three), Errc::cancelled);
  EXPECT_EQ(count, 3U);
}

TEST_F(ShardedFolder, paths_lead_through_it) {
  const auto found = store_->resolve(root_, "470.txt");
  ASSERT_TRUE(found.has_value()) << found.error().to_string();
  const auto listed = store_->list(root_);
  ASSERT_TRUE(listed.has_value());
  EXPECT_EQ(std::ranges::find(*listed, "470.txt", &DirEntry::name)->cid, *found);
  EXPECT_ERRC(store_->resolve(root_, "1001.txt"), Errc::not_found);
  const ipld::Cid outer = put_folder({{"sharded", root_, 0}});
  EXPECT_EQ(store_->resolve(outer, "sharded/470.txt"), *found);
}

TEST_F(ShardedFolder, is_a_folder_where_a_file_is_meant) {
  EXPECT_ERRC(store_->file_size(root_), Errc::invalid_argument);
}

TEST_F(ShardedFolder, is_written_out_whole) {
  ASSERT_TRUE(get(root_, "out").has_value());
  EXPECT_EQ(regular_files(work("out")).size(), 1000U);
  EXPECT_EQ(read_bytes(work("out/470.txt")), cat(*store_->resolve(root_, "470.txt")));
}

TEST_F(ShardedFolder, that_lacks_a_file_is_not_written_in_part) {
  const auto slot = *ipld::hamt_slot(ipld::murmur3_x64_64(as_bytes("a")), 256, 0);
  ipld::HamtShard shard{256, {{slot, false, {"a", raw_cid(as_bytes("absent")), 6}}}};
  const Bytes block = ipld::encode_hamt_shard(shard);
  const ipld::Cid root = ipld::Cid::v1(ipld::Codec::dag_pb, ipld::sha2_256(block));
  ASSERT_TRUE(store_->put(root, block).has_value());
  EXPECT_ERRC(get(root, "out"), Errc::not_found);
  EXPECT_FALSE(fs::exists(work("out")));
}

}  // namespace
}  // namespace accel::blockstore::test
