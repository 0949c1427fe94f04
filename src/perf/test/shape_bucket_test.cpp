// SPDX-License-Identifier: Apache-2.0
#include "accel/perf/shape_bucket.hpp"

#include <gtest/gtest.h>

#include <cstdint>

namespace accel::perf {
namespace {

TEST(ShapeBucket, rounds_batch_and_sequence_up_to_powers_of_two) {
  EXPECT_EQ(shape_bucket(1, 16), "b1-s16");
  EXPECT_EQ(shape_bucket(1, 17), "b1-s32");
  EXPECT_EQ(shape_bucket(8, 128), "b8-s128");
  EXPECT_EQ(shape_bucket(9, 129), "b16-s256");
}

TEST(ShapeBucket, puts_all_short_sequences_together) {
  EXPECT_EQ(shape_bucket(1, 1), "b1-s16");
  EXPECT_EQ(shape_bucket(1, 9), "b1-s16");
}

TEST(ShapeBucket, leaves_the_sequence_out_where_there_is_none) { EXPECT_EQ(shape_bucket(4), "b4"); }

TEST(ShapeBucket, takes_any_number_without_overflow) {
  EXPECT_EQ(shape_bucket(0, 0), "b1");
  EXPECT_EQ(shape_bucket(UINT64_MAX, UINT64_MAX), "b4611686018427387904-s4611686018427387904");
}

}  // namespace
}  // namespace accel::perf
