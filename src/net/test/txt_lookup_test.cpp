// SPDX-License-Identifier: Apache-2.0
// Only what needs no network: names that are never asked for.
#include "accel/net/txt_lookup.hpp"

#include <gtest/gtest.h>

namespace accel::net {
namespace {

TEST(TxtLookup, what_is_no_domain_name_is_never_asked_for) {
  for (const std::string& name :
       {std::string(), std::string("a b"), std::string("a/b"), std::string("a\0b", 3),
        std::string("\xc3\xa4.example"), std::string(254, 'a')}) {
    const auto found = look_up_txt(name);
    ASSERT_FALSE(found.has_value()) << name;
    EXPECT_EQ(found.error().code, Errc::invalid_argument);
  }
}

}  // namespace
}  // namespace accel::net
