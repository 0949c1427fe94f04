// SPDX-License-Identifier: Apache-2.0
// The end of a search: who won, and a row with a sentence for every candidate.
#include <fmt/format.h>

#include <algorithm>

#include "accel/hardware/samples.hpp"
#include "accel/perf/search.hpp"

namespace accel::perf {

std::string_view verdict_name(Verdict verdict) {
  switch (verdict) {
    case Verdict::winner:
      return "winner";
    case Verdict::slower:
      return "slower";
    case Verdict::rejected:
      return "rejected";
    case Verdict::failed:
      return "failed";
    case Verdict::not_tried:
      return "not_tried";
  }
  return "unknown";
}

class ChoiceWriter {
 public:
  ChoiceWriter(const SuccessiveHalving& search, SteadyTime now) : search_(search) {
    choice_.spent = search.spent(now);
  }

  Choice write() {
    pick();
    for (std::size_t i = 0; i < search_.entries_.size(); ++i) choice_.rows.push_back(row(i));
    std::stable_sort(choice_.rows.begin(), choice_.rows.end(), before);
    explain();
    return std::move(choice_);
  }

 private:
  using Entry = SuccessiveHalving::Entry;

  // Clean samples, or those under load when there are no others.
  static const std::vector<double>& samples_of(const Entry& entry) {
    return entry.samples_ms.empty() ? entry.loaded_samples_ms : entry.samples_ms;
  }
  // Most of what is known of it was measured under load.
  static bool loaded(const Entry& entry) {
    if (entry.samples_ms.empty()) return !entry.loaded_samples_ms.empty();
    return 2 * static_cast<std::size_t>(entry.loaded_turns) > entry.turn_medians_ms.size();
  }
  const Entry& entry(std::size_t index) const { return search_.entries_[index]; }
  // As the later rungs judge, also when the search ended in rung 0: never by a single lucky run.
  double judged(std::size_t index) const {
    return hardware::quantile(samples_of(entry(index)), SuccessiveHalving::kJudgedQuantile);
  }

  bool preferred(std::size_t a, std::size_t b) const {
    return entry(a).candidate.threads != entry(b).candidate.threads
               ? entry(a).candidate.threads < entry(b).candidate.threads
               : judged(a) < judged(b);
  }

  void pick() {
    std::vector<std::size_t> runners;
    for (std::size_t i = 0; i < search_.entries_.size(); ++i) {
      if (entry(i).alive && !samples_of(entry(i)).empty()) runners.push_back(i);
    }
    if (runners.empty()) return;
    const auto faster = [&](std::size_t a, std::size_t b) { return judged(a) < judged(b); };
    const double best = judged(*std::min_element(runners.begin(), runners.end(), faster));
    std::erase_if(runners,
                  [&](std::size_t i) { return judged(i) > best * (1 + search_.options_.tie); });
    const auto prefers = [&](std::size_t a, std::size_t b) { return preferred(a, b); };
    choice_.winner = *std::min_element(runners.begin(), runners.end(), prefers);
    winner_ms_ = hardware::median(samples_of(entry(*choice_.winner)));
  }

  Verdict verdict_of(std::size_t index) const {
    if (choice_.winner == index) return Verdict::winner;
    if (entry(index).verdict != Verdict::not_tried) return entry(index).verdict;
    return samples_of(entry(index)).empty() ? Verdict::not_tried : Verdict::slower;
  }

  ChoiceRow row(std::size_t index) const {
    const Entry& from = entry(index);
    const std::vector<double>& samples = samples_of(from);
    ChoiceRow row;
    row.candidate = from.candidate;
    row.verdict = verdict_of(index);
    row.median_ms = hardware::median(samples);
    row.p10_ms = hardware::quantile(samples, 0.1);
    row.p90_ms = hardware::quantile(samples, 0.9);
    row.open_ms = from.open_ms;
    row.ratio = winner_ms_ > 0 ? row.median_ms / winner_ms_ : 0;
    row.runs = static_cast<int>(samples.size());
    row.rungs = from.rungs;
    row.discarded = from.discarded;
    row.under_load = loaded(from);
    row.accuracy_error = from.accuracy_error;
    row.reason = reason_of(from, row);
    return row;
  }

