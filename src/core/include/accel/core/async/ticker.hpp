// SPDX-License-Identifier: Apache-2.0
#pragma once
// Looks after a call that blocks: a deadline, a stop request, a memory limit. For libraries whose
// only way to end a call early is a function to be called from another thread.

#include <functional>
#include <memory>

#include "accel/core/clock.hpp"

namespace accel {

// Calls tick() on a thread of its own every interval, from the first interval until destruction.
// The destructor waits for a tick that runs; tick() must not throw.
class Ticker {
 public:
  Ticker(Duration interval, std::function<void()> tick);
  ~Ticker();
  Ticker(const Ticker&) = delete;
  Ticker& operator=(const Ticker&) = delete;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace accel
