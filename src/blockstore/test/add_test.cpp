// SPDX-License-Identifier: Apache-2.0
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>

#include "accel/crypto/sha256.hpp"
#include "block_reader.hpp"
#include "store_fixture.hpp"
#include "tables.hpp"

namespace accel::blockstore::test {
namespace {

class Add : public StoreTest {
 protected:
  std::string cid_of(const std::string& name, const ipld::ImportProfile& profile) {
    AddOptions how;
    how.profile = profile;
    return add(name, how).cid.to_string();
  }
};

// The concatenation of sha256(le64(i)), as the table below describes it.
Bytes stream(std::size_t size) {
  Bytes bytes;
  for (std::uint64_t i = 0; bytes.size() < size; ++i) {
    std::uint8_t counter[8];
    for (int k = 0; k < 8; ++k) counter[k] = static_cast<std::uint8_t>(i >> (8 * k));
    const auto digest = crypto::sha256(counter);
    bytes.insert(bytes.end(), digest.begin(), digest.end());
  }
  bytes.resize(size);
  return bytes;
}

// CIDs that Kubo 0.43.1 gives (`ipfs add -Q --only-hash`), from the project's table kubo_cids.json.
TEST_F(Add, gives_the_cids_of_kubo) {
  struct Case {
    const char* name;
    Bytes bytes;
    const char* v1;
    const char* v0;
  };
  const Case cases[] = {
      {"empty",
       {},
       "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku",
       "QmbFMke1KXqnYyBBWxB74N4c5SBnJMVAiMNRcGu6x1AwQH"},
      {"zeros_262145", Bytes(262145), "bafkreifspibstbhkrjv6y4amhvxwh6h47p4p7dxyp2lsrep63jhousvnbq",
       "QmbVuw4C4vcmVKqxoWtgDVobvcHrSn51qsmQmyxjk4sB2Q"},
      {"zeros_1048576", Bytes(kMiB), "bafkreibq4fevl27rgurgnxbp7adh42aqiyd6ouflxhj3gzmcxcxzbh6lla",
       "QmVkbauSDEaMP4Tkq6Epm9uW75mWm136n81YH8fGtfwdHU"},
      {"stream_10MiB", stream(10 * kMiB),
       "bafybeif2dcr7txefmj45cywcubxx254j27asofqeyolpkvehyeps66e6rq",
       "QmcUvM9HfQzEsZzuTFjW8BbjbwP2Kb4wCemcQDoGEwJAwh"}};
  for (const Case& c : cases) {
    write_bytes(work(c.name), c.bytes);
    EXPECT_EQ(cid_of(c.name, ipld::unixfs_v1_2025()), c.v1) << c.name;
    EXPECT_EQ(cid_of(c.name, ipld::unixfs_v0_2015()), c.v0) << c.name;
  }
  expect_sound();
}

TEST_F(Add, gives_the_cids_of_kubo_for_a_folder) {
  write_bytes(work("dir3/a.txt"), as_bytes("hello\n"));
  write_bytes(work("dir3/sub/b.txt"), as_bytes("world\n"));
  write_bytes(work("dir3/sub/deep/c.bin"), stream(2 * kMiB));
  EXPECT_EQ(cid_of("dir3", ipld::unixfs_v1_2025()),
            "bafybeifkram4lkxcttm35cznqjl5ybhehtwsp76bcbnmppuwybom532bzm");
  EXPECT_EQ(cid_of("dir3", ipld::unixfs_v0_2015()),
            "QmadUqiSyhs8o7Zf2x8SFTCpBv9yuFs1KrgMEgc8yX4cek");
  expect_sound();
}

TEST_F(Add, keeps_a_large_file_once_as_a_read_only_file) {
  const Bytes bytes = make_file("model", 1, 5 * kMiB + 123);
  const AddedRoot added = add("model");
  EXPECT_EQ(added.bytes, bytes.size());
  EXPECT_EQ(added.files, 1U);
  const auto path = store_->file_of(added.cid);
  ASSERT_TRUE(path.has_value() && path->has_value());
  EXPECT_EQ(read_bytes(**path), bytes);
  struct stat info{};
  ASSERT_EQ(::stat((**path).c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777U, 0444U);
  EXPECT_EQ(cat(added.cid), bytes);
  expect_sound();
}

TEST_F(Add, makes_each_leaf_a_slice_that_can_be_sent) {
  const Bytes bytes = make_file("model", 2, 3 * kMiB + 5);
  const AddedRoot added = add("model");
  const FileDag dag = make_dag(ipld::unixfs_v1_2025(), bytes);
  ASSERT_EQ(dag.root, added.cid);
  for (std::size_t i = 0; i < dag.slots.size(); ++i) {
    const auto place = store_->locate(dag.slots[i].cid);
    ASSERT_TRUE(place.has_value()) << place.error().to_string();
    EXPECT_EQ(place->offset, dag.slots[i].offset);
    EXPECT_EQ(place->length, dag.slots[i].length);
    EXPECT_EQ(*store_->get(dag.slots[i].cid), dag.leaves[i]);
  }
}

TEST_F(Add, rebuilds_wrapped_leaves) {
  const Bytes bytes = make_file("model", 3, 700'000);
  AddOptions how;
  how.profile = ipld::unixfs_v0_2015();
  const AddedRoot added = add("model", how);
  const FileDag dag = make_dag(how.profile, bytes);
  ASSERT_EQ(dag.root, added.cid);
  for (std::size_t i = 0; i < dag.slots.size(); ++i) {
    EXPECT_EQ(*store_->get(dag.slots[i].cid), dag.leaves[i]);
    EXPECT_EQ(*store_->size_of(dag.slots[i].cid), dag.leaves[i].size());
    EXPECT_ERRC(store_->locate(dag.slots[i].cid), Errc::unsupported);
  }
  EXPECT_EQ(cat(added.cid), bytes);
}

TEST_F(Add, pins_its_root_under_the_name_of_the_file) {
  make_file("model", 4, 2 * kMiB);
  const AddedRoot added = add("model");
  const auto pins = store_->pins();
  ASSERT_EQ(pins->size(), 1U);
  EXPECT_EQ(pins->front().cid, added.cid);
  EXPECT_EQ(pins->front().name, "model");
  EXPECT_GE(pins->front().bytes, 2 * kMiB);
  EXPECT_FALSE(pins->front().is_private);
}

TEST_F(Add, only_hash_stores_nothing) {
  const Bytes bytes = make_file("dir/model", 5, 3 * kMiB);
  const AddedRoot added = add("dir", {.only_hash = true});
  EXPECT_FALSE(*store_->has(added.cid));
  EXPECT_TRUE(regular_files(home() / "files").empty());
  EXPECT_TRUE(store_->pins()->empty());
  EXPECT_EQ(add("dir").cid, added.cid);
}

TEST_F(Add, stores_equal_files_once) {
  make_file("one", 6, 3 * kMiB);
  make_file("two", 6, 3 * kMiB);
  const AddedRoot one = add("one");
  const AddedRoot two = add("two");
  EXPECT_EQ(one.cid, two.cid);
  EXPECT_EQ(regular_files(home() / "files").size(), 1U);
  EXPECT_EQ(store_->pins()->size(), 1U);
  make_file("dir/a", 6, 3 * kMiB);
  make_file("dir/b", 6, 3 * kMiB);
  add("dir");
  EXPECT_EQ(regular_files(home() / "files").size(), 1U);
  expect_sound();
}

TEST_F(Add, mends_a_damaged_file_when_it_is_added_again) {
  const Bytes bytes = make_file("model", 7, 3 * kMiB);
  const AddedRoot added = add("model");
  flip_byte(**store_->file_of(added.cid), 5);
  EXPECT_FALSE(store_->file_of(added.cid)->has_value());  // Its stat tells.
  EXPECT_EQ(store_->verify({})->bad_total, 1U);
  EXPECT_EQ(add("model").cid, added.cid);
  EXPECT_EQ(cat(added.cid), bytes);
  EXPECT_EQ(regular_files(home() / "files").size(), 1U);
  expect_sound();
}

// The inode of the download becomes that of the stored file: nothing is copied.
TEST_F(Add, takes_over_a_file_of_the_caller_without_a_copy) {
  write_bytes(work("mine/large"), random_bytes(61, 3 * kMiB));
  write_bytes(work("mine/small"), random_bytes(62, 100));
  struct stat before{};
  ASSERT_EQ(::stat(work("mine/large").c_str(), &before), 0);
  AddOptions options;
  options.take_over = true;
  const auto added = store_->add(work("mine"), options);
  ASSERT_TRUE(added.has_value()) << added.error().to_string();
  fs::remove_all(work("mine"));
  const auto file = store_->resolve(added->cid, "large");
  const auto path = store_->file_of(*file);
  ASSERT_TRUE(path && *path);
  struct stat after{};
  ASSERT_EQ(::stat((*path)->c_str(), &after), 0);
  EXPECT_EQ(after.st_ino, before.st_ino);
  EXPECT_EQ(cat(*file), random_bytes(61, 3 * kMiB));
  expect_sound();
}

TEST_F(Add, leaves_no_temporary_behind) {
  make_file("model", 8, 3 * kMiB);
  add("model");
  EXPECT_TRUE(fs::is_empty(home() / "tmp"));
  AddOptions stopped;
  std::stop_source stop;
  stopped.stop = stop.get_token();
  stop.request_stop();
  make_file("other", 9, 3 * kMiB);
  EXPECT_ERRC(store_->add(work("other"), stopped), Errc::cancelled);
  EXPECT_TRUE(fs::is_empty(home() / "tmp"));
  EXPECT_EQ(regular_files(home() / "files").size(), 1U);
}

TEST_F(Add, tells_its_progress_up_to_the_end) {
  make_file("dir/a", 10, 20 * kMiB);
  make_file("dir/b", 11, 1000);
  std::vector<AddProgress> told;
  AddOptions how;
  how.on_progress = [&](const AddProgress& progress) { told.push_back(progress); };
  add("dir", how);
  ASSERT_GE(told.size(), 3U);
  for (const AddProgress& progress : told) EXPECT_EQ(progress.bytes_total, 20 * kMiB + 1000);
  EXPECT_EQ(told.back().bytes_done, 20 * kMiB + 1000);
  EXPECT_TRUE(std::is_sorted(told.begin(), told.end(), [](const auto& a, const auto& b) {
    return a.bytes_done < b.bytes_done;
  }));
}

TEST_F(Add, leaves_hidden_files_out_of_folders_unless_asked) {
  write_bytes(work("dir/a"), as_bytes("a"));
  write_bytes(work("dir/.secret"), as_bytes("s"));
  write_bytes(work("dir/.git/config"), as_bytes("c"));
  const AddedRoot plain = add("dir");
  EXPECT_EQ(store_->list(plain.cid)->size(), 1U);
  const AddedRoot all = add("dir", {.hidden = true});
  EXPECT_EQ(store_->list(all.cid)->size(), 3U);
  EXPECT_EQ(add("dir/.secret").bytes, 1U);  // Named by the user.
}

TEST_F(Add, keeps_symbolic_links_as_links) {
  write_bytes(work("dir/a"), as_bytes("a"));
  fs::create_symlink("a", work("dir/link"));
  fs::create_symlink("/nowhere", work("dir/dangling"));
  const AddedRoot added = add("dir");
  const auto entries = store_->list(added.cid);
  ASSERT_EQ(entries->size(), 3U);
  EXPECT_EQ((*entries)[1].name, "dangling");
  EXPECT_EQ((*entries)[1].kind, ipld::NodeKind::symlink);
  EXPECT_EQ((*entries)[2].kind, ipld::NodeKind::symlink);
  EXPECT_EQ(added.files, 1U);
}

// As a Hugging Face cache: snapshots/<rev>/<file> -> ../../blobs/<hash>.
TEST_F(Add, follows_links_when_asked_and_counts_those_that_lead_out) {
  write_bytes(work("blobs/weights"), random_bytes(60, 3 * kMiB));
  write_bytes(work("plain/model.bin"), random_bytes(60, 3 * kMiB));
  fs::create_directories(work("snap"));
  fs::create_symlink("../blobs/weights", work("snap/model.bin"));
  EXPECT_EQ(add("snap").links_out, 1U);
  AddOptions follow;
  follow.dereference = true;
  const AddedRoot followed = add("snap", follow);
  EXPECT_EQ(followed.links_out, 0U);
  EXPECT_EQ(followed.cid, add("plain").cid);
  follow.reference = true;
  EXPECT_EQ(add("snap", follow).cid, followed.cid);
  fs::create_symlink("nowhere", work("snap/dangling"));
  EXPECT_EQ(store_->add(work("snap"), follow).error().code, Errc::not_found);
  fs::remove(work("snap/dangling"));
  fs::create_symlink("../snap", work("snap/itself"));
  EXPECT_EQ(store_->add(work("snap"), follow).error().code, Errc::unsupported);
}

TEST_F(Add, refuses_pipes_and_sockets_by_name_before_it_copies) {
  make_file("dir/big", 12, 3 * kMiB);
  ASSERT_EQ(::mkfifo(work("dir/queue").c_str(), 0600), 0);
  const auto piped = store_->add(work("dir"), {});
  EXPECT_ERRC(piped, Errc::unsupported);
  EXPECT_NE(piped.error().message.find("dir/queue is a pipe"), std::string::npos);
  fs::remove(work("dir/queue"));
  const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = work("dir/sock").string();
  ASSERT_LT(path.size(), sizeof(address.sun_path));
  std::copy(path.begin(), path.end(), address.sun_path);
  ASSERT_EQ(::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  ::close(fd);
  EXPECT_ERRC(store_->add(work("dir"), {}), Errc::unsupported);
  EXPECT_TRUE(regular_files(home() / "files").empty());
}

TEST_F(Add, says_what_is_missing) {
  const auto added = store_->add(work("nothing"), {});
  EXPECT_ERRC(added, Errc::not_found);
  EXPECT_NE(added.error().message.find("work/nothing"), std::string::npos);
}

TEST_F(Add, refuses_the_store_itself) {
  EXPECT_ERRC(store_->add(dir_.path(), {}), Errc::invalid_argument);
}

TEST_F(Add, takes_a_folder_with_a_slash_at_its_end) {
  write_bytes(work("dir/a"), as_bytes("a"));
  const AddedRoot plain = add("dir");
  EXPECT_EQ(store_->add(work("dir").string() + "/", {})->cid, plain.cid);
  EXPECT_EQ(store_->pins()->front().name, "dir");
}

TEST_F(Add, notices_a_file_that_changes_meanwhile) {
  make_file("log", 13, 40 * kMiB);
  AddOptions how;
  how.on_progress = [&](const AddProgress& progress) {
    if (progress.bytes_done < 20 * kMiB) write_bytes(work("log"), as_bytes("changed"));
  };
  const auto added = store_->add(work("log"), how);
  EXPECT_ERRC(added, Errc::unavailable);
  EXPECT_NE(added.error().message.find("log changed while"), std::string::npos);
  EXPECT_TRUE(store_->pins()->empty());
  expect_sound();
}

// Of all lengths around what goes to a pack, what fills a leaf, and what fills the lanes alone.
constexpr std::size_t kSizes[] = {0,        100,      64U << 10U, (64U << 10U) + 1, 70'000,
                                  kMiB,     kMiB,     kMiB + 1,   3 * kMiB - 5,     16 * kMiB,
                                  300'000U, 300'000U, 21 * kMiB};

TEST_F(Add, gives_files_that_are_hashed_side_by_side_the_cids_that_they_have_alone) {
  std::vector<Bytes> files;
  for (const std::size_t size : kSizes) {
    files.push_back(make_file(fmt::format("dir/{:02}", files.size()), size, size));
  }
  std::vector<ipld::ImportProfile> profiles{ipld::unixfs_v1_2025(), ipld::unixfs_v0_2015()};
  profiles.push_back(ipld::unixfs_v1_2025());
  profiles.back().hash = ipld::HashCode::sha2_512;
  for (const ipld::ImportProfile& profile : profiles) {
    for (const bool reference : {true, false}) {
      AddOptions how;
      how.profile = profile;
      how.reference = reference;
      const AddedRoot added = add("dir", how);
      EXPECT_EQ(added.files, files.size());
      for (std::size_t i = 0; i < files.size(); ++i) {
        const auto file = store_->resolve(added.cid, fmt::format("{:02}", i));
        ASSERT_TRUE(file.has_value()) << file.error().to_string();
        EXPECT_EQ(*file, make_dag(profile, files[i]).root) << i;
        EXPECT_EQ(cat(*file), files[i]) << i;
      }
    }
  }
  expect_sound();
  EXPECT_TRUE(fs::is_empty(home() / "tmp"));
}

TEST_F(Add, of_a_folder_with_more_files_than_a_window_keeps_each_in_its_place) {
  for (int i = 0; i < 600; ++i) {
    write_bytes(work(fmt::format("dir/{:03}", i)), random_bytes(1 + i % 300, 66'000));
  }
  const AddedRoot added = add("dir");
  EXPECT_EQ(added.files, 600U);
  for (const int i : {0, 1, 299, 300, 511, 512, 599}) {
    EXPECT_EQ(cat(*store_->resolve(added.cid, fmt::format("{:03}", i))),
              random_bytes(1 + i % 300, 66'000));
  }
  EXPECT_EQ(regular_files(home() / "files").size(), 300U);
  EXPECT_TRUE(fs::is_empty(home() / "tmp"));
}

TEST_F(Add, notices_that_one_of_many_files_changes) {
  for (int i = 0; i < 40; ++i) make_file(fmt::format("dir/{:02}", i), 1 + i, kMiB);
  for (const Bytes& now : {Bytes{}, random_bytes(99, kMiB)}) {
    make_file("dir/39", 40, kMiB);
    AddOptions how;
    how.on_progress = [&](const AddProgress& progress) {
      if (progress.bytes_done < 16 * kMiB) write_bytes(work("dir/39"), now);
    };
    const auto added = store_->add(work("dir"), how);
    if (added) {  // It had changed before it was looked at.
      EXPECT_EQ(cat(*store_->resolve(added->cid, "39")), now);
      continue;
    }
    EXPECT_EQ(added.error().code, Errc::unavailable);
    EXPECT_NE(added.error().message.find("39 changed while"), std::string::npos);
    EXPECT_TRUE(store_->pins()->empty());
  }
  expect_sound();
}

TEST_F(Add, of_a_folder_stops_on_request) {
  for (int i = 0; i < 40; ++i) make_file(fmt::format("dir/{:02}", i), 1 + i, kMiB);
  std::stop_source stop;
  AddOptions how;
  how.stop = stop.get_token();
  how.on_progress = [&](const AddProgress&) { stop.request_stop(); };
  EXPECT_ERRC(store_->add(work("dir"), how), Errc::cancelled);
  EXPECT_TRUE(fs::is_empty(home() / "tmp"));
  EXPECT_TRUE(store_->pins()->empty());
}

TEST_F(Add, of_many_small_files_makes_no_file_of_its_own) {
  for (int i = 0; i < 200; ++i) write_bytes(work(fmt::format("dir/{}", i)), random_bytes(20, 500));
  write_bytes(work("dir/other"), random_bytes(21, 60'000));
  const AddedRoot added = add("dir");
  EXPECT_EQ(added.files, 201U);
  EXPECT_TRUE(regular_files(home() / "files").empty());
  EXPECT_EQ(cat(*store_->resolve(added.cid, "other")), random_bytes(21, 60'000));
  EXPECT_LT(fs::file_size(only_pack()), 120'000U);  // Equal ones lie there once.
}

class Reference : public Add {
 protected:
  void SetUp() override {
    Add::SetUp();
    bytes_ = make_file("mine/model", 30, 3 * kMiB + 17);
    added_ = add("mine/model", {.reference = true});
    leaf_ = make_dag(ipld::unixfs_v1_2025(), bytes_).slots[1].cid;
  }
  void expect_refused(Errc errc) {
    for (const Status& done :
         {Status(store_->get(leaf_).map([](const Bytes&) {})),
          Status(store_->file_of(added_.cid).map([](const auto&) {})),
          store_->read(added_.cid, 0, UINT64_MAX, [](ByteView) -> Status { return {}; })}) {
      EXPECT_ERRC(done, errc);
      EXPECT_NE(done.error().message.find("mine/model"), std::string::npos) << done.error().message;
    }
  }
  // Makes the index believe that the file is as it was.
  void forge_stamp() {
    const auto index = Index::open({home() / "index", kMiB, false});
    ASSERT_TRUE(index.has_value());
    const auto fd = open_file(work("mine/model"), O_RDONLY);
    const auto stamp = stamp_of(fd->get());
    const Status forged = (*index)->write([&](Txn& txn) -> Status {
      ACCEL_TRY(auto files, files_of_root(txn, added_.cid));
      files.at(0).record.stamp = *stamp;
      return txn.put(Table::files, encode_u64(files[0].id), encode(files[0].record));
    });
    ASSERT_TRUE(forged.has_value());
  }
  Bytes bytes_;
  AddedRoot added_;
  ipld::Cid leaf_;
};

TEST_F(Reference, leaves_the_file_where_it_is) {
  EXPECT_TRUE(regular_files(home() / "files").empty());
  EXPECT_EQ(**store_->file_of(added_.cid), work("mine/model"));
  EXPECT_EQ(cat(added_.cid), bytes_);
  EXPECT_ERRC(store_->locate(leaf_), Errc::unsupported);  // Hashed before it leaves.
  EXPECT_EQ(store_->usage()->referenced_bytes, bytes_.size());
  expect_sound();
}

TEST_F(Reference, of_a_changed_file_is_corrupt_and_names_it) {
  flip_byte(work("mine/model"), kMiB + 3);
  expect_refused(Errc::corrupt);
  EXPECT_GT(store_->verify({})->bad_total, 0U);
}

TEST_F(Reference, is_hashed_even_when_its_stat_is_as_indexed) {
  flip_byte(work("mine/model"), kMiB + 3);
  store_.reset();
  forge_stamp();
  open();
  EXPECT_ERRC(store_->get(leaf_), Errc::corrupt);
  EXPECT_TRUE(store_->get(make_dag(ipld::unixfs_v1_2025(), bytes_).slots[0].cid).has_value());
}

TEST_F(Reference, of_a_cut_or_grown_file_is_corrupt) {
  fs::resize_file(work("mine/model"), 100);
  expect_refused(Errc::corrupt);
  fs::resize_file(work("mine/model"), bytes_.size() + 1);
  expect_refused(Errc::corrupt);
}

TEST_F(Reference, of_a_removed_file_is_unavailable_and_names_it) {
  fs::remove(work("mine/model"));
  expect_refused(Errc::unavailable);
}

TEST_F(Reference, is_mended_by_adding_again) {
  flip_byte(work("mine/model"), 3);
  const AddedRoot again = add("mine/model", {.reference = true});
  EXPECT_NE(again.cid, added_.cid);
  EXPECT_EQ(cat(again.cid), read_bytes(work("mine/model")));
}

TEST_F(Reference, becomes_a_copy_when_added_as_one) {
  add("mine/model");
  EXPECT_EQ(regular_files(home() / "files").size(), 1U);
  fs::remove(work("mine/model"));
  EXPECT_EQ(cat(added_.cid), bytes_);
  EXPECT_TRUE(store_->locate(leaf_).has_value());
}

TEST_F(Reference, is_never_touched_by_gc) {
  ASSERT_TRUE(store_->unpin(added_.cid).has_value());
  const GcReport report = gc();
  EXPECT_EQ(report.files_freed, 1U);
  EXPECT_LT(report.bytes_freed, 1000U);  // The node block in its pack.
  EXPECT_EQ(read_bytes(work("mine/model")), bytes_);
  EXPECT_FALSE(*store_->has(leaf_));
}

}  // namespace
}  // namespace accel::blockstore::test
