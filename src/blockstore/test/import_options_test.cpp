// SPDX-License-Identifier: Apache-2.0
// Each option of add by itself, and what comes out again. That the CIDs are those of others is
// test/interop/importer's; here: the options reach the blocks, and every file reads back.
#include <algorithm>

#include "accel/ipld/chunker.hpp"
#include "accel/ipld/folder.hpp"
#include "store_fixture.hpp"

namespace accel::blockstore::test {
namespace {

class ImportOptions : public StoreTest {
 protected:
  ipld::NodeView view_of(const ipld::Cid& cid) {
    block_ = store_->get(cid).value();
    return ipld::decode_node(cid, block_).value();
  }
  Status get(const ipld::Cid& cid, const std::string& out) {
    return store_->export_to(cid, work(out), {});
  }
  static struct stat stat_of(const fs::path& path) {
    struct stat info{};
    EXPECT_EQ(::lstat(path.c_str(), &info), 0) << path;
    return info;
  }
  static void set_time(const fs::path& path, std::int64_t seconds, long nanoseconds) {
    const timespec times[2] = {{seconds, nanoseconds}, {seconds, nanoseconds}};
    ASSERT_EQ(::utimensat(AT_FDCWD, path.c_str(), times, AT_SYMLINK_NOFOLLOW), 0);
  }
  ipld::Cid put_pb(const ipld::UnixFsNode& node, std::vector<ipld::PbLink> links) {
    const Bytes block = ipld::encode_pb({std::move(links), ipld::encode_unixfs(node)});
    const ipld::Cid cid = ipld::Cid::v1(ipld::Codec::dag_pb, ipld::sha2_256(block));
    EXPECT_TRUE(store_->put(cid, block).has_value());
    return cid;
  }
  static ipld::Cid inlined(ipld::Codec codec, ByteView block) {
    return ipld::Cid::v1(codec, *ipld::Multihash::wrap(ipld::HashCode::identity, block));
  }

