// SPDX-License-Identifier: Apache-2.0
#include "policy/retries.hpp"

#include <algorithm>

namespace accel::endpoints {

void RetryBudget::request() { left_ = std::min(left_ + kEarned, kReserve); }

bool RetryBudget::take() {
  if (left_ < 1) return false;
  left_ -= 1;
  return true;
}

Duration jittered_wait(std::size_t retry, Random& random) {
  constexpr std::size_t kMostDoublings = 16;  // Beyond the longest wait by far.
  const Duration grown = kFirstWait * (std::int64_t{1} << std::min(retry, kMostDoublings));
  const Duration most = std::min(grown, kLongestWait);
  const auto nanoseconds = static_cast<std::uint64_t>(most.count());
  return Duration(static_cast<Duration::rep>(random.below(nanoseconds + 1)));
}

}  // namespace accel::endpoints
