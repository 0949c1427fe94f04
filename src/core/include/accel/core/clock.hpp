// SPDX-License-Identifier: Apache-2.0
#pragma once
// The clock seam: code that needs time takes a Clock&, so that tests own it. The system's clock is
// the only real one.

#include <chrono>
#include <string>

namespace accel {

using Duration = std::chrono::nanoseconds;
using SteadyTime = std::chrono::steady_clock::time_point;
using WallTime = std::chrono::system_clock::time_point;

class Clock {
 public:
  virtual ~Clock() = default;
  virtual SteadyTime now() const = 0;     // For durations and deadlines.
  virtual WallTime wall_now() const = 0;  // For records that people read.
};

// The process's clock; lives as long as the program. Thread-safe.
const Clock& system_clock();

// "2026-11-21T10:40:00.123Z", UTC with milliseconds (RFC 3339).
std::string to_rfc3339(WallTime time);
// Milliseconds with fractions, for results and logs.
double to_ms(Duration duration);

// A clock that moves only when told to, for tests.
class ManualClock final : public Clock {
 public:
  SteadyTime now() const override { return SteadyTime{} + elapsed_; }
  WallTime wall_now() const override {
    return WallTime{} + std::chrono::duration_cast<WallTime::duration>(elapsed_);
  }
  void advance(Duration by) { elapsed_ += by; }

 private:
  Duration elapsed_{};
};

}  // namespace accel
