// SPDX-License-Identifier: Apache-2.0
#include "pack_format.hpp"
#include "store_fixture.hpp"

namespace accel::blockstore::test {
namespace {

using Blocks = StoreTest;

TEST_F(Blocks, are_there_after_put_and_after_a_reopen) {
  const Bytes block = random_bytes(1, 1000);
  const ipld::Cid cid = raw_cid(block);
  EXPECT_FALSE(*store_->has(cid));
  ASSERT_TRUE(store_->put(cid, block).has_value());
  reopen();
  EXPECT_TRUE(*store_->has(cid));
  EXPECT_EQ(*store_->size_of(cid), 1000U);
  EXPECT_EQ(*store_->get(cid), block);
}

TEST_F(Blocks, are_found_by_any_cid_of_their_multihash) {
  const Bytes block = ipld::encode_pb({});
  ASSERT_TRUE(store_->put(ipld::Cid::v0(ipld::sha2_256(block)), block).has_value());
  EXPECT_TRUE(*store_->has(ipld::Cid::v1(ipld::Codec::dag_pb, ipld::sha2_256(block))));
  EXPECT_EQ(*store_->get(raw_cid(block)), block);
}

TEST_F(Blocks, that_are_not_what_their_cid_names_are_refused) {
  const Status put = store_->put(raw_cid(as_bytes("right")), as_bytes("wrong"));
  EXPECT_ERRC(put, Errc::corrupt);
  EXPECT_FALSE(*store_->has(raw_cid(as_bytes("right"))));
}

TEST_F(Blocks, that_are_absent_are_named) {
  const ipld::Cid cid = raw_cid(as_bytes("absent"));
  const auto got = store_->get(cid);
  EXPECT_ERRC(got, Errc::not_found);
  EXPECT_NE(got.error().message.find(cid.to_string()), std::string::npos);
  EXPECT_ERRC(store_->size_of(cid), Errc::not_found);
  EXPECT_ERRC(store_->locate(cid), Errc::not_found);
}

TEST_F(Blocks, of_the_identity_hash_are_always_there) {
  const ipld::Cid probe;  // bafkqaaa
  EXPECT_TRUE(*store_->has(probe));
  EXPECT_TRUE(store_->get(probe)->empty());
  EXPECT_EQ(*store_->size_of(probe), 0U);
  EXPECT_TRUE(store_->put(probe, {}).has_value());
  EXPECT_ERRC(store_->locate(probe), Errc::unsupported);
}

TEST_F(Blocks, put_twice_take_room_once) {
  const Bytes block = random_bytes(2, 100'000);
  ASSERT_TRUE(store_->put(raw_cid(block), block).has_value());
  const auto size = fs::file_size(only_pack());
  ASSERT_TRUE(store_->put(raw_cid(block), block).has_value());
  EXPECT_EQ(fs::file_size(only_pack()), size);
}

TEST_F(Blocks, put_together_are_all_there_or_none) {
  const Bytes one = random_bytes(3, 100);
  const Bytes two = random_bytes(4, 100);
  EXPECT_ERRC(store_->put_all({{raw_cid(one), one}, {raw_cid(one), two}}), Errc::corrupt);
  EXPECT_FALSE(*store_->has(raw_cid(one)));
  ASSERT_TRUE(store_->put_all({{raw_cid(one), one}, {raw_cid(two), two}}).has_value());
  EXPECT_TRUE(*store_->has(raw_cid(one)));
  EXPECT_TRUE(*store_->has(raw_cid(two)));
}

TEST_F(Blocks, above_the_limit_are_refused) {
  const Bytes block = random_bytes(5, ipld::kMaxBlockBytes + 1);
  EXPECT_ERRC(store_->put(raw_cid(block), block), Errc::resource_exhausted);
}

TEST_F(Blocks, in_packs_are_located_as_slices) {
  const Bytes block = random_bytes(6, 5000);
  ASSERT_TRUE(store_->put(raw_cid(block), block).has_value());
  const auto place = store_->locate(raw_cid(block));
  ASSERT_TRUE(place.has_value()) << place.error().to_string();
  Bytes slice(place->length);
  ASSERT_TRUE(pread_all(place->fd.get(), slice, place->offset).has_value());
  EXPECT_EQ(slice, block);
}

TEST_F(Blocks, whose_bytes_rot_in_a_pack_are_corrupt_until_put_again) {
  const Bytes block = random_bytes(7, 5000);
  const ipld::Cid cid = raw_cid(block);
  ASSERT_TRUE(store_->put(cid, block).has_value());
  rot_byte(only_pack(), store_->locate(cid)->offset + 17);
  const auto got = store_->get(cid);
  EXPECT_ERRC(got, Errc::corrupt);
  EXPECT_NE(got.error().message.find("verify"), std::string::npos);
  EXPECT_EQ(store_->verify({})->bad_total, 1U);
  ASSERT_TRUE(store_->put(cid, block).has_value());
  EXPECT_EQ(*store_->get(cid), block);
  expect_sound();
}

TEST_F(Blocks, whose_record_header_rots_are_neither_read_nor_located) {
  const Bytes block = random_bytes(8, 5000);
  ASSERT_TRUE(store_->put(raw_cid(block), block).has_value());
  rot_byte(only_pack(), kPackHeaderBytes);
  EXPECT_ERRC(store_->get(raw_cid(block)), Errc::corrupt);
  EXPECT_ERRC(store_->locate(raw_cid(block)), Errc::corrupt);
}

TEST_F(Blocks, of_a_cut_pack_are_corrupt) {
  const Bytes block = random_bytes(9, 5000);
  ASSERT_TRUE(store_->put(raw_cid(block), block).has_value());
  fs::resize_file(only_pack(), 1000);
  EXPECT_ERRC(store_->get(raw_cid(block)), Errc::corrupt);
  EXPECT_ERRC(store_->locate(raw_cid(block)), Errc::corrupt);
  EXPECT_EQ(store_->verify({})->bad_total, 1U);
}

TEST_F(Blocks, of_a_pack_that_is_gone_are_corrupt_with_advice) {
  const Bytes block = random_bytes(10, 5000);
  ASSERT_TRUE(store_->put(raw_cid(block), block).has_value());
  fs::remove(only_pack());
  const auto got = store_->get(raw_cid(block));
  EXPECT_ERRC(got, Errc::corrupt);
  EXPECT_NE(got.error().message.find("pull or add it again"), std::string::npos);
  EXPECT_ERRC(store_->locate(raw_cid(block)), Errc::corrupt);
}

using SmallValues = StoreTest;

TEST_F(SmallValues, change_together_or_not_at_all) {
  ASSERT_TRUE(store_->kv_put("a", "old", "1").has_value());
  ASSERT_TRUE(store_->kv_apply({{"a", "old", std::nullopt}, {"a", "new", "2"}, {"b", "x", "3"}})
                  .has_value());
  EXPECT_FALSE(store_->kv_get("a", "old")->has_value());
  EXPECT_EQ(*store_->kv_get("a", "new"), "2");
  EXPECT_EQ(*store_->kv_get("b", "x"), "3");
  const Status refused = store_->kv_apply({{"a", "new", "4"}, {"a", "", "5"}});
  EXPECT_EQ(refused.error().code, Errc::invalid_argument);
  EXPECT_EQ(*store_->kv_get("a", "new"), "2");
}

using Opening = StoreTest;

TEST_F(Opening, a_newer_store_is_refused_untouched) {
  ASSERT_TRUE(store_->kv_put("names", "a", "1").has_value());
  store_.reset();
  write_bytes(home() / "VERSION", as_bytes("ipfs-accelerate store 3\n"));
  const auto before = fs::last_write_time(home() / "index" / "data.mdb");
  const auto opened = Store::open(options());
  EXPECT_ERRC(opened, Errc::unsupported);
  EXPECT_NE(opened.error().message.find("Update this program"), std::string::npos);
  EXPECT_EQ(fs::last_write_time(home() / "index" / "data.mdb"), before);
}

TEST_F(Opening, a_version_that_cannot_be_read_is_corrupt) {
  store_.reset();
  for (const char* text : {"", "ipfs-accelerate store ", "ipfs-accelerate store x\n", "2\n"}) {
    fs::remove(home() / "VERSION");
    write_bytes(home() / "VERSION", as_bytes(text));
    EXPECT_ERRC(Store::open(options()), Errc::corrupt);
  }
}

TEST_F(Opening, the_index_knows_the_version_too) {
  ASSERT_TRUE(store_->kv_put("names", "a", "1").has_value());
  store_.reset();
  fs::remove(home() / "VERSION");
  open();  // A crash while it was made.
  EXPECT_EQ(as_text(read_bytes(home() / "VERSION")), "ipfs-accelerate store 2\n");
  EXPECT_EQ(store_->kv_get("names", "a")->value_or(""), "1");
}

TEST_F(Opening, a_folder_of_other_things_is_refused) {
  write_bytes(work("mine/letter.txt"), as_bytes("Dear"));
  StoreOptions other = options();
  other.directory = work("mine");
  EXPECT_ERRC(Store::open(other), Errc::invalid_argument);
  EXPECT_EQ(fs::file_size(work("mine/letter.txt")), 4U);
}

TEST_F(Opening, twice_in_one_process_is_refused) {
  EXPECT_ERRC(Store::open(options()), Errc::already_exists);
}

TEST_F(Opening, for_reading_writes_nothing_and_says_so) {
  const Bytes block = random_bytes(11, 100);
  ASSERT_TRUE(store_->put(raw_cid(block), block).has_value());
  const Bytes bytes = make_file("file", 12, 3 * kMiB);
  const AddedRoot added = add("file");
  store_.reset();
  StoreOptions reading = options();
  reading.read_only = true;
  auto opened = Store::open(reading);
  ASSERT_TRUE(opened.has_value()) << opened.error().to_string();
  store_ = *std::move(opened);
  EXPECT_EQ(*store_->get(raw_cid(block)), block);
  EXPECT_EQ(cat(added.cid), bytes);
  EXPECT_TRUE(store_->lease(added.cid).has_value());
  EXPECT_ERRC(store_->put(raw_cid(as_bytes("x")), as_bytes("x")), Errc::permission_denied);
  EXPECT_ERRC(store_->add(work("file"), {}), Errc::permission_denied);
  EXPECT_ERRC(store_->kv_put("names", "a", "1"), Errc::permission_denied);
  EXPECT_ERRC(store_->gc({}), Errc::permission_denied);
  EXPECT_ERRC(store_->unpin(added.cid), Errc::permission_denied);
  EXPECT_TRUE(store_->add(work("file"), {.only_hash = true}).has_value());
  expect_sound();
}

TEST_F(Opening, for_reading_makes_no_store) {
  StoreOptions reading = options();
  reading.read_only = true;
  reading.directory = work("nothing");
  EXPECT_ERRC(Store::open(reading), Errc::not_found);
  EXPECT_FALSE(fs::exists(work("nothing")));
}

TEST_F(Opening, below_a_plain_file_is_an_error) {
  write_bytes(work("plain"), as_bytes("x"));
  StoreOptions other = options();
  other.directory = work("plain/store");
  EXPECT_FALSE(Store::open(other).has_value());
}

using SmallValues = StoreTest;

TEST_F(SmallValues, live_in_spaces_of_their_own) {
  ASSERT_TRUE(store_->kv_put("names", "a", "1").has_value());
  ASSERT_TRUE(store_->kv_put("names", "b", "2").has_value());
  ASSERT_TRUE(store_->kv_put("names2", "a", "3").has_value());
  ASSERT_TRUE(store_->kv_put("names", "a", "4").has_value());
  reopen();
  EXPECT_EQ(store_->kv_get("names", "a")->value_or(""), "4");
  const std::vector<std::pair<std::string, std::string>> all = {{"a", "4"}, {"b", "2"}};
  EXPECT_EQ(*store_->kv_list("names"), all);
  EXPECT_FALSE(store_->kv_get("name", "a")->has_value());
  EXPECT_TRUE(store_->kv_list("name")->empty());
}

TEST_F(SmallValues, that_are_taken_are_shown) {
  ASSERT_TRUE(store_->kv_put_new("names", "minilm", "bafkone").has_value());
  const Status again = store_->kv_put_new("names", "minilm", "bafktwo");
  EXPECT_ERRC(again, Errc::already_exists);
  EXPECT_NE(again.error().message.find("bafkone"), std::string::npos);
  EXPECT_EQ(store_->kv_get("names", "minilm")->value_or(""), "bafkone");
}

TEST_F(SmallValues, are_erased_without_complaint) {
  ASSERT_TRUE(store_->kv_put("names", "a", "1").has_value());
  EXPECT_TRUE(store_->kv_erase("names", "a").has_value());
  EXPECT_TRUE(store_->kv_erase("names", "a").has_value());
  EXPECT_FALSE(store_->kv_get("names", "a")->has_value());
}

TEST_F(SmallValues, have_limits) {
  EXPECT_ERRC(store_->kv_put("", "a", "1"), Errc::invalid_argument);
  EXPECT_ERRC(store_->kv_put(std::string(65, 's'), "a", "1"), Errc::invalid_argument);
  EXPECT_ERRC(store_->kv_put(std::string("a\0b", 3), "a", "1"), Errc::invalid_argument);
  EXPECT_ERRC(store_->kv_put("names", "", "1"), Errc::invalid_argument);
  EXPECT_ERRC(store_->kv_put("names", std::string(401, 'k'), "1"), Errc::invalid_argument);
  EXPECT_ERRC(store_->kv_put("names", "a", std::string(kMaxKvValueBytes + 1, 'v')),
              Errc::invalid_argument);
  EXPECT_TRUE(store_->kv_put("names", std::string(400, 'k'), std::string(kMaxKvValueBytes, 'v'))
                  .has_value());
}

}  // namespace
}  // namespace accel::blockstore::test
