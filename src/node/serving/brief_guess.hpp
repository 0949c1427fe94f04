// SPDX-License-Identifier: Apache-2.0
#pragma once
// Whether a request will take some microseconds, guessed by those before it: such a one is run
// where it was read (RelayLoop in core), without a way to another thread and back.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>

#include "accel/core/clock.hpp"

namespace accel::node {

// Thread-safe.
class BriefGuess {
 public:
  // What a way to another thread and back costs, about; more where CPUs are busy or asleep.
  static constexpr Duration kBrief = std::chrono::microseconds(100);

  void took(Duration duration, std::size_t input_bytes);
  bool expects_brief(std::size_t input_bytes) const;

 private:
  static constexpr int kMost =
      13;  // Of the last 16 requests; a busy machine stops one now and then.
  mutable std::mutex mutex_;
  std::uint16_t were_brief_ = 0;  // A bit for each, the last one lowest.
  std::size_t largest_ = 0;       // Input of those that were, in bytes.
};

}  // namespace accel::node
