// SPDX-License-Identifier: Apache-2.0
#include "accel/perf/shape_bucket.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>

namespace accel::perf {
namespace {

constexpr std::uint64_t kShortestSequence = 16;
constexpr std::uint64_t kLargest = 1ULL << 62U;  // Beyond it bit_ceil is undefined.

std::uint64_t round_up(std::uint64_t value, std::uint64_t least) {
  return std::bit_ceil(std::clamp(value, least, kLargest));
}

}  // namespace

std::string shape_bucket(std::uint64_t batch, std::uint64_t sequence) {
  std::string text = fmt::format("b{}", round_up(batch, 1));
  if (sequence != 0) text += fmt::format("-s{}", round_up(sequence, kShortestSequence));
  return text;
}

}  // namespace accel::perf
