// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a benchmark may say about its samples: medians with intervals, ratios of paired runs.
// Used by benchmark programs and node. Pure functions; randomness comes in (replayable).
// Median, quantile and MAD themselves: accel/hardware/samples.hpp.

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "accel/core/random.hpp"
#include "accel/core/result.hpp"
#include "accel/hardware/samples.hpp"

namespace accel::bench {

using hardware::median;
using hardware::quantile;
using hardware::relative_spread;
using hardware::scaled_mad;

// An estimate and its percentile-bootstrap interval (Efron and Tibshirani, 1993, ch. 13).
struct Interval {
  double estimate = 0;
  double low = 0;
  double high = 0;
};

struct BootstrapOptions {
  double confidence = 0.95;
  std::size_t resamples = 2000;
};

// Errors: invalid_argument (no samples, a value that is no finite number, confidence not in (0,1)).
Result<Interval> median_interval(std::span<const double> samples, Random& random,
                                 const BootstrapOptions& options = {});
// The median of a[i] / b[i] for runs made in turns (A B A B ...): what slows both drops out.
// Errors: as above; invalid_argument when lengths differ or b has a value <= 0.
Result<Interval> paired_ratio_interval(std::span<const double> a, std::span<const double> b,
                                       Random& random, const BootstrapOptions& options = {});

struct Summary {
  std::size_t count = 0;
  double median = 0, p10 = 0, p90 = 0, p95 = 0, p99 = 0, min = 0, max = 0, mean = 0, mad = 0;
};
Summary summarize(std::span<const double> samples);

// The lag-1 autocorrelation of a series: far above 0, runs are not independent and an interval that
// assumes so is too narrow.
double autocorrelation(std::span<const double> samples);

}  // namespace accel::bench
