// SPDX-License-Identifier: Apache-2.0
#include "accel/bench/statistics.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>

namespace accel::bench {
namespace {

Status check(std::span<const double> samples, const BootstrapOptions& options) {
  if (samples.empty()) return fail(Errc::invalid_argument, "There are no samples.");
  if (!std::all_of(samples.begin(), samples.end(), [](double x) { return std::isfinite(x); })) {
    return fail(Errc::invalid_argument, "A sample is not a finite number.");
  }
  if (!(options.confidence > 0 && options.confidence < 1) || options.resamples == 0) {
    return fail(Errc::invalid_argument,
                "A bootstrap needs a confidence between 0 and 1 and at least one resample.");
  }
  return {};
}

// The percentile interval of the median: draw as many samples again, with replacement, many times.
Interval bootstrap_median(std::span<const double> samples, Random& random,
                          const BootstrapOptions& options) {
  std::vector<double> medians;
  medians.reserve(options.resamples);
  std::vector<double> drawn(samples.size());
  for (std::size_t i = 0; i < options.resamples; ++i) {
    for (double& value : drawn) value = samples[random.below(samples.size())];
    medians.push_back(median(drawn));
  }
  const double tail = (1 - options.confidence) / 2;
  return {median(samples), quantile(medians, tail), quantile(medians, 1 - tail)};
}

}  // namespace

Result<Interval> median_interval(std::span<const double> samples, Random& random,
                                 const BootstrapOptions& options) {
  ACCEL_CHECK(check(samples, options));
  return bootstrap_median(samples, random, options);
}

Result<Interval> paired_ratio_interval(std::span<const double> a, std::span<const double> b,
                                       Random& random, const BootstrapOptions& options) {
  ACCEL_CHECK(check(a, options));
  ACCEL_CHECK(check(b, options));
  if (a.size() != b.size()) {
    return fail(Errc::invalid_argument, "Pairs need as many samples on both sides, not {} and {}.",
                a.size(), b.size());
  }
  std::vector<double> ratios;
  ratios.reserve(a.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (b[i] <= 0) return fail(Errc::invalid_argument, "Sample {} to divide by is {}.", i, b[i]);
    ratios.push_back(a[i] / b[i]);
  }
  return bootstrap_median(ratios, random, options);
}

Summary summarize(std::span<const double> samples) {
  Summary summary;
  if (samples.empty()) return summary;
  summary.count = samples.size();
  summary.median = median(samples);
  summary.p10 = quantile(samples, 0.10);
  summary.p90 = quantile(samples, 0.90);
  summary.p95 = quantile(samples, 0.95);
  summary.p99 = quantile(samples, 0.99);
  summary.min = *std::min_element(samples.begin(), samples.end());
  summary.max = *std::max_element(samples.begin(), samples.end());
  summary.mean =
      std::accumulate(samples.begin(), samples.end(), 0.0) / static_cast<double>(samples.size());
  summary.mad = scaled_mad(samples);
  return summary;
}

double autocorrelation(std::span<const double> samples) {
  if (samples.size() < 3) return 0;
  const double mean =
      std::accumulate(samples.begin(), samples.end(), 0.0) / static_cast<double>(samples.size());
  double variance = 0;
  double covariance = 0;
  for (std::size_t i = 0; i < samples.size(); ++i) {
    variance += (samples[i] - mean) * (samples[i] - mean);
    if (i > 0) covariance += (samples[i] - mean) * (samples[i - 1] - mean);
  }
  return variance > 0 ? covariance / variance : 0;
}

}  // namespace accel::bench
