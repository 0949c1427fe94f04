// SPDX-License-Identifier: Apache-2.0
#include "records.hpp"

#include "store_fixture.hpp"

namespace accel::blockstore::test {
namespace {

FileRecord sample_file() {
  FileRecord record;
  record.root = raw_cid(as_bytes("root"));
  record.path = "files/ab/bafk";
  record.referenced = true;
  record.stamp = {123456789012, -5, 7, 99, 2049};
  record.born = 17;
  return record;
}

PinRecord sample_pin() {
  return {ipld::Cid::v0(ipld::sha2_256(as_bytes("pin"))), "a name", true, 42, 1'700'000'000'000};
}

TEST(Records, places_keep_every_field) {
  const Place place{PlaceKind::wrapped, 7, 1ULL << 40U, 262144, 262158, 3};
  const auto back = decode_place(encode(place));
  ASSERT_TRUE(back.has_value());
  EXPECT_EQ(*back, place);
  EXPECT_EQ(encode(place).size(), 33U);  // docs/formats/store.md, "Index".
}

TEST(Records, files_keep_every_field) {
  const auto back = decode_file(encode(sample_file()));
  ASSERT_TRUE(back.has_value()) << back.error().message;
  EXPECT_EQ(*back, sample_file());
}

TEST(Records, pins_keep_every_field_and_the_version_of_the_cid) {
  const auto back = decode_pin(encode(sample_pin()));
  ASSERT_TRUE(back.has_value()) << back.error().message;
  EXPECT_EQ(*back, sample_pin());
  EXPECT_EQ(back->root.version(), 0);
}

TEST(Records, cut_or_lengthened_records_are_corrupt) {
  for (const Bytes& whole : {encode(sample_file()), encode(sample_pin())}) {
    const bool is_file = whole == encode(sample_file());
    for (std::size_t size = 0; size < whole.size(); ++size) {
      const ByteView cut(whole.data(), size);
      EXPECT_FALSE(is_file ? decode_file(cut).has_value() : decode_pin(cut).has_value()) << size;
    }
    Bytes longer = whole;
    longer.push_back(0);
    EXPECT_FALSE(is_file ? decode_file(longer).has_value() : decode_pin(longer).has_value());
  }
  EXPECT_ERRC(decode_place(Bytes(32)), Errc::corrupt);
}

TEST(Records, places_that_make_no_sense_are_corrupt) {
  Place place{PlaceKind::file, 1, 0, 10, 10, 0};
  place.block_bytes = 11;  // A slice is the block itself.
  EXPECT_ERRC(decode_place(encode(place)), Errc::corrupt);
  place = {PlaceKind::wrapped, 1, 0, 10, 9, 0};  // Smaller than its payload.
  EXPECT_ERRC(decode_place(encode(place)), Errc::corrupt);
  place = {PlaceKind::file, 1, UINT64_MAX, 10, 10, 0};
  EXPECT_ERRC(decode_place(encode(place)), Errc::corrupt);
  Bytes unknown = encode(Place{});
  unknown[0] = 4;
  EXPECT_ERRC(decode_place(unknown), Errc::corrupt);
}

TEST(Records, a_path_with_nul_is_corrupt) {
  FileRecord record = sample_file();
  record.path = std::string("/etc/passwd\0.txt", 16);
  EXPECT_ERRC(decode_file(encode(record)), Errc::corrupt);
}

TEST(Records, random_bytes_never_crash_a_decoder) {
  const std::uint64_t seed = system_random().next_u64();
  SCOPED_TRACE(fmt::format("seed {}", seed));
  SeededRandom random(seed);
  for (int i = 0; i < 2000; ++i) {
    Bytes bytes(random.below(120));
    random.fill(bytes);
    if (!bytes.empty() && i % 2 == 0) bytes[0] = 1;
    static_cast<void>(decode_place(bytes));
    static_cast<void>(decode_file(bytes));
    static_cast<void>(decode_pin(bytes));
    static_cast<void>(decode_u64(bytes));
  }
}

}  // namespace
}  // namespace accel::blockstore::test
