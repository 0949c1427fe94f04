// SPDX-License-Identifier: Apache-2.0
#include "pack_format.hpp"

#include "locks.hpp"
#include "pack_writer.hpp"
#include "store_fixture.hpp"
#include "tables.hpp"

namespace accel::blockstore::test {
namespace {

TEST(PackFormat, records_read_back_one_after_the_other) {
  Bytes pack;
  const std::vector<Bytes> blocks = {to_bytes("one"), {}, random_bytes(1, 5000)};
  for (const Bytes& block : blocks) append_record(pack, ipld::sha2_256(block), block);
  ByteView rest = pack;
  for (const Bytes& block : blocks) {
    const auto record = parse_record(rest);
    ASSERT_TRUE(record.has_value()) << record.error().message;
    EXPECT_EQ(record->hash, ipld::sha2_256(block));
    EXPECT_EQ(to_bytes(record->data), block);
    rest = rest.subspan(record->header_bytes + record->data_bytes);
  }
  EXPECT_TRUE(rest.empty());
}

TEST(PackFormat, a_record_may_be_read_without_its_data) {
  Bytes pack;
  const Bytes block = random_bytes(2, 100);
  append_record(pack, ipld::sha2_256(block), block);
  const auto head = record_header_bytes(ipld::sha2_256(block));
  const auto record = parse_record(ByteView(pack).first(head));
  ASSERT_TRUE(record.has_value());
  EXPECT_EQ(record->data_bytes, 100U);
  EXPECT_TRUE(record->data.empty());
}

TEST(PackFormat, hostile_records_are_corrupt) {
  Bytes good;
  append_record(good, ipld::sha2_256(as_bytes("x")), as_bytes("x"));
  for (std::size_t size = 0; size < kRecordFixedBytes + 34; ++size) {
    EXPECT_ERRC(parse_record(ByteView(good).first(size)), Errc::corrupt);
  }
  Bytes huge = good;
  huge[4] = 0xff;  // 4 GiB of data.
  EXPECT_ERRC(parse_record(huge), Errc::corrupt);
  Bytes long_hash = good;
  long_hash[9] = 0xff;
  EXPECT_ERRC(parse_record(long_hash), Errc::corrupt);
  Bytes no_hash = good;
  no_hash[kRecordFixedBytes + 1] = 0x21;  // Says 33 bytes of digest, has 32.
  EXPECT_ERRC(parse_record(no_hash), Errc::corrupt);
}

TEST(PackFormat, a_header_names_its_pack_and_its_format) {
  Bytes header = pack_header(7);
  EXPECT_EQ(header.size(), kPackHeaderBytes);
  EXPECT_TRUE(check_pack_header(header, 7).has_value());
  EXPECT_ERRC(check_pack_header(header, 8), Errc::corrupt);
  header[7] = 2;
  EXPECT_ERRC(check_pack_header(header, 7), Errc::unsupported);
  EXPECT_ERRC(check_pack_header({}, 7), Errc::corrupt);
}

class PackWriterTest : public ::testing::Test {
 protected:
  void SetUp() override {
    layout_.directory = dir_.path();
    fs::create_directories(layout_.packs());
    fs::create_directories(layout_.index());
    auto index = Index::open({layout_.index(), kMiB, false});
    ASSERT_TRUE(index.has_value()) << index.error().to_string();
    index_ = *std::move(index);
    pool_ = std::make_unique<PackPool>(layout_, *index_, OnStep{});
  }
  Place append(PackSession& session, ByteView block) {
    auto place = session.append(ipld::sha2_256(block), block);
    EXPECT_TRUE(place.has_value()) << place.error().to_string();
    return place ? *place : Place{};
  }
  void commit(PackSession& session) {
    ASSERT_TRUE(session.sync().has_value());
    ASSERT_TRUE(index_->write([&](Txn& txn) { return session.record(txn); }).has_value());
    session.committed();
  }

  TempDir dir_;
  Layout layout_;
  std::unique_ptr<Index> index_;
  std::unique_ptr<PackPool> pool_;
};

TEST_F(PackWriterTest, what_was_not_committed_is_overwritten) {
  std::uint64_t lost = 0;
  {
    PackSession session(*pool_);
    commit(session);
    lost = append(session, as_bytes("lost")).offset;
    ASSERT_TRUE(session.sync().has_value());
  }
  PackSession session(*pool_);
  const Place kept = append(session, as_bytes("kept"));
  commit(session);
  EXPECT_EQ(kept.offset, lost);
  const Bytes pack = read_bytes(layout_.pack(kept.container));
  EXPECT_EQ(as_text(ByteView(pack).subspan(kept.offset, 4)), "kept");
}

TEST_F(PackWriterTest, the_next_session_goes_on_in_the_same_pack) {
  Place first;
  {
    PackSession session(*pool_);
    first = append(session, as_bytes("one"));
    commit(session);
  }
  pool_->close_idle();  // As another process, later.
  PackSession session(*pool_);
  const Place second = append(session, as_bytes("two"));
  EXPECT_EQ(second.container, first.container);
  EXPECT_GT(second.offset, first.offset);
}

TEST_F(PackWriterTest, two_sessions_write_to_two_packs) {
  PackSession one(*pool_);
  PackSession two(*pool_);
  EXPECT_NE(append(one, as_bytes("1")).container, append(two, as_bytes("2")).container);
}

TEST_F(PackWriterTest, a_full_pack_is_followed_by_another) {
  PackSession session(*pool_);
  const Bytes block = random_bytes(3, 2 * kMiB);
  Place first = append(session, block);
  Place last = first;
  for (int i = 0; i < 32; ++i) last = append(session, block);
  commit(session);
  EXPECT_NE(first.container, last.container);
  EXPECT_LE(fs::file_size(layout_.pack(first.container)), kPackTargetBytes + 4 * kMiB);
  const Bytes pack = read_bytes(layout_.pack(last.container));
  EXPECT_EQ(to_bytes(ByteView(pack).subspan(last.offset, last.slice_bytes)), block);
}

TEST(Locks, a_locked_file_is_neither_taken_nor_removed) {
  const TempDir dir;
  auto made = make_locked_file(dir.path(), ".lock");
  ASSERT_TRUE(made.has_value());
  const auto second = try_lock_file(made->path, 0);
  ASSERT_TRUE(second.has_value());
  EXPECT_FALSE(second->has_value());
  EXPECT_FALSE(*remove_if_unlocked(made->path));
  made->fd.reset();
  EXPECT_TRUE(*remove_if_unlocked(made->path));
  EXPECT_FALSE(fs::exists(made->path));
  EXPECT_FALSE(*remove_if_unlocked(made->path));  // Gone is fine.
}

TEST(Locks, a_link_is_not_followed) {
  const TempDir dir;
  write_bytes(dir.path() / "target", as_bytes("x"));
  fs::create_symlink("target", dir.path() / "link");
  EXPECT_FALSE(try_lock_file(dir.path() / "link", 0).has_value());
}

}  // namespace
}  // namespace accel::blockstore::test
