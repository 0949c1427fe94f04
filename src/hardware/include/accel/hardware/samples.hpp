// SPDX-License-Identifier: Apache-2.0
#pragma once
// Order statistics of small samples: what a noisy machine leaves to say. Used by measure_cpu(),
// perf and bench. Pure functions; every one returns 0 for an empty sample.

#include <span>

namespace accel::hardware {

// The q-quantile, 0 <= q <= 1, with linear interpolation between order statistics (Hyndman and
// Fan's type 7, the default of R and NumPy).
double quantile(std::span<const double> samples, double q);
double median(std::span<const double> samples);
// Median absolute deviation from the median, times 1.4826: estimates sigma where noise is normal.
double scaled_mad(std::span<const double> samples);
// (p90 - p10) / median: the spread that is shown beside a figure.
double relative_spread(std::span<const double> samples);

}  // namespace accel::hardware
