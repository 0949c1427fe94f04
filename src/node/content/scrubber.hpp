// SPDX-License-Identifier: Apache-2.0
#pragma once
// A daemon reads everything that it stores once in a while, slowly and at the lowest priority, and
// compares it with its hashes: bits that rot are found before somebody needs them. What is wrong is
// given to nobody from then on; `repair` fetches it again. Owned by Services; a thread of its own.

#include <stop_token>

#include "accel/blockstore/store.hpp"
#include "accel/core/async/io.hpp"
#include "accel/core/clock.hpp"
#include "accel/core/metrics.hpp"

namespace accel::node {

struct ScrubPlan {
  Duration interval{};                 // Between the ends of two rounds.
  std::uint64_t bytes_per_second = 0;  // At least 1.
};

class Scrubber {
 public:
  // What it takes must outlive it.
  Scrubber(blockstore::Store& store, Metrics& metrics, const Clock& clock, ScrubPlan plan);
  ~Scrubber();  // Stops and waits.
  Scrubber(const Scrubber&) = delete;
  Scrubber& operator=(const Scrubber&) = delete;

 private:
  void run();
  Duration until_due() const;
  void scrub();

  blockstore::Store& store_;
  Metrics& metrics_;
  const Clock& clock_;
  ScrubPlan plan_;
  std::stop_source stop_;
  IoThread thread_{1, "scrub"};  // Uses all of the above: declared last.
};

}  // namespace accel::node
