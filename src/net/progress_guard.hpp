// SPDX-License-Identifier: Apache-2.0
#pragma once
// How long a peer may take over a body: in each window it must move a minimum of bytes, so that one
// byte now and then does not hold a connection for ever. Pure: it is told the time. Used by
// Connection for both directions.

#include <cstdint>

#include "accel/core/clock.hpp"

namespace accel::net {

class ProgressGuard {
 public:
  ProgressGuard(Duration window, std::uint64_t min_bytes)
      : window_(window), min_bytes_(min_bytes) {}

  // We begin or go on to wait for the peer; returns until when.
  SteadyTime wait_until(SteadyTime now) {
    if (!waiting_ || moved_ >= min_bytes_) {
      waiting_ = true;
      moved_ = 0;
      window_start_ = now;
    }
    return window_start_ + window_;
  }

  void moved(std::uint64_t bytes) { moved_ += bytes; }

  // The next wait is a new one: between two of them it was our turn.
  void pause() { waiting_ = false; }

 private:
  Duration window_;
  std::uint64_t min_bytes_;
  std::uint64_t moved_ = 0;
  SteadyTime window_start_{};
  bool waiting_ = false;
};

}  // namespace accel::net
