// SPDX-License-Identifier: Apache-2.0
#pragma once
// What one key may use in a time: pure policy, told the time by its caller.
// Windows roll: in no span of a minute, or of a day, is there more than the
// limit, wherever it begins. Used by KeyUse. Not thread-safe.

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "accel/core/clock.hpp"
#include "accel/core/result.hpp"

namespace accel::security {

// 0: no limit.
struct KeyLimits {
  std::uint64_t requests_per_minute = 0;
  std::uint64_t concurrent_requests = 0;
  std::uint64_t tokens_per_minute = 0;  // Of prompts and answers, as the replies' usage has them.
  std::uint64_t tokens_per_day = 0;
  std::uint64_t body_bytes = 0;  // Of one request.
  std::uint64_t max_tokens = 0;  // Of one answer.
  // The most urgent level that it may ask for: 1 (high), 2 (normal) or 3 (low); 0: normal.
  std::uint64_t priority = 0;

  bool operator==(const KeyLimits&) const = default;
};

// As files and parameters have them.
struct LimitName {
  const char* name;
  std::uint64_t KeyLimits::* member;
};
inline constexpr std::array kLimitNames{
    LimitName{"requests_per_minute", &KeyLimits::requests_per_minute},
    LimitName{"concurrent_requests", &KeyLimits::concurrent_requests},
    LimitName{"tokens_per_minute", &KeyLimits::tokens_per_minute},
    LimitName{"tokens_per_day", &KeyLimits::tokens_per_day},
    LimitName{"body_bytes", &KeyLimits::body_bytes},
    LimitName{"max_tokens", &KeyLimits::max_tokens},
    LimitName{"priority", &KeyLimits::priority},
};

// Counts in slots of time; the slot that is running counts besides as many as
// fill the span.
class RollingWindow {
 public:
  RollingWindow(Duration span, std::size_t slots);

  // `now`: since any fixed point. When it steps back (a clock was set), what is
  // counted stays counted, as from now on.
  void add(Duration now, std::uint64_t count);
  std::uint64_t sum(Duration now);
  // How long until the sum is below `limit`; zero when it is. limit > 0.
  Duration until_below(Duration now, std::uint64_t limit);
  // How long until nothing is counted any more.
  Duration until_empty(Duration now);

  struct Slot {
    std::int64_t number = 0;  // Of the slot, since the same fixed point.
    std::uint64_t count = 0;
  };
  // What is counted, for who keeps it; zeros are left out.
  std::vector<Slot> slots(Duration now);
  void restore(Duration now, std::span<const Slot> slots);

 private:
  void roll_to(Duration now);
  std::size_t place(std::size_t age) const {
    return (newest_ + counts_.size() - age) % counts_.size();
  }

  Duration width_;
  std::vector<std::uint64_t> counts_;
  std::size_t newest_ = 0;  // Where the slot `number_` is counted.
  std::int64_t number_ = 0;
  std::uint64_t sum_ = 0;
};

// Why a request is not let in.
struct Refusal {
  Error error;
  Duration retry_after{};  // Zero: it would be refused again.
  bool too_large = false;  // The request itself: 413 over HTTP.
};

// How much of a limit is left, for the headers of a reply.
struct Allowance {
  std::uint64_t limit = 0;
  std::uint64_t left = 0;
  Duration until_full{};
};

struct Moment {
  SteadyTime steady;  // Of minutes.
  WallTime wall;      // Of days: these are kept over a restart.
};

class Quota {
 public:
  // Why a request would not be let in now; nothing is counted.
  std::optional<Refusal> why_not(const KeyLimits& limits, Moment now, std::uint64_t body_bytes);
  // Lets a request in and counts it, or says why not: then nothing is counted.
  std::optional<Refusal> begin(const KeyLimits& limits, Moment now, std::uint64_t body_bytes);
  // Of each that was let in.
  void end();
  // Tokens are known when they are used: a request that was let in may go over
  // the limit, the next one waits.
  void spend(Moment now, std::uint64_t tokens);

  std::optional<Allowance> requests(const KeyLimits& limits, Moment now);
  // Of the nearer limit.
  std::optional<Allowance> tokens(const KeyLimits& limits, Moment now);
  std::uint64_t running() const { return running_; }
  RollingWindow& day() { return day_; }

 private:
  std::optional<Refusal> tokens_left(const KeyLimits& limits, Moment now);

  RollingWindow requests_{std::chrono::minutes(1), 60};
  RollingWindow minute_{std::chrono::minutes(1), 60};
  RollingWindow day_{std::chrono::hours(24), 96};
  std::uint64_t running_ = 0;
};

}  // namespace accel::security
