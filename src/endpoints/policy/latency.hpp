// SPDX-License-Identifier: Apache-2.0
#pragma once
// How late an endpoint answers. A moving average that forgets with time and takes every peak at
// once
// ("peak EWMA", Twitter's Finagle): an endpoint that becomes slow loses its place with one answer,
// and wins it back as the peak is forgotten. And the 95th percentile of the latest samples, for
// hedges. Pure.

#include <array>
#include <cstddef>
#include <optional>

#include "accel/core/clock.hpp"

namespace accel::endpoints {

class Latency {
 public:
  static constexpr Duration kMemory = std::chrono::seconds(30);  // A sample weighs 1/e after this.
  static constexpr std::size_t kSamples = 128;
  static constexpr std::size_t kEnough = 20;  // Fewer samples have no 95th percentile.

  void add(SteadyTime now, Duration took);
  // Nothing before the first sample. Without samples it falls with time: whoever was slow is asked
  // again some day.
  std::optional<double> average_ms(SteadyTime now) const;
  std::optional<Duration> p95() const;

 private:
  double kept_until(SteadyTime now) const;

  std::array<Duration, kSamples> samples_{};
  std::size_t count_ = 0;
  double average_ms_ = 0;
  SteadyTime last_{};
};

}  // namespace accel::endpoints