  Bytes block_;
};

TEST_F(ImportOptions, a_folder_above_the_threshold_is_sharded_and_comes_back_whole) {
  for (int i = 0; i < 300; ++i) {
    write_bytes(work(fmt::format("many/{}.txt", i)), as_bytes(fmt::format("{}", i)));
  }
  AddOptions how;
  how.profile.hamt_threshold = 4096;
  const ipld::Cid root = add("many", how).cid;
  EXPECT_EQ(view_of(root).kind, ipld::NodeKind::hamt);
  EXPECT_EQ(gc().blocks_freed, 0U);
  ASSERT_TRUE(get(root, "out").has_value());
  EXPECT_EQ(regular_files(work("out")).size(), 300U);
  EXPECT_EQ(as_text(read_bytes(work("out/77.txt"))), "77");
  how.only_hash = true;
  EXPECT_EQ(add("many", how).cid, root);
  expect_sound();
  ASSERT_TRUE(store_->unpin(root).has_value());
  gc();
  EXPECT_EQ(store_->has(root), false);
}

TEST_F(ImportOptions, every_shape_of_file_reads_back) {
  const Bytes bytes = make_file("file", 1, 300'000);
  const auto shaped = [](auto change) {
    AddOptions how;
    change(how.profile);
    return how;
  };
  using Profile = ipld::ImportProfile;
  const AddOptions cases[] = {
      shaped([](Profile& profile) { profile = {.cid_version = 0, .chunk_size = 99'999}; }),
      shaped([](Profile& profile) { profile.raw_leaves = false; }),
      shaped([](Profile& profile) { profile.chunk_size = 1000; }),
      shaped([](Profile& profile) { profile.chunk_size = ipld::kMaxChunkBytes; }),
      shaped([](Profile& profile) { profile = {.chunk_size = 1000, .max_links = 3}; }),
      shaped([](Profile& profile) { profile.hash = ipld::HashCode::sha2_512; }),
      shaped([](Profile& profile) {
        profile = {.hash = ipld::HashCode::sha2_512, .raw_leaves = false, .chunk_size = 4096};
      }),
  };
  std::vector<ipld::Cid> roots;
  for (const AddOptions& how : cases) {
    const ipld::Cid root = add("file", how).cid;
    EXPECT_EQ(std::ranges::count(roots, root), 0);
    roots.push_back(root);
    EXPECT_EQ(cat(root), bytes);
    EXPECT_EQ(root.hash().code(), how.profile.hash);
  }
  EXPECT_EQ(roots[0].version(), 0);
  expect_sound();
}

// Minted by Kubo 0.43.1: ipfs add --only-hash --cid-version=1 --chunker size-1000 --hash NAME.
TEST_F(ImportOptions, every_hash_function_gives_the_cid_of_kubo) {
  Bytes bytes(300'000);
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(i % 251);
  write_bytes(work("file"), bytes);
  const std::pair<ipld::HashCode, std::string_view> cases[] = {
      {ipld::HashCode::blake3, "bafyb4idqjzbgcmckvmtee7w6jrqoqymrloi2zsz7a2sld55lnc67eopkgu"},
      {ipld::HashCode::blake2b_256,
       "bafykbzacecbiwsuiwfvfeiodniw5m4uf6nrndhgz3nilppvg7atapjplh554k"},
      {ipld::HashCode::sha2_512,
       "bafybgqbwrj5uxu4d365udu5syywhbwa5hxoifof7zgh4ncx6v4q64bnlrt2ahabcsxns6szj7xlors2zphdjx6ae"
       "jfvhhgfnip6bog7kbew5e"},
  };
  for (const auto& [code, cid] : cases) {
    AddOptions how;
    how.profile.hash = code;
    how.profile.chunk_size = 1000;
    how.profile.max_links = 174;
    EXPECT_EQ(add("file", how).cid.to_string(), cid);
  }
  expect_sound();
}

// Longer than what is read at once: no cut depends on where a read ends.
TEST_F(ImportOptions, cuts_by_content_do_not_depend_on_how_the_file_is_read) {
  const Bytes bytes = make_file("file", 1, 20'000'003);
  for (const char* const chunker : {"buzhash", "rabin", "rabin-1000-100000-2000000"}) {
    AddOptions how;
    ASSERT_TRUE(ipld::set_chunker(how.profile, chunker).has_value());
    const auto ignore = [](const ipld::Cid&, ByteView) -> Status { return {}; };
    const auto layout = ipld::make_layout(how.profile, ignore);
    for (ByteView rest = bytes; !rest.empty();) {
      const ByteView leaf = rest.first(ipld::next_leaf_bytes(how.profile, rest));
      ASSERT_TRUE(layout->add_leaf(ipld::make_leaf(how.profile, leaf)).has_value());
      rest = rest.subspan(leaf.size());
    }
    const ipld::Cid root = add("file", how).cid;
    EXPECT_EQ(root, layout->finish({})->root) << chunker;
    EXPECT_EQ(cat(root), bytes);
  }
  expect_sound();
}

TEST_F(ImportOptions, what_no_reader_takes_is_refused) {
  make_file("file", 1, 10);
  const auto error = [&](auto change) {
    AddOptions how;
    change(how.profile);
    const auto added = store_->add(work("file"), how);
    return added ? Errc::internal : added.error().code;
  };
  EXPECT_EQ(error([](auto& p) { p.chunk_size = 0; }), Errc::invalid_argument);
  EXPECT_EQ(error([](auto& p) { p.chunk_size = 2U << 20U; }), Errc::invalid_argument);
  EXPECT_EQ(error([](auto& p) { p.max_links = 1; }), Errc::invalid_argument);
  EXPECT_EQ(error([](auto& p) { p.max_links = 100'000; }), Errc::invalid_argument);
  EXPECT_EQ(error([](auto& p) { p.hamt_fanout = 1U << 30U; }), Errc::invalid_argument);
  EXPECT_EQ(error([](auto& p) { p.cid_version = 2; }), Errc::invalid_argument);
  EXPECT_EQ(error([](auto& p) { p.hash = ipld::HashCode::identity; }), Errc::unsupported);
  EXPECT_EQ(error([](auto& p) {
              p.hash = ipld::HashCode::sha2_512;
              p.cid_version = 0;
            }),
            Errc::invalid_argument);
}

TEST_F(ImportOptions, wrapping_puts_it_into_a_folder_under_its_name) {
  make_file("model", 1, 100);
  AddOptions how;
  const ipld::Cid bare = add("model", how).cid;
  how.wrap = true;
  const ipld::Cid root = add("model", how).cid;
  EXPECT_EQ(store_->resolve(root, "model"), bare);
  EXPECT_EQ(store_->list(root)->size(), 1U);
  write_bytes(work("folder/a"), as_bytes("a"));
  EXPECT_TRUE(store_->resolve(add("folder", how).cid, "folder/a").has_value());
  EXPECT_ERRC(store_->add("/", how), Errc::invalid_argument);
}

TEST_F(ImportOptions, mode_and_time_go_in_and_come_out_again) {
  write_bytes(work("tree/small"), as_bytes("small"));
  const Bytes large = make_file("tree/sub/large", 1, 2 * kMiB + 5);
  fs::create_symlink("small", work("tree/link"));
  ::chmod(work("tree/small").c_str(), 0751);
  ::chmod(work("tree/sub/large").c_str(), 0400);
  set_time(work("tree/small"), 1'000'000'000, 123);
  set_time(work("tree/sub/large"), -5, 0);
  set_time(work("tree/link"), 77, 0);
  set_time(work("tree/sub"), 88, 0);
  ::chmod(work("tree/sub").c_str(), 0555);
  AddOptions how;
  how.preserve_mode = how.preserve_mtime = true;
  const ipld::Cid root = add("tree", how).cid;
  ::chmod(work("tree/sub").c_str(), 0755);

  const ipld::UnixFsMeta small = view_of(*store_->resolve(root, "small")).meta;
  EXPECT_EQ(small.mode, 0751U);
  EXPECT_EQ(small.mtime, (ipld::UnixFsTime{1'000'000'000, 123}));
  EXPECT_EQ(view_of(*store_->resolve(root, "link")).meta.mode, std::nullopt);
  ASSERT_TRUE(get(root, "out").has_value());
  EXPECT_EQ(stat_of(work("out/small")).st_mode & 07777U, 0751U);
  EXPECT_EQ(stat_of(work("out/small")).st_mtim.tv_sec, 1'000'000'000);
  EXPECT_EQ(stat_of(work("out/small")).st_mtim.tv_nsec, 123);
  EXPECT_EQ(stat_of(work("out/sub/large")).st_mode & 07777U, 0400U);
  EXPECT_EQ(stat_of(work("out/sub/large")).st_mtim.tv_sec, -5);
  EXPECT_EQ(stat_of(work("out/link")).st_mtim.tv_sec, 77);
  EXPECT_EQ(stat_of(work("out/sub")).st_mtim.tv_sec, 88);
  EXPECT_EQ(stat_of(work("out/sub")).st_mode & 07777U, 0555U);
  EXPECT_EQ(cat(*store_->resolve(root, "sub/large")), large);
  EXPECT_TRUE(store_->ensure_file(*store_->resolve(root, "small")).has_value());
  expect_sound();
  ::chmod(work("out/sub").c_str(), 0755);
}

TEST_F(ImportOptions, a_given_mode_and_time_hold_for_everything) {
  write_bytes(work("tree/a"), as_bytes("a"));
  ::chmod(work("tree/a").c_str(), 0600);
  AddOptions how;
  how.preserve_mode = how.preserve_mtime = how.wrap = true;
  how.meta = {0640, ipld::UnixFsTime{5, {}}};
  const ipld::Cid root = add("tree", how).cid;
  EXPECT_EQ(view_of(root).meta, how.meta);
  EXPECT_EQ(view_of(*store_->resolve(root, "tree")).meta, how.meta);
  EXPECT_EQ(view_of(*store_->resolve(root, "tree/a")).meta, how.meta);
}

TEST_F(ImportOptions, metadata_is_kept_with_references_and_of_empty_files_too) {
  make_file("folder/one", 1, 200'000);
  make_file("folder/two", 2, 2 * kMiB);
  make_file("folder/empty", 3, 0);
  AddOptions how;
  how.preserve_mode = how.reference = true;
  const ipld::Cid root = add("folder", how).cid;
  for (const std::string name : {"one", "two", "empty"}) {
    const ipld::Cid file = *store_->resolve(root, name);
    EXPECT_TRUE(view_of(file).meta.mode.has_value()) << name;
    EXPECT_EQ(cat(file), read_bytes(work("folder/" + name)));
  }
  expect_sound();
}

TEST_F(ImportOptions, get_gives_nobody_the_rights_of_another_user) {
  const ipld::Cid file = put_pb({.type = ipld::NodeType::file, .filesize = 0, .mode = 06755}, {});
  ASSERT_TRUE(get(file, "out").has_value());
  EXPECT_EQ(stat_of(work("out")).st_mode & 07777U, 0755U);
}

TEST_F(ImportOptions, a_get_that_fails_leaves_no_read_only_folder_behind) {
  const ipld::Cid inner =
      put_pb({.type = ipld::NodeType::directory, .mode = 0500}, {{raw_cid({}), "empty", 0}});
  ASSERT_TRUE(store_->put(raw_cid({}), {}).has_value());
  const ipld::Cid root = put_pb({.type = ipld::NodeType::directory},
                                {{inner, "a", 0}, {raw_cid(as_bytes("absent")), "b", 0}});
  EXPECT_ERRC(get(root, "out"), Errc::not_found);
  EXPECT_TRUE(fs::is_empty(work("")));
}

// Leaves of type raw, and file nodes below one another at all depths, as a trickle DAG has them.
TEST_F(ImportOptions, files_of_the_trickle_layout_are_read) {
  const auto leaf = [&](std::string_view text) {
    return put_pb({.type = ipld::NodeType::raw, .data = to_bytes(text), .filesize = text.size()},
                  {});
  };
  const ipld::Cid below =
      put_pb({.type = ipld::NodeType::file, .filesize = 4, .blocksizes = {2, 2}},
             {{leaf("ef"), "", 10}, {leaf("gh"), "", 10}});
  const ipld::Cid root =
      put_pb({.type = ipld::NodeType::file, .filesize = 8, .blocksizes = {2, 2, 4}},
             {{leaf("ab"), "", 10}, {leaf("cd"), "", 10}, {below, "", 30}});
  EXPECT_EQ(as_text(cat(root)), "abcdefgh");
  EXPECT_EQ(as_text(cat(root, 3, 3)), "def");
  ASSERT_TRUE(get(root, "out").has_value());
  EXPECT_EQ(as_text(read_bytes(work("out"))), "abcdefgh");
  ASSERT_TRUE(store_->pin(root, {}).has_value());
  const auto file = store_->ensure_file(root);
  ASSERT_TRUE(file.has_value()) << file.error().to_string();
  EXPECT_EQ(as_text(read_bytes(*file)), "abcdefgh");
  expect_sound();
}

TEST_F(ImportOptions, blocks_inside_their_cids_are_read) {
  const ipld::Cid head = inlined(ipld::Codec::raw, as_bytes("abc"));
  const ipld::Cid tail = raw_cid(as_bytes("defgh"));
  ASSERT_TRUE(store_->put(tail, as_bytes("defgh")).has_value());
  const ipld::UnixFsNode file{.type = ipld::NodeType::file, .filesize = 8, .blocksizes = {3, 5}};
  const Bytes node = ipld::encode_pb({{{head, "", 3}, {tail, "", 5}}, ipld::encode_unixfs(file)});
  const ipld::Cid root = inlined(ipld::Codec::dag_pb, node);
  EXPECT_EQ(as_text(cat(root)), "abcdefgh");
  const auto folder =
      ipld::build_directory(ipld::unixfs_v1_2025(), {{"file", root, node.size() + 8}});
  ASSERT_TRUE(store_->put(folder->cid, folder->block).has_value());
  EXPECT_EQ(store_->resolve(folder->cid, "file"), root);
  EXPECT_EQ(store_->list(folder->cid)->front().bytes, 8U);
  // What only a node inside its CID links to is kept all the same.
  ASSERT_TRUE(store_->pin(folder->cid, {}).has_value());
  EXPECT_EQ(gc().blocks_freed, 0U);
  ASSERT_TRUE(get(folder->cid, "out").has_value());
  EXPECT_EQ(as_text(read_bytes(work("out/file"))), "abcdefgh");
  const auto whole = store_->ensure_file(root);
  ASSERT_TRUE(whole.has_value()) << whole.error().to_string();
  EXPECT_EQ(as_text(read_bytes(*whole)), "abcdefgh");
  expect_sound();
}

}  // namespace
}  // namespace accel::blockstore::test
