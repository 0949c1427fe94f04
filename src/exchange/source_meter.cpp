// SPDX-License-Identifier: Apache-2.0
#include "source_meter.hpp"

#include <algorithm>
#include <cmath>

namespace accel::exchange {
namespace {

constexpr Duration kRateSpan = std::chrono::seconds(3);
constexpr Duration kRoundTripSpan = std::chrono::seconds(10);  // As BBR's min-RTT filter.
constexpr double kGain = 2.0;        // Doubles a window per round trip while the rate still grows.
constexpr double kSmoothing = 0.25;  // Of the newest sample.
constexpr std::uint64_t kLargestWindow = 1ULL << 40U;  // A clock that stands still means nothing.
constexpr std::uint64_t kUntriedBlocks = 2;  // A source that lies or hangs holds no more than this.
constexpr std::uint64_t kPipelineBlocks = 4;  // Keeps server, wire and hashing busy on a fast link.
// Small blocks are many: what a server answers one by one is not worth a round trip each.
constexpr std::uint64_t kPipelineBytes = 256U << 10U;
constexpr double kPipelineSeconds = 0.5;  // More would only lengthen the tail behind a slow source.
constexpr Duration kTickSample = std::chrono::milliseconds(500);
constexpr Duration kShortestTime = std::chrono::microseconds(10);  // Below: the clock's noise.

double seconds(Duration duration) {
  return std::chrono::duration<double>(std::max(duration, kShortestTime)).count();
}

}  // namespace

template <class Better>
void SourceMeter::Extreme<Better>::add(double value, SteadyTime now, Duration span) {
  if (!has_current || now - since > span) {
    previous = current;
    has_previous = has_current && now - since <= 2 * span;
    current = value;
    has_current = true;
    since = now;
  } else if (Better{}(value, current)) {
    current = value;
  }
}

template <class Better>
std::optional<double> SourceMeter::Extreme<Better>::get() const {
  if (!has_current) return std::nullopt;
  return has_previous && Better{}(previous, current) ? previous : current;
}

void SourceMeter::expect(double bytes_per_second, Duration round_trip) {
  expected_rate_ = std::max(bytes_per_second, 0.0);
  expected_round_trip_s_ = round_trip > Duration{} ? seconds(round_trip) : 0;
}

void SourceMeter::on_first_byte(const Mark& mark, SteadyTime now) {
  const Duration took = now - mark.sent_at;
  if (least_round_trip_ == Duration{} || took < least_round_trip_) least_round_trip_ = took;
  round_trip_s_.add(seconds(now - mark.sent_at), now, kRoundTripSpan);
}

void SourceMeter::on_complete(const Mark& mark, SteadyTime now) {
  sample(static_cast<double>(delivered_ - mark.delivered) / seconds(now - mark.sent_at), now);
}

void SourceMeter::on_tick(bool busy, SteadyTime now) {
  if (busy && in_period_ && now - period_.sent_at < kTickSample) return;
  if (busy && in_period_) on_complete(period_, now);
  in_period_ = busy;
  period_ = mark(now);
}

void SourceMeter::sample(double rate, SteadyTime now) {
  best_rate_.add(rate, now, kRateSpan);
  smoothed_rate_ =
      sample_count_ == 0 ? rate : smoothed_rate_ + kSmoothing * (rate - smoothed_rate_);
  samples_[sample_count_ % kSamples] = rate;
  ++sample_count_;
}

std::uint64_t SourceMeter::window_bytes(std::uint64_t block_bytes) const {
  const std::uint64_t block = std::max<std::uint64_t>(block_bytes, 1);
  const auto best = best_rate_.get();
  // An old figure may no longer hold: no gain on it.
  if (!best) {
    const double path = expected_rate_ * expected_round_trip_s_;
    return std::max(kUntriedBlocks * block,
                    std::min(static_cast<std::uint64_t>(path), kLargestWindow));
  }
  const double product = kGain * *best * round_trip_s_.get().value_or(0);
  const double pipeline =
      std::min(*best * kPipelineSeconds,
               static_cast<double>(std::max(kPipelineBlocks * block, kPipelineBytes)));
  const double window = std::max(static_cast<double>(block) + product, pipeline);
  return std::min(static_cast<std::uint64_t>(window), kLargestWindow);
}

std::optional<double> SourceMeter::rate() const {
  if (sample_count_ > 0) return std::max(smoothed_rate_, 1.0);
  if (expected_rate_ > 0) return std::max(expected_rate_, 1.0);
  return std::nullopt;
}

std::optional<Duration> SourceMeter::round_trip() const {
  const auto value = round_trip_s_.get();
  if (!value) return std::nullopt;
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(*value));
}

double SourceMeter::median_rate() const {
  const std::size_t count = std::min<std::size_t>(sample_count_, kSamples);
  if (count == 0) return 0;
  auto sorted = samples_;
  const auto middle = sorted.begin() + static_cast<std::ptrdiff_t>(count / 2);
  std::nth_element(sorted.begin(), middle, sorted.begin() + static_cast<std::ptrdiff_t>(count));
  return *middle;
}

}  // namespace accel::exchange
