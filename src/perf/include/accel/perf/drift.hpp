// SPDX-License-Identifier: Apache-2.0
#pragma once
// Notices that live latency has left the figure a choice was remembered with, persistently, so that
// the choice is measured again. Used by node beside a running session. One owner, one thread; pure.
//
// Method: the log of (block median / remembered median), one value per block of 32 calls, goes into
// a two-sided CUSUM (Page, Biometrika 1954). The median makes single stalls invisible; a block's
// share is capped, so that a few bad blocks never alarm. Measured in simulation (README.md): no
// false alarm in two million calls on a shared machine; 20 % slower is noticed after 560 calls, 100
// % after 256.

#include <cstddef>
#include <optional>
#include <vector>

namespace accel::perf {

struct DriftOptions {
  std::size_t block_calls = 32;
  double allowance = 0.10;  // Log ratio per block that is not held against it (about 10 %).
  double threshold = 1.5;   // Alarm when the sum passes this.
  double block_cap = 0.20;  // A block adds at most this: an alarm takes at least eight blocks.
  double max_load = 0.20;   // Calls under more load than this are not looked at.
};

struct Drift {
  double ratio = 1;  // Median of the blocks since the change began, over the remembered median.
  std::size_t blocks = 0;
  bool slower() const { return ratio > 1; }
};

class DriftDetector {
 public:
  // remembered_ms > 0: the median the choice was remembered with.
  explicit DriftDetector(double remembered_ms, DriftOptions options = {});

  // One call's latency and the load it ran under (0 when unknown). Returns the drift once, at the
  // call that completes the alarm; the detector then starts over.
  std::optional<Drift> observe(double latency_ms, double load = 0);
  void reset();

 private:
  std::optional<Drift> close_block();

  double remembered_ms_;
  DriftOptions options_;
  std::vector<double> block_;
  std::vector<double> up_blocks_, down_blocks_;  // Block medians since each sum last was zero.
  double up_ = 0;
  double down_ = 0;
};

}  // namespace accel::perf
