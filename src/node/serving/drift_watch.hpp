// SPDX-License-Identifier: Apache-2.0
#pragma once
// Compares the live calls of one loaded model with the figures that its choices were remembered
// with, one for each remembered choice (a choice is about one shape of input). Calls that run
// beside each other slow each other down and are not looked at. Thread-safe.

#include <map>
#include <mutex>
#include <string>

#include "accel/perf/drift.hpp"

namespace accel::node {

class DriftWatch {
 public:
  // One call, from its start to its end.
  class Call {
   public:
    explicit Call(DriftWatch& watch);
    ~Call();
    Call(const Call&) = delete;
    Call& operator=(const Call&) = delete;
    // True when latencies have left the remembered figure for good. `load`: of others meanwhile.
    bool drifted(const std::string& choice, double remembered_ms, double latency_ms, double load);

   private:
    DriftWatch& watch_;
  };

  // The choice was measured anew: what was seen before says nothing about it.
  void measured(const std::string& choice);

 private:
  std::mutex mutex_;
  int running_ = 0;
  bool disturbed_ = false;  // Two have run at the same time since none ran.
  std::map<std::string, perf::DriftDetector> detectors_;
};

}  // namespace accel::node
