// SPDX-License-Identifier: Apache-2.0
#include "accel/hardware/samples.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

namespace accel::hardware {

double quantile(std::span<const double> samples, double q) {
  if (samples.empty()) return 0;
  std::vector<double> sorted(samples.begin(), samples.end());
  std::sort(sorted.begin(), sorted.end());
  const double position = std::clamp(q, 0.0, 1.0) * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(position);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  const double fraction = position - static_cast<double>(below);
  return sorted[below] + fraction * (sorted[above] - sorted[below]);
}

double median(std::span<const double> samples) { return quantile(samples, 0.5); }

double scaled_mad(std::span<const double> samples) {
  constexpr double kNormalConsistency = 1.4826;  // 1 / the 0.75-quantile of the standard normal.
  const double middle = median(samples);
  std::vector<double> deviations;
  deviations.reserve(samples.size());
  for (const double sample : samples) deviations.push_back(std::abs(sample - middle));
  return kNormalConsistency * median(deviations);
}

double relative_spread(std::span<const double> samples) {
  const double middle = median(samples);
  if (middle <= 0) return 0;
  return (quantile(samples, 0.9) - quantile(samples, 0.1)) / middle;
}

}  // namespace accel::hardware
