// SPDX-License-Identifier: Apache-2.0
#pragma once
// What is known of one endpoint, and which of several a request goes to. Pure: the time comes in.

#include <optional>
#include <span>
#include <string>

#include "accel/endpoints/multiplexer.hpp"
#include "policy/breaker.hpp"
#include "policy/latency.hpp"
#include "policy/rate_limit.hpp"

namespace accel::endpoints {

// What became of a request, as the next ones should know it.
enum class Outcome {
  succeeded,
  failed,     // The server's fault: counts for the breaker.
  refused,    // For the request's own sake, or the model's: says nothing of the server's health.
  throttled,  // It asks not to be asked for a while.
  cancelled,  // Nobody waited for it any more.
};

class Standing {
 public:
  Standing(std::size_t max_concurrent, std::uint32_t requests_per_minute)
      : max_concurrent_(max_concurrent), rate_(requests_per_minute) {}

  // When a request may go by pause and rate; nothing while all places are taken, or it is shut.
  std::optional<SteadyTime> ready_at(SteadyTime now) const;
  // Left alone by its breaker: waiting for it would only hide the failure.
  bool is_shut(SteadyTime now) const { return !breaker_.admits(now); }
  void began(SteadyTime now);
  void first_piece(SteadyTime now, Duration took) { latency_.add(now, took); }
  void ended(SteadyTime now, Outcome outcome, std::optional<Duration> retry_after = {});

  // The moving average by how many would share it; nothing before anything was measured.
  std::optional<double> score(SteadyTime now) const;
  std::optional<Duration> usually_first_within() const { return latency_.p95(); }
  std::size_t outstanding() const { return outstanding_; }
  Breaker::State state(SteadyTime now) const { return breaker_.state(now); }
  void describe(SteadyTime now, EndpointStats& stats) const;

 private:
  static constexpr Duration kPauseUntold = std::chrono::seconds(1);  // 429 without Retry-After.

  std::size_t max_concurrent_;
  std::size_t outstanding_ = 0;
  RateLimit rate_;
  Breaker breaker_;
  Latency latency_;
  SteadyTime paused_until_{};
  std::uint64_t requests_ = 0, failures_ = 0, refusals_ = 0, cancelled_ = 0;
};

struct Candidate {
  const Standing* standing = nullptr;
  std::optional<double> price;  // Of a million tokens in and out together; nothing: not known.
  bool tried = false;           // By this request: only when all others were.
};

// Among those that are ready now, an index. By latency: the least score, and what was never
// measured goes first, so that it is. By cost: the least price (not known: the most), then the
// score.
std::optional<std::size_t> choose(std::span<const Candidate> candidates, Preference preference,
                                  SteadyTime now);

}  // namespace accel::endpoints
