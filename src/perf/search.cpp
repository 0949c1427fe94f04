// SPDX-License-Identifier: Apache-2.0
#include "accel/perf/search.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "accel/hardware/samples.hpp"
#include "noise.hpp"

namespace accel::perf {
SearchOptions options_for(const Policy& policy) {
  SearchOptions options;
  const bool asked_by_name =
      policy.precision != "auto" && policy.precision != policy.native_precision;
  if (policy.max_error > 0) {
    options.accuracy_limit = policy.max_error;
  } else if (asked_by_name) {
    options.accuracy_limit = std::numeric_limits<double>::infinity();
  }
  options.require_accuracy = policy.precision == "auto" && policy.max_error > 0;
  return options;
}

SuccessiveHalving::SuccessiveHalving(std::vector<Candidate> candidates, SearchOptions options)
    : options_(options) {
  entries_.reserve(candidates.size());
  for (Candidate& candidate : candidates) {
    entries_.emplace_back().candidate = std::move(candidate);
  }
}

std::optional<TrialRequest> SuccessiveHalving::next(SteadyTime now) {
  if (!started_) started_ = now;
  learn_first_cost(now);
  const Duration left = options_.budget - spent(now);
  while (!queue_.empty() && !entries_[queue_.back()].alive) queue_.pop_back();
  if (queue_.empty() && !start_rung()) return std::nullopt;
  const std::size_t index = queue_.back();
  Entry& entry = entries_[index];
  if (!fits(entry, left)) return std::nullopt;
  if (!entry.tried) first_asked_ = now;
  TrialRequest request;
  request.index = index;
  request.warmup = entry.tried ? 0 : options_.warmup_runs;
  request.want_accuracy = !entry.tried;
  request.runs = options_.runs_per_turn;
  // An even share of what is left for each turn of this rung: a slow model gets fewer runs a turn.
  request.time_limit = left / static_cast<Duration::rep>(queue_.size() + 1);
  const std::vector<std::size_t> ranked = alive_ranked();
  if (rung_ == 0 && !ranked.empty()) {
    request.abandon_above_ms = options_.hopeless * judged_ms(entries_[ranked.front()]);
  }
  queue_.pop_back();
  entry.tried = true;
  return request;
}

void SuccessiveHalving::report(const TrialResult& result) {
  Entry& entry = entries_.at(result.index);
  if (result.accuracy_error) entry.accuracy_error = result.accuracy_error;
  if (result.open_ms) entry.open_ms = *result.open_ms;
  if (refuse(entry, result)) return;
  const double fastest = *std::min_element(result.samples_ms.begin(), result.samples_ms.end());
  entry.fastest_ms = entry.fastest_ms == 0 ? fastest : std::min(entry.fastest_ms, fastest);
  ++trials_;
  if (result.load > options_.max_load && discard(entry, result)) return;
  if (result.load > options_.max_load) ++entry.loaded_turns;
  entry.samples_ms.insert(entry.samples_ms.end(), result.samples_ms.begin(),
                          result.samples_ms.end());
  entry.turn_medians_ms.push_back(hardware::median(result.samples_ms));
  if (rung_ == 0) drop_hopeless();
}

// Puts the candidate at the end of the rung again: the load may be over by then. False when that
// was done often enough.
bool SuccessiveHalving::discard(Entry& entry, const TrialResult& result) {
  constexpr int kAlwaysAllowed = 2;
  const double most = kAlwaysAllowed + options_.most_discarded * trials_;
  if (entry.discarded >= options_.load_retries || discarded_ + 1 > most) return false;
  ++entry.discarded;
  ++discarded_;
  entry.loaded_samples_ms.insert(entry.loaded_samples_ms.end(), result.samples_ms.begin(),
                                 result.samples_ms.end());
  queue_.insert(queue_.begin(), result.index);
  return true;
}

// Spares those that are far behind the second turn of rung 0.
void SuccessiveHalving::drop_hopeless() {
  const std::vector<std::size_t> ranked = alive_ranked();
  if (ranked.empty()) return;
  const double best = judged_ms(entries_[ranked.front()]);
  for (const std::size_t index : ranked) {
    Entry& entry = entries_[index];
    const bool only_under_load = entry.samples_ms.empty();  // It is asked again first.
    if (!only_under_load && judged_ms(entry) > options_.hopeless * best) entry.alive = false;
  }
}

// In rung 0 the fastest run, whatever the load: noise only ever adds.
double SuccessiveHalving::judged_ms(const Entry& entry) const {
  if (rung_ <= 0) return entry.fastest_ms;
  return hardware::quantile(entry.samples_ms, kJudgedQuantile);
}

// A candidate that failed, or whose results are off, is out whatever its speed.
bool SuccessiveHalving::refuse(Entry& entry, const TrialResult& result) const {
  const auto out = [&](Verdict verdict, std::string reason) {
    entry.alive = false;
    entry.verdict = verdict;
    entry.reason = std::move(reason);
    return true;
  };
  if (!result.error.empty()) return out(Verdict::failed, "It failed: " + result.error);
  if (result.samples_ms.empty()) return out(Verdict::failed, "It returned no timing.");
  if (!entry.accuracy_error) {
    if (!options_.require_accuracy) return false;
    return out(Verdict::rejected, "Its accuracy is not known.");
  }
  if (*entry.accuracy_error <= options_.accuracy_limit) return false;  // False for NaN too.
  return out(Verdict::rejected,
             fmt::format("Its results differ from the reference by {:.2g}, more than the {:.2g} "
                         "that is allowed (--max-error).",
                         *entry.accuracy_error, options_.accuracy_limit));
}

std::vector<std::size_t> SuccessiveHalving::alive_ranked() const {
  std::vector<std::size_t> ranked;
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    if (entries_[i].alive && entries_[i].fastest_ms > 0) ranked.push_back(i);
  }
  const auto faster = [&](std::size_t a, std::size_t b) {
    return judged_ms(entries_[a]) < judged_ms(entries_[b]);
  };
  std::stable_sort(ranked.begin(), ranked.end(), faster);
  return ranked;
}

