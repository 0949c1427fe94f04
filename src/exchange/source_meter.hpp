// SPDX-License-Identifier: Apache-2.0
#pragma once
// Measures one source as BBR measures a path, and says how many bytes to keep in flight there:
// twice its bandwidth-delay product (the fastest recent delivery rate times the shortest recent
// round trip), but at least a few blocks while those take little time, because a source that must
// wait for the next request is idle. Pure: time comes in. Used by the scheduler only. Source:
// Cardwell et al., "BBR: Congestion-Based Congestion Control", ACM Queue 14(5), 2016.

#include <array>
#include <cstdint>
#include <optional>

#include "accel/core/clock.hpp"

namespace accel::exchange {

class SourceMeter {
 public:
  // What to remember of a request when it is sent.
  struct Mark {
    SteadyTime sent_at;
    std::uint64_t delivered = 0;
  };
  Mark mark(SteadyTime now) const { return {now, delivered_}; }

  // What earlier transfers measured; it counts until this one has a sample of its own. 0: unknown.
  void expect(double bytes_per_second, Duration round_trip);

  void on_first_byte(const Mark& mark, SteadyTime now);
  void on_bytes(std::uint64_t bytes) { delivered_ += bytes; }
  // A whole body has come: one sample of the delivery rate, over the time of this request.
  void on_complete(const Mark& mark, SteadyTime now);
  // Time passes while requests are open there (busy) or not: samples a source so slow that no
  // request completes.
  void on_tick(bool busy, SteadyTime now);

  // Bytes to have outstanding (asked for and not received) when blocks are about this large; at
  // least one block.
  std::uint64_t window_bytes(std::uint64_t block_bytes) const;
  // Bytes per second, smoothed: what to expect of it. Nothing before the first sample.
  std::optional<double> rate() const;
  bool measured() const { return sample_count_ > 0; }
  std::uint64_t samples() const { return sample_count_; }
  std::optional<Duration> round_trip() const;  // The shortest of the last seconds.
  Duration least_round_trip() const { return least_round_trip_; }  // Of all; zero without any.
  double median_rate() const;  // Of the last samples; 0 without any.

 private:
  // The extreme of the last one to two spans of time: two buckets that take turns.
  template <class Better>
  struct Extreme {
    double current = 0, previous = 0;
    bool has_current = false, has_previous = false;
    SteadyTime since;
    void add(double value, SteadyTime now, Duration span);
    std::optional<double> get() const;
  };
  struct Larger {
    bool operator()(double a, double b) const { return a > b; }
  };
  struct Smaller {
    bool operator()(double a, double b) const { return a < b; }
  };
  static constexpr std::size_t kSamples = 64;

  void sample(double rate, SteadyTime now);

  std::uint64_t delivered_ = 0;
  Mark period_;  // The stretch of busy time that on_tick() measures.
  bool in_period_ = false;
  double expected_rate_ = 0;
  double expected_round_trip_s_ = 0;
  Duration least_round_trip_{};
  double smoothed_rate_ = 0;
  std::uint64_t sample_count_ = 0;
  std::array<double, kSamples> samples_{};
  Extreme<Larger> best_rate_;
  Extreme<Smaller> round_trip_s_;
};

}  // namespace accel::exchange
