// SPDX-License-Identifier: Apache-2.0
#pragma once
// How many of those whom a batch has just answered ask again at once. Clients in a closed loop do
// nearly all, requests that come by chance hardly any; so it is counted, after each batch, for as
// long as a request may wait for others. Used by BatchPlanner, under its mutex; it is told the
// time.

#include <cstddef>

#include "accel/core/clock.hpp"

namespace accel::inference::batching {

class ReturningClients {
 public:
  explicit ReturningClients(Duration window) : window_(window) {}

  // A batch of so many requests was answered.
  void answered(std::size_t requests, SteadyTime now);
  // A request came.
  void came(SteadyTime now);
  // Requests that are expected still, before until().
  std::size_t due(SteadyTime now) const;
  SteadyTime until() const { return since_ + window_; }

 private:
  bool open(SteadyTime now) const { return answered_ > 0 && now >= since_ && now < until(); }

  Duration window_;
  SteadyTime since_{};
  double answered_ = 0;  // Since then.
  double came_ = 0;
  double share_ = 0;  // Of the answered that came back, lately.
};

}  // namespace accel::inference::batching
