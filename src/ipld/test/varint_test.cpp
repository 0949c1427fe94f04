// SPDX-License-Identifier: Apache-2.0
#include "accel/ipld/varint.hpp"

#include <gtest/gtest.h>

#include "property_support.hpp"

namespace accel::ipld {
namespace {

Bytes encoded(std::uint64_t value) {
  Bytes out;
  put_uvarint(out, value);
  return out;
}

Errc error_of(const Bytes& bytes) { return get_uvarint(bytes).error().code; }

// The table "Examples" of multiformats/unsigned-varint, README.md.
TEST(Varint, equals_the_examples_of_the_spec) {
  EXPECT_EQ(encoded(1), Bytes({0x01}));
  EXPECT_EQ(encoded(127), Bytes({0x7f}));
  EXPECT_EQ(encoded(128), Bytes({0x80, 0x01}));
  EXPECT_EQ(encoded(255), Bytes({0xff, 0x01}));
  EXPECT_EQ(encoded(300), Bytes({0xac, 0x02}));
  EXPECT_EQ(encoded(16384), Bytes({0x80, 0x80, 0x01}));
}

TEST(Varint, reads_one_number_and_leaves_what_follows) {
  const Bytes bytes{0xac, 0x02, 0xff, 0xff};
  const Uvarint read = get_uvarint(bytes).value();
  EXPECT_EQ(read.value, 300U);
  EXPECT_EQ(read.size, 2U);
}

TEST(Varint, reads_zero_and_the_largest_number) {
  EXPECT_EQ(get_uvarint(Bytes{0x00}).value().value, 0U);
  const Bytes largest = encoded(kMaxUvarint);
  EXPECT_EQ(largest.size(), kMaxUvarintBytes);
  EXPECT_EQ(get_uvarint(largest).value().value, kMaxUvarint);
}

TEST(Varint, refuses_more_than_nine_bytes) {
  EXPECT_EQ(error_of(encoded(kMaxUvarint + 1)), Errc::invalid_argument);
  EXPECT_EQ(error_of(Bytes(9, 0x80)), Errc::invalid_argument);
  EXPECT_EQ(error_of(Bytes(1000, 0xff)), Errc::invalid_argument);
}

TEST(Varint, refuses_a_number_that_is_cut_off) {
  EXPECT_EQ(error_of({}), Errc::invalid_argument);
  EXPECT_EQ(error_of({0x80}), Errc::invalid_argument);
  EXPECT_EQ(error_of({0xff, 0xff}), Errc::invalid_argument);
}

TEST(Varint, refuses_longer_forms_than_needed) {
  EXPECT_EQ(error_of({0x80, 0x00}), Errc::invalid_argument);
  EXPECT_EQ(error_of({0x81, 0x00}), Errc::invalid_argument);
  EXPECT_EQ(error_of({0xff, 0x80, 0x00}), Errc::invalid_argument);
}

TEST(Varint, reads_back_every_number_it_writes) {
  ACCEL_TRACE_SEED();
  testing::Generator any;
  for (int round = 0; round < 2000; ++round) {
    const std::uint64_t value = any.number() & kMaxUvarint;
    const Bytes bytes = encoded(value);
    ASSERT_EQ(bytes.size(), uvarint_size(value)) << value;
    const auto read = get_uvarint(bytes);
    ASSERT_TRUE(read) << value;
    ASSERT_EQ(read->value, value);
    ASSERT_EQ(read->size, bytes.size());
  }
}

}  // namespace
}  // namespace accel::ipld
