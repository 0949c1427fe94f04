// SPDX-License-Identifier: Apache-2.0
#include "accel/core/bytes.hpp"

#include <gtest/gtest.h>

namespace accel {
namespace {

TEST(Bytes, reads_back_the_hex_it_writes) {
  const Bytes bytes{0x00, 0x7F, 0xFF};
  EXPECT_EQ(to_hex(bytes), "007fff");
  EXPECT_EQ(from_hex("007FFF").value(), bytes);
}

TEST(Bytes, refuses_hex_of_odd_length_and_other_characters) {
  EXPECT_EQ(from_hex("abc").error().code, Errc::invalid_argument);
  EXPECT_EQ(from_hex("zz").error().code, Errc::invalid_argument);
}

TEST(Bytes, writes_sizes_for_people_in_decimal_units) {
  EXPECT_EQ(human_bytes(512), "512 B");
  EXPECT_EQ(human_bytes(90'984'153), "91.0 MB");
}

}  // namespace
}  // namespace accel
