// SPDX-License-Identifier: Apache-2.0
#include "accel/security/shares.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace accel::security {
namespace {

using Held = std::vector<std::unique_ptr<Shares::Place>>;

std::size_t take_all(Shares& shares, const std::string& client, Held& held) {
  std::size_t count = 0;
  while (auto place = shares.take(client)) {
    held.push_back(std::move(place));
    ++count;
  }
  return count;
}

TEST(Shares, a_lone_client_has_half_and_leaves_room_for_the_next) {
  Shares shares(96);
  Held a, b, c;
  EXPECT_EQ(take_all(shares, "a", a), 48U);
  EXPECT_EQ(take_all(shares, "b", b), 32U);
  EXPECT_EQ(take_all(shares, "c", c), 24U);
}

TEST(Shares, gets_back_what_is_let_go) {
  Shares shares(4);
  Held held;
  EXPECT_EQ(take_all(shares, "a", held), 2U);
  held.pop_back();
  EXPECT_EQ(take_all(shares, "a", held), 1U);
  held.clear();
  EXPECT_EQ(take_all(shares, "b", held), 2U);
}

TEST(Shares, always_gives_a_client_its_first_place) {
  Shares shares(2);
  Held held;
  for (const char* client : {"a", "b", "c", "d"}) EXPECT_EQ(take_all(shares, client, held), 1U);
}

}  // namespace
}  // namespace accel::security
