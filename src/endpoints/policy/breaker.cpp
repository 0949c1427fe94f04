// SPDX-License-Identifier: Apache-2.0
#include "policy/breaker.hpp"

#include <algorithm>

namespace accel::endpoints {

Breaker::State Breaker::state(SteadyTime now) const {
  if (!opened_) return State::closed;
  return now < until_ ? State::open : State::half_open;
}

bool Breaker::admits(SteadyTime now) const { return !opened_ || (now >= until_ && !trying_); }

void Breaker::began(SteadyTime now) {
  if (state(now) == State::half_open) trying_ = true;
}

void Breaker::succeeded() {
  in_a_row_ = 0;
  opened_ = trying_ = false;
  pause_ = options_.pause;
}

// What was under way when it opened does not open it longer.
void Breaker::failed(SteadyTime now) {
  ++in_a_row_;
  const bool retried = opened_ && trying_;
  trying_ = false;
  if (opened_ && !retried) return;
  if (!opened_ && in_a_row_ < options_.failures) return;
  if (retried) pause_ = std::min(pause_ * 2, options_.longest_pause);
  opened_ = true;
  until_ = now + pause_;
}

}  // namespace accel::endpoints
