// SPDX-License-Identifier: Apache-2.0
#include "image/image_memory.hpp"

#include <gtest/gtest.h>

#include <thread>

namespace accel::models {
namespace {

using namespace std::chrono_literals;

TEST(ImageMemory, refuses_what_finds_no_room_in_time) {
  ImageMemory memory(100, 10ms);
  auto first = memory.take(60);
  ASSERT_TRUE(first);
  const auto second = memory.take(60);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Errc::resource_exhausted);
  EXPECT_TRUE(memory.take(40)) << "what fits beside it is let in";
  first->reset();
  EXPECT_TRUE(memory.take(100));
  EXPECT_FALSE(memory.take(101));
}

TEST(ImageMemory, lets_a_waiter_in_when_an_image_goes) {
  ImageMemory memory(100, 10s);
  auto held = memory.take(100).value();
  std::jthread waiter([&] { EXPECT_TRUE(memory.take(100)); });
  auto copy = held;
  held.reset();
  copy.reset();
}

TEST(ImageMemory, of_the_process_holds_the_largest_image_that_is_taken) {
  EXPECT_TRUE(image_memory().take(std::uint64_t{9} * 40'000'000));
}

}  // namespace
}  // namespace accel::models
