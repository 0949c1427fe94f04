// SPDX-License-Identifier: Apache-2.0
#pragma once
// How sure a median of latencies is. Private to perf.

#include <span>

namespace accel::perf::detail {

// The standard error of the median, relative to it. samples: all runs; turns: the median of each
// turn. Noise comes in bursts, so runs of one turn are not independent: the larger of the error
// that the runs suggest and the one that the turns suggest counts.
double relative_error(std::span<const double> samples, std::span<const double> turns);

}  // namespace accel::perf::detail
