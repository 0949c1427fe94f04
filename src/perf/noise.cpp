// SPDX-License-Identifier: Apache-2.0
#include "noise.hpp"

#include <algorithm>
#include <cmath>

#include "accel/hardware/samples.hpp"

namespace accel::perf::detail {
namespace {

// Of a normal distribution: sigma of the median of n is 1.2533 sigma / sqrt(n).
constexpr double kMedianEfficiency = 1.2533;

double error_of(std::span<const double> values, double middle) {
  if (values.size() < 2) return 0;
  const double count = static_cast<double>(values.size());
  return kMedianEfficiency * hardware::scaled_mad(values) / std::sqrt(count) / middle;
}

}  // namespace

double relative_error(std::span<const double> samples, std::span<const double> turns) {
  const double middle = hardware::median(samples);
  if (middle <= 0) return 0;
  return std::max(error_of(samples, middle), error_of(turns, middle));
}

}  // namespace accel::perf::detail