  std::string reason_of(const Entry& from, const ChoiceRow& row) const {
    switch (row.verdict) {
      case Verdict::winner:
        return fmt::format("The best: median {:.2f} ms over {} runs.", row.median_ms, row.runs);
      case Verdict::slower:
        if (row.ratio <= 1 + search_.options_.min_margin) {
          return fmt::format("As good as the winner within {:.0f} % ({:.3f}x over {} runs).",
                             search_.options_.min_margin * 100, row.ratio, row.runs);
        }
        return fmt::format("{:.2f}x the winner's time ({} runs in {} {}).", row.ratio, row.runs,
                           row.rungs, row.rungs == 1 ? "rung" : "rungs");
      case Verdict::not_tried:
        return fmt::format("The time budget of {:.1f} s was spent before its turn.",
                           to_ms(search_.options_.budget) / 1000);
      default:
        return from.reason;
    }
  }

  static bool before(const ChoiceRow& a, const ChoiceRow& b) {
    const auto group = [](const ChoiceRow& row) {
      if (row.verdict == Verdict::winner) return 0;
      return row.runs > 0 ? 1 : 2;
    };
    if (group(a) != group(b)) return group(a) < group(b);
    return group(a) == 1 && a.median_ms < b.median_ms;
  }

  std::size_t count(Verdict verdict) const {
    return static_cast<std::size_t>(
        std::count_if(choice_.rows.begin(), choice_.rows.end(),
                      [&](const ChoiceRow& row) { return row.verdict == verdict; }));
  }

  // Another is as fast within what is called a tie.
  bool winner_has_equals() const {
    return std::ranges::any_of(choice_.rows, [&](const ChoiceRow& row) {
      return row.verdict == Verdict::slower && row.ratio <= 1 + search_.options_.tie;
    });
  }

  void explain() {
    if (!choice_.winner) {
      choice_.provisional = true;
      choice_.reason = search_.entries_.empty()
                           ? "There was nothing to choose from."
                           : fmt::format("None of the {} candidates worked.", choice_.rows.size());
      return;
    }
    const ChoiceRow& first = choice_.rows.front();
    choice_.reason = fmt::format("{} was the {} of {} measured in {:.1f} s: median {:.2f} ms.",
                                 first.candidate.id(), winner_has_equals() ? "best" : "fastest",
                                 count(Verdict::winner) + count(Verdict::slower),
                                 to_ms(choice_.spent) / 1000, first.median_ms);
    const auto next = std::find_if(choice_.rows.begin(), choice_.rows.end(),
                                   [](const auto& row) { return row.verdict == Verdict::slower; });
    if (next != choice_.rows.end()) {
      choice_.reason += fmt::format(" Next: {} at {:.2f}x{}.", next->candidate.id(), next->ratio,
                                    winner_has_equals() ? " (as good; fewer threads win)" : "");
    }
    const bool untried = count(Verdict::not_tried) > 0;
    choice_.provisional = first.under_load || untried;
    if (!first.candidate.untested.empty()) {
      choice_.reason +=
          fmt::format(" {} is untested: {}", first.candidate.device, first.candidate.untested);
    }
    if (first.under_load) choice_.reason += " The machine was busy: the figures are provisional.";
    if (untried) {
      choice_.reason +=
          fmt::format(" {} were not tried for want of time: the choice is provisional.",
                      count(Verdict::not_tried));
    }
  }

  const SuccessiveHalving& search_;
  Choice choice_;
  double winner_ms_ = 0;
};

Choice SuccessiveHalving::finish(SteadyTime now) const { return ChoiceWriter(*this, now).write(); }

}  // namespace accel::perf
