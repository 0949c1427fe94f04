// SPDX-License-Identifier: Apache-2.0
#include "accel/perf/amortize.hpp"

#include <algorithm>

namespace accel::perf {

std::size_t done_first(std::span<const RunCost> costs, double calls) {
  const auto sooner = [calls](const RunCost& a, const RunCost& b) {
    return a.total_ms(calls) < b.total_ms(calls);
  };
  return static_cast<std::size_t>(std::ranges::min_element(costs, sooner) - costs.begin());
}

}  // namespace accel::perf
