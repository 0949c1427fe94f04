// SPDX-License-Identifier: Apache-2.0
#include "progress_meter.hpp"

namespace accel::exchange {

std::optional<PullProgress> ProgressMeter::due(std::uint64_t total, bool total_known,
                                               SteadyTime now) {
  if (last_ && now - *last_ < kInterval) return std::nullopt;
  last_ = now;
  return at(total, total_known, now);
}

PullProgress ProgressMeter::at(std::uint64_t total, bool total_known, SteadyTime now) {
  PullProgress progress{done_, total, total_known, rate(now), std::nullopt};
  if (total_known && progress.bytes_per_second > 0 && total >= done_) {
    progress.seconds_left = static_cast<double>(total - done_) / progress.bytes_per_second;
  }
  return progress;
}

double ProgressMeter::rate(SteadyTime now) {
  samples_.push_back({now, fetched_});
  // The oldest sample lies at least a window back, if there is one so old.
  while (samples_.size() > 2 && now - samples_[1].time >= kWindow) samples_.pop_front();
  const std::chrono::duration<double> span = now - samples_.front().time;
  if (span.count() <= 0) return 0;
  return static_cast<double>(fetched_ - samples_.front().fetched) / span.count();
}

}  // namespace accel::exchange
