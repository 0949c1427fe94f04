// SPDX-License-Identifier: Apache-2.0
#pragma once
// A circuit breaker: after failures in a row an endpoint is left alone for a while, then one
// request tries it, and its outcome decides. Pure: the time comes in.

#include <cstddef>

#include "accel/core/clock.hpp"

namespace accel::endpoints {

struct BreakerOptions {
  std::size_t failures = 5;  // In a row. Fewer would open on the stumble of a restart.
  Duration pause = std::chrono::seconds(5);
  Duration longest_pause = std::chrono::minutes(1);  // Pauses double up to this.
};

class Breaker {
 public:
  enum class State { closed, open, half_open };

  explicit Breaker(BreakerOptions options = {}) : options_(options), pause_(options.pause) {}

  State state(SteadyTime now) const;
  // Whether a request may go. Half open, one at a time may.
  bool admits(SteadyTime now) const;
  void began(SteadyTime now);
  void succeeded();
  void failed(SteadyTime now);
  // The request came to nothing that says anything: the caller left, or was refused for itself.
  void undecided() { trying_ = false; }

 private:
  BreakerOptions options_;
  Duration pause_;
  std::size_t in_a_row_ = 0;
  bool opened_ = false;
  bool trying_ = false;  // The one of a half-open breaker is on its way.
  SteadyTime until_{};
};

}  // namespace accel::endpoints
