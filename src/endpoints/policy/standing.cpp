// SPDX-License-Identifier: Apache-2.0
#include "policy/standing.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <tuple>

namespace accel::endpoints {
namespace {

constexpr std::array<const char*, 3> kStates{"closed", "open", "half-open"};

// Smaller is better.
auto rank_of(const Candidate& candidate, Preference preference, SteadyTime now) {
  const double price = preference == Preference::cost
                           ? candidate.price.value_or(std::numeric_limits<double>::max())
                           : 0;
  const double score = candidate.standing->score(now).value_or(-1);
  // Of the ones that nothing is known of, the one that is asked least.
  return std::tuple(candidate.tried, price, score, candidate.standing->outstanding());
}

}  // namespace

std::optional<SteadyTime> Standing::ready_at(SteadyTime now) const {
  if (outstanding_ >= max_concurrent_ || is_shut(now)) return std::nullopt;
  return std::max({now, paused_until_, rate_.ready_at(now)});
}

void Standing::began(SteadyTime now) {
  ++requests_;
  ++outstanding_;
  rate_.take(now);
  breaker_.began(now);
}

void Standing::ended(SteadyTime now, Outcome outcome, std::optional<Duration> retry_after) {
  --outstanding_;
  if (outcome == Outcome::succeeded) return breaker_.succeeded();
  if (outcome == Outcome::failed) {
    ++failures_;
    breaker_.failed(now);
  } else {
    breaker_.undecided();
    ++(outcome == Outcome::cancelled ? cancelled_ : refusals_);
  }
  const bool waits = outcome == Outcome::throttled || retry_after.has_value();
  if (waits) paused_until_ = std::max(paused_until_, now + retry_after.value_or(kPauseUntold));
}

std::optional<double> Standing::score(SteadyTime now) const {
  const auto average = latency_.average_ms(now);
  if (!average) return std::nullopt;
  return *average * static_cast<double>(outstanding_ + 1);
}

void Standing::describe(SteadyTime now, EndpointStats& stats) const {
  stats.state = kStates.at(static_cast<std::size_t>(breaker_.state(now)));
  stats.requests = requests_;
  stats.failures = failures_;
  stats.refusals = refusals_;
  stats.cancelled = cancelled_;
  stats.outstanding = outstanding_;
  stats.latency_ms = latency_.average_ms(now);
  if (const auto p95 = latency_.p95()) stats.p95_ms = to_ms(*p95);
  stats.paused_ms = std::max(to_ms(paused_until_ - now), 0.0);
}

std::optional<std::size_t> choose(std::span<const Candidate> candidates, Preference preference,
                                  SteadyTime now) {
  std::optional<std::size_t> best;
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    const auto ready = candidates[i].standing->ready_at(now);
    if (!ready || *ready > now) continue;
    const bool better = !best || rank_of(candidates[i], preference, now) <
                                     rank_of(candidates[*best], preference, now);
    if (better) best = i;
  }
  return best;
}

}  // namespace accel::endpoints
