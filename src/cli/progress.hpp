// SPDX-License-Identifier: Apache-2.0
#pragma once
// A progress line on stderr: bytes, rate, remaining time. A terminal gets one line that is redrawn,
// a log gets a line now and then. One per call, on one thread at a time.

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "accel/core/clock.hpp"

namespace accel::cli {

class ProgressLine {
 public:
  ProgressLine(const Clock& clock, bool terminal, bool quiet)
      : clock_(&clock), terminal_(terminal), quiet_(quiet) {}
  ~ProgressLine() { clear(); }
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  // {"phase", "bytes_done", "bytes_total", "bytes_per_second", "eta_seconds", "message"}; all but
  // phase may be absent.
  void show(const nlohmann::json& progress);
  void clear();

  // The line's text, without control characters; `width` columns at most.
  static std::string render(const nlohmann::json& progress, std::size_t width);

 private:
  const Clock* clock_;
  bool terminal_;
  bool quiet_;
  bool drawn_ = false;
  SteadyTime last_{};
};

}  // namespace accel::cli
