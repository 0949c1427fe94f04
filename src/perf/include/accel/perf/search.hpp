// SPDX-License-Identifier: Apache-2.0
#pragma once
// The search for the fastest candidate by measurement: successive halving in turns. Pure policy: it
// asks for the next trial and takes its result; someone else runs it (bench::run_search).
// Used by bench and node. One owner, one thread; no clock of its own: time is an argument.
//
// Source of the scheme: Jamieson and Talwalkar, "Non-stochastic best arm identification and
// hyperparameter optimization", AISTATS 2016. Ours eliminates by measured noise instead of always
// half, and measures the candidates of a rung in turns, so that a slow minute hits them all.

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "accel/core/clock.hpp"
#include "accel/perf/candidate.hpp"

namespace accel::perf {

struct SearchOptions {
  Duration budget = std::chrono::milliseconds(4500);  // Of wall time, session opening included.
  int warmup_runs = 1;  // Before the first samples of a candidate: lazy allocation, page faults.
  int first_rung_runs = 3;  // Runs per candidate in rung 0; they double from rung to rung.
  int max_runs_per_trial = 24;
  int max_rungs = 8;
  double eta =
      2.0;  // At most 1/eta of a rung's candidates go on, unless noise hides who is slower.
  double min_margin = 0.03;  // Never dropped for being slower by less than this share.
  double tie = 0.01;         // Closer than this at the end: the fewest threads win.
  double max_load = 0.20;    // A trial under more load than this is discarded,
  int load_retries = 2;      // and asked again so often for each candidate; then it counts, marked.
  double max_error = 0;      // Policy::max_error; 0 means "as the reference, but for rounding":
  double rounding_error = 2e-3;  // an error up to this passes then (f32 engines differ by ~1e-6).
};

// Run candidate `index`: `warmup` runs that do not count, then up to `runs` that do.
struct TrialRequest {
  std::size_t index = 0;
  int warmup = 0;
  int runs = 1;
  bool want_accuracy = false;   // Compare with the reference once; report accuracy_error.
  Duration time_limit{};        // Stop early when the trial took this long; report what there is.
  double abandon_above_ms = 0;  // Stop after two samples above this (0: never): it cannot win.
};

struct TrialResult {
  std::size_t index = 0;
  std::vector<double> samples_ms;
  std::optional<double> accuracy_error;  // Largest absolute difference from the reference, say.
  double load = 0;                       // hardware::Load::value() during the trial.
  std::string error;                     // A sentence; not empty when the candidate failed.
};

enum class Verdict { winner, slower, rejected, failed, not_tried };
std::string_view verdict_name(Verdict verdict);

// One row of the explanation (`--explain`).
struct ChoiceRow {
  Candidate candidate;
  Verdict verdict = Verdict::not_tried;
  double median_ms = 0, p10_ms = 0, p90_ms = 0;
  double ratio = 0;  // Median over the winner's; 0 when not measured.
  int runs = 0;
  int rungs = 0;            // Rungs it took part in.
  int discarded = 0;        // Trials thrown away because the machine was busy.
  bool under_load = false;  // Some of its samples were taken under load, for want of better ones.
  std::optional<double> accuracy_error;
  std::string reason;  // A sentence.
};

struct Choice {
  std::optional<std::size_t> winner;  // Index into the candidates; nullopt when none worked.
  std::vector<ChoiceRow> rows;        // Winner first, then by median, then those without figures.
  bool provisional = false;  // Measured under load or cut short: use it, do not remember it.
  std::string reason;        // One sentence for people.
  Duration spent{};
};

class SuccessiveHalving {
 public:
  SuccessiveHalving(std::vector<Candidate> candidates, SearchOptions options);

  // The next trial, or nullopt when the search is over. The first call starts the budget.
  // After each request exactly one report() follows.
  std::optional<TrialRequest> next(SteadyTime now);
  void report(const TrialResult& result, SteadyTime now);
  // False once a candidate is out: its session can be closed.
  bool alive(std::size_t index) const { return entries_.at(index).alive; }
  const Candidate& candidate(std::size_t index) const { return entries_.at(index).candidate; }
  Choice finish(SteadyTime now) const;

 private:
  struct Entry {
    Candidate candidate;
    bool alive = true;
    Verdict verdict = Verdict::not_tried;
    std::string reason;
    std::vector<double> samples_ms;
    std::vector<double> turn_medians_ms;  // One per trial: what the noise between turns is seen by.
    std::optional<double> accuracy_error;
    double trial_cost_ms = 0;  // Wall time of its last trial, opening included.
    int last_runs = 0;
    int rungs = 0;
    int discarded = 0;
    bool under_load = false;
  };

  bool start_rung(SteadyTime now);
  void eliminate();
  bool out_by_accuracy(Entry& entry, const TrialResult& result) const;
  std::optional<TrialRequest> request_for(std::size_t index, SteadyTime now) const;
  double estimate_ms(const Entry& entry) const;
  double margin(const Entry& a, const Entry& b) const;
  std::optional<std::size_t> leader() const;
  std::vector<std::size_t> ranked() const;
  ChoiceRow row_of(const Entry& entry, double winner_ms) const;
  Duration left(SteadyTime now) const;

  std::vector<Entry> entries_;
  SearchOptions options_;
  std::vector<std::size_t> queue_;  // Candidates still to be measured in this rung, last first.
  std::optional<SteadyTime> started_;
  std::optional<SteadyTime> asked_;
  int rung_ = -1;
  bool cut_short_ = false;
};

}  // namespace accel::perf
