// SPDX-License-Identifier: Apache-2.0
#include "accel/core/process.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace accel {
namespace {

TEST(Process, has_more_memory_in_ram_after_it_wrote_some) {
  constexpr std::size_t kBytes = 64U << 20U;
  const std::uint64_t before = resident_bytes();
  const std::vector<char> block(kBytes, 1);
  EXPECT_GE(resident_bytes(), before + kBytes / 2);
  EXPECT_EQ(block.back(), 1);
}

}  // namespace
}  // namespace accel
