// SPDX-License-Identifier: Apache-2.0
#include "accel/security/quota.hpp"

#include <algorithm>
#include <limits>

namespace accel::security {
namespace {

constexpr Duration kOneOfMany = std::chrono::seconds(1);  // When a running request may have ended.

Duration steady(Moment now) { return now.steady.time_since_epoch(); }
Duration wall(Moment now) { return now.wall.time_since_epoch(); }

Refusal late(Duration retry_after, std::string message) {
  return {{Errc::resource_exhausted, std::move(message), {}}, retry_after, false};
}

std::uint64_t add_up(std::uint64_t a, std::uint64_t b) {
  return a > std::numeric_limits<std::uint64_t>::max() - b
             ? std::numeric_limits<std::uint64_t>::max()
             : a + b;
}

}  // namespace

RollingWindow::RollingWindow(Duration span, std::size_t slots)
    : width_(span / static_cast<Duration::rep>(slots)), counts_(slots + 1) {}

void RollingWindow::roll_to(Duration now) {
  const std::int64_t number = now / width_;
  const std::int64_t steps = number - number_;
  number_ = number;
  if (steps <= 0) return;
  const auto rolled = std::min<std::int64_t>(steps, static_cast<std::int64_t>(counts_.size()));
  for (std::int64_t i = 0; i < rolled; ++i) {
    newest_ = (newest_ + 1) % counts_.size();
    sum_ -= counts_[newest_];
    counts_[newest_] = 0;
  }
}

void RollingWindow::add(Duration now, std::uint64_t count) {
  roll_to(now);
  // What would overflow is beyond every limit anyhow.
  const std::uint64_t taken = add_up(sum_, count) - sum_;
  counts_[newest_] += taken;
  sum_ += taken;
}

std::uint64_t RollingWindow::sum(Duration now) {
  roll_to(now);
  return sum_;
}

Duration RollingWindow::until_below(Duration now, std::uint64_t limit) {
  roll_to(now);
  std::uint64_t left = sum_;
  const Duration begun = now - width_ * number_;  // Of the slot that runs.
  // After as many steps the oldest slots are gone: the oldest one after the
  // first.
  for (std::size_t gone = 0; gone <= counts_.size(); ++gone) {
    if (gone > 0) left -= counts_[place(counts_.size() - gone)];
    if (left < limit) return gone == 0 ? Duration{} : width_ * static_cast<int>(gone) - begun;
  }
  return width_ * static_cast<Duration::rep>(counts_.size());
}

Duration RollingWindow::until_empty(Duration now) { return until_below(now, 1); }

std::vector<RollingWindow::Slot> RollingWindow::slots(Duration now) {
  roll_to(now);
  std::vector<Slot> kept;
  for (std::size_t age = counts_.size(); age-- > 0;) {
    const std::uint64_t count = counts_[place(age)];
    if (count > 0) kept.push_back({number_ - static_cast<std::int64_t>(age), count});
  }
  return kept;
}

void RollingWindow::restore(Duration now, std::span<const Slot> slots) {
  roll_to(now);
  for (const Slot& slot : slots) {
    // Of a clock that was ahead: counted as of now. Compared, not subtracted:
    // numbers come from a file.
    const std::int64_t oldest = number_ - static_cast<std::int64_t>(counts_.size()) + 1;
    if (slot.number < oldest) continue;
    const std::int64_t age = slot.number >= number_ ? 0 : number_ - slot.number;
    const std::uint64_t taken = add_up(sum_, slot.count) - sum_;
    counts_[place(static_cast<std::size_t>(age))] += taken;
    sum_ += taken;
  }
}

std::optional<Refusal> Quota::begin(const KeyLimits& limits, Moment now, std::uint64_t body_bytes) {
  if (auto refusal = why_not(limits, now, body_bytes)) return refusal;
  if (limits.requests_per_minute > 0) requests_.add(steady(now), 1);
  ++running_;
  return std::nullopt;
}

std::optional<Refusal> Quota::why_not(const KeyLimits& limits, Moment now,
                                      std::uint64_t body_bytes) {
  if (limits.body_bytes > 0 && body_bytes > limits.body_bytes) {
    return Refusal{{Errc::invalid_argument,
                    fmt::format("The body has {} bytes; this key may send {} in a request.",
                                body_bytes, limits.body_bytes),
                    {}},
                   {},
                   true};
  }
  if (limits.concurrent_requests > 0 && running_ >= limits.concurrent_requests) {
    return late(kOneOfMany, fmt::format("{} requests of this key are running, all that it may have "
                                        "at a time; try again when one has ended.",
                                        running_));
  }
  if (limits.requests_per_minute > 0) {
    const Duration wait = requests_.until_below(steady(now), limits.requests_per_minute);
    if (wait > Duration::zero()) {
      return late(wait, fmt::format("This key may send {} requests a minute, and has.",
                                    limits.requests_per_minute));
    }
  }
  return tokens_left(limits, now);
}

std::optional<Refusal> Quota::tokens_left(const KeyLimits& limits, Moment now) {
  if (limits.tokens_per_minute > 0) {
    const Duration wait = minute_.until_below(steady(now), limits.tokens_per_minute);
    if (wait > Duration::zero()) {
      return late(wait, fmt::format("This key may use {} tokens a minute, and has.",
                                    limits.tokens_per_minute));
    }
  }
  if (limits.tokens_per_day == 0) return std::nullopt;
  const Duration wait = day_.until_below(wall(now), limits.tokens_per_day);
  if (wait == Duration::zero()) return std::nullopt;
  return late(wait,
              fmt::format("This key may use {} tokens a day, and has.", limits.tokens_per_day));
}

void Quota::end() { running_ -= running_ > 0 ? 1 : 0; }

void Quota::spend(Moment now, std::uint64_t tokens) {
  minute_.add(steady(now), tokens);
  day_.add(wall(now), tokens);
}

namespace {

Allowance allowance(RollingWindow& window, Duration now, std::uint64_t limit) {
  const std::uint64_t used = window.sum(now);
  return {limit, used >= limit ? 0 : limit - used, window.until_empty(now)};
}

}  // namespace

std::optional<Allowance> Quota::requests(const KeyLimits& limits, Moment now) {
  if (limits.requests_per_minute == 0) return std::nullopt;
  return allowance(requests_, steady(now), limits.requests_per_minute);
}

std::optional<Allowance> Quota::tokens(const KeyLimits& limits, Moment now) {
  std::optional<Allowance> nearer;
  if (limits.tokens_per_minute > 0)
    nearer = allowance(minute_, steady(now), limits.tokens_per_minute);
  if (limits.tokens_per_day == 0) return nearer;
  const Allowance day = allowance(day_, wall(now), limits.tokens_per_day);
  return !nearer || day.left < nearer->left ? day : nearer;
}

}  // namespace accel::security
