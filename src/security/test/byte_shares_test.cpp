// SPDX-License-Identifier: Apache-2.0
#include "accel/security/byte_shares.hpp"

#include <gtest/gtest.h>

namespace accel::security {
namespace {

TEST(ByteShares, a_lone_client_has_half_and_the_next_finds_its_share) {
  ByteShares shares(600);
  ByteShares::Hold a(shares, "a"), more(shares, "a"), b(shares, "b"), c(shares, "c");
  EXPECT_TRUE(a.set(200));
  EXPECT_FALSE(more.set(101));
  EXPECT_TRUE(more.set(100));
  EXPECT_TRUE(b.set(200));
  EXPECT_FALSE(b.set(201));
  EXPECT_TRUE(c.set(100));
  EXPECT_FALSE(c.set(101));  // Not more than there are, whatever its share is.
}

TEST(ByteShares, many_small_ones_leave_a_large_one_what_nobody_wants) {
  ByteShares shares(1000);
  ByteShares::Hold a(shares, "a"), b(shares, "b"), c(shares, "c"), large(shares, "d");
  EXPECT_TRUE(a.set(1) && b.set(1) && c.set(1));
  EXPECT_TRUE(large.set(497));
  EXPECT_FALSE(large.set(498));
}

TEST(ByteShares, gets_back_what_is_let_go) {
  ByteShares shares(100);
  ByteShares::Hold a(shares, "a");
  {
    ByteShares::Hold gone(shares, "a");
    EXPECT_TRUE(gone.set(50));
    EXPECT_FALSE(a.set(1));
    EXPECT_TRUE(gone.set(20));
    EXPECT_TRUE(a.set(30));
  }
  EXPECT_TRUE(a.set(50));
}

}  // namespace
}  // namespace accel::security
