// SPDX-License-Identifier: Apache-2.0
#include "partial_map.hpp"

#include "store_fixture.hpp"

namespace accel::blockstore::test {
namespace {

MapSubject subject(std::uint64_t slots) {
  MapSubject result;
  result.file_bytes = slots * 1000;
  result.slot_count = slots;
  result.slots_digest[0] = 9;
  return result;
}

TEST(PartialMap, keeps_both_bitmaps) {
  PartialMap map(subject(19));
  map.set_written(0);
  map.set_written(18);
  map.set_synced(18);
  const auto back = PartialMap::parse(map.encode());
  ASSERT_TRUE(back.has_value()) << back.error().message;
  EXPECT_EQ(back->subject(), subject(19));
  for (std::uint64_t i = 0; i < 19; ++i) {
    EXPECT_EQ(back->written(i), i == 0 || i == 18) << i;
    EXPECT_EQ(back->synced(i), i == 18) << i;
  }
}

TEST(PartialMap, says_where_a_bit_lies_in_the_file) {
  PartialMap map(subject(19));
  map.set_written(10);
  const Bytes file = map.encode();
  EXPECT_EQ(file.size(), PartialMap::file_size(19));
  EXPECT_EQ(file[map.written_offset(10)], map.written_byte(10));
  EXPECT_EQ(file[map.written_offset(10)], 4);  // Least significant bit first.
  EXPECT_EQ(map.synced_offset(), kMapHeaderBytes + 3);
}

TEST(PartialMap, clearing_a_leaf_clears_both_bits) {
  PartialMap map(subject(8));
  map.set_written(3);
  map.set_synced(3);
  map.clear(3);
  EXPECT_FALSE(map.written(3));
  EXPECT_FALSE(map.synced(3));
}

TEST(PartialMap, hostile_maps_are_refused) {
  const Bytes good = PartialMap(subject(19)).encode();
  for (std::size_t size = 0; size < good.size(); ++size) {
    EXPECT_ERRC(PartialMap::parse(ByteView(good).first(size)), Errc::corrupt);
  }
  Bytes longer = good;
  longer.push_back(0);
  EXPECT_ERRC(PartialMap::parse(longer), Errc::corrupt);
  Bytes huge = good;
  std::fill(huge.begin() + 16, huge.begin() + 24, std::uint8_t{0xff});  // The number of leaves.
  EXPECT_ERRC(PartialMap::parse(huge), Errc::corrupt);
  Bytes newer = good;
  newer[7] = 2;
  EXPECT_ERRC(PartialMap::parse(newer), Errc::unsupported);
}

TEST(PartialMap, other_leaves_are_another_subject) {
  const FileDag one = make_dag(ipld::unixfs_v1_2025(), random_bytes(1, 3 * kMiB));
  FileDag two = one;
  std::swap(two.slots[0].cid, two.slots[1].cid);
  EXPECT_NE(MapSubject::of(3 * kMiB, one.slots), MapSubject::of(3 * kMiB, two.slots));
  EXPECT_EQ(MapSubject::of(3 * kMiB, one.slots), MapSubject::of(3 * kMiB, one.slots));
}

}  // namespace
}  // namespace accel::blockstore::test
