// SPDX-License-Identifier: Apache-2.0
#include "pooling.hpp"

#include <gmock/gmock.h>

#include <cmath>
#include <limits>

namespace accel::models {
namespace {

using Vector = std::vector<float>;
using Mask = std::vector<std::int64_t>;
using ::testing::FloatEq;
using ::testing::Pointwise;

const Vector kTokens{1, -2, 3, 6, 100, 100};  // Three tokens of two numbers; the last is padding.
const Mask kMask{1, 1, 0};

TEST(Pooling, by_the_mean_leaves_padding_out) {
  EXPECT_THAT(pool(Pooling::mean, kTokens, kMask), Pointwise(FloatEq(), Vector{2, 2}));
}

TEST(Pooling, by_the_root_of_the_length_divides_by_it) {
  const float root = std::sqrt(2.0F);
  EXPECT_THAT(pool(Pooling::mean_sqrt_len, kTokens, kMask),
              Pointwise(FloatEq(), Vector{4 / root, 4 / root}));
}

TEST(Pooling, by_the_maximum_leaves_padding_out_and_keeps_negative_numbers) {
  EXPECT_THAT(pool(Pooling::max, Vector{-5, -2, -3, -6, 9, 9}, kMask),
              Pointwise(FloatEq(), Vector{-3, -2}));
}

TEST(Pooling, by_the_first_token_takes_it_as_it_is) {
  EXPECT_EQ(pool(Pooling::cls, kTokens, kMask), (Vector{1, -2}));
}

TEST(Pooling, of_no_token_gives_zeros) {
  EXPECT_EQ(pool(Pooling::mean, kTokens, Mask{0, 0, 0}), (Vector{0, 0}));
  EXPECT_EQ(pool(Pooling::max, kTokens, Mask{0, 0, 0}), (Vector{0, 0}));
  EXPECT_TRUE(pool(Pooling::mean, {}, {}).empty());
}

TEST(Normalize, makes_the_length_one) {
  Vector vector{3, 4};
  normalize(vector);
  EXPECT_THAT(vector, Pointwise(FloatEq(), Vector{0.6F, 0.8F}));
}

TEST(Normalize, leaves_zeros_alone) {
  Vector vector{0, 0};
  normalize(vector);
  EXPECT_EQ(vector, (Vector{0, 0}));
}

TEST(IsFinite, notices_what_is_no_number) {
  EXPECT_TRUE(is_finite(Vector{0, -1e30F}));
  EXPECT_FALSE(is_finite(Vector{0, std::numeric_limits<float>::quiet_NaN()}));
  EXPECT_FALSE(is_finite(Vector{std::numeric_limits<float>::infinity()}));
}

}  // namespace
}  // namespace accel::models
