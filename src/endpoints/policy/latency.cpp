// SPDX-License-Identifier: Apache-2.0
#include "policy/latency.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

namespace accel::endpoints {

void Latency::add(SteadyTime now, Duration took) {
  const double ms = to_ms(took);
  const double kept = count_ == 0 ? 0 : kept_until(now);
  average_ms_ = std::max(ms, average_ms_ * kept + ms * (1 - kept));
  last_ = now;
  samples_.at(count_++ % kSamples) = took;
}

double Latency::kept_until(SteadyTime now) const {
  return std::exp(-std::max(to_ms(now - last_), 0.0) / to_ms(kMemory));
}

std::optional<double> Latency::average_ms(SteadyTime now) const {
  if (count_ == 0) return std::nullopt;
  return average_ms_ * kept_until(now);
}

std::optional<Duration> Latency::p95() const {
  const std::size_t have = std::min(count_, kSamples);
  if (have < kEnough) return std::nullopt;
  std::vector<Duration> sorted(samples_.begin(),
                               samples_.begin() + static_cast<std::ptrdiff_t>(have));
  const auto place = sorted.begin() + static_cast<std::ptrdiff_t>(have * 95 / 100);
  std::nth_element(sorted.begin(), place, sorted.end());
  return *place;
}

}  // namespace accel::endpoints