// Decides who goes on and queues the turns of the next rung. False when the search is over.
bool SuccessiveHalving::start_rung() {
  if (rung_ == 0) drop_after_first_rung();
  if (rung_ > 0) drop_beyond_noise();
  if (rung_ >= 0 && settled()) return false;
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    if (entries_[i].alive) order.push_back(i);
  }
  if (order.empty() || rung_ + 1 >= options_.max_rungs) return false;
  ++rung_;
  const int turns = rung_ == 0 ? options_.first_turns : 1 << rung_;
  for (int turn = 0; turn < turns; ++turn) {
    // A B C, then C B A: a machine that slows down steadily favours nobody.
    queue_.insert(queue_.end(), order.begin(), order.end());
    std::reverse(order.begin(), order.end());
  }
  std::reverse(queue_.begin(), queue_.end());  // It is taken from the back.
  for (const std::size_t index : order) ++entries_[index].rungs;
  return true;
}

// Two turns say little: noise may have hit most of both.
void SuccessiveHalving::drop_after_first_rung() {
  const std::vector<std::size_t> ranked = alive_ranked();
  if (ranked.empty()) return;
  const double best = judged_ms(entries_[ranked.front()]);
  const double keep = std::ceil(static_cast<double>(ranked.size()) / options_.eta);
  for (std::size_t place = 0; place < ranked.size(); ++place) {
    Entry& entry = entries_[ranked[place]];
    const double ratio = judged_ms(entry) / best;
    const bool near = static_cast<double>(place) < keep || ratio <= 1 + options_.first_margin;
    if (!near || ratio > options_.hopeless) entry.alive = false;
  }
}

void SuccessiveHalving::drop_beyond_noise() {
  const std::vector<std::size_t> ranked = alive_ranked();
  if (ranked.empty()) return;
  const Entry& best = entries_[ranked.front()];
  const double best_ms = judged_ms(best);
  const double best_error = detail::relative_error(best.samples_ms, best.turn_medians_ms);
  for (const std::size_t index : ranked) {
    Entry& entry = entries_[index];
    const double error = detail::relative_error(entry.samples_ms, entry.turn_medians_ms);
    const double noise = options_.confidence * std::hypot(error, best_error);
    const double ratio = judged_ms(entry) / best_ms;
    if (ratio > 1 + std::max(options_.min_margin, noise)) entry.alive = false;
  }
}

// One is left, or all that are left are as good as the best, and that is known well enough.
bool SuccessiveHalving::settled() const {
  const std::vector<std::size_t> ranked = alive_ranked();
  if (ranked.size() <= 1) return ranked.empty() || rung_ >= 1;  // Its median is remembered.
  const double best = judged_ms(entries_[ranked.front()]);
  return std::all_of(ranked.begin(), ranked.end(), [&](std::size_t index) {
    const Entry& entry = entries_[index];
    const double error = detail::relative_error(entry.samples_ms, entry.turn_medians_ms);
    const double ratio = judged_ms(entry) / best;
    return rung_ >= 2 && ratio + options_.confidence * error <= 1 + options_.min_margin;
  });
}

void SuccessiveHalving::learn_first_cost(SteadyTime now) {
  if (first_asked_) first_cost_ = std::max(first_cost_, now - *first_asked_);
  first_asked_.reset();
}

// The budget is a promise: a trial that would break it by much is not begun.
bool SuccessiveHalving::fits(const Entry& entry, Duration left) const {
  if (!entry.tried) return left > first_cost_ / 2;
  return to_ms(left) > judged_ms(entry);
}

Duration SuccessiveHalving::spent(SteadyTime now) const {
  return started_ ? now - *started_ : Duration::zero();
}

}  // namespace accel::perf
