// SPDX-License-Identifier: Apache-2.0
#pragma once
// The search for the fastest candidate by measurement: successive halving in turns. Pure policy: it
// asks for the next trial and takes its result; someone else runs it (bench::run_search).
// Used by bench and node. One owner, one thread; no clock of its own: time is an argument.
//
// Source of the scheme: Jamieson and Talwalkar, "Non-stochastic best arm identification and
// hyperparameter optimization", AISTATS 2016. Ours drops by measured noise instead of always half,
// and measures the candidates of a rung in turns (A B C, C B A, ...), so that a slow second hits
// them all. README.md has the hit rates measured in simulation.

#include <chrono>
#include <cstddef>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "accel/core/clock.hpp"
#include "accel/perf/candidate.hpp"

namespace accel::perf {

// Engines of equal precision differ from each other by rounding, about 1e-6 in an embedding; an
// error up to this passes although the policy allows none.
inline constexpr double kRoundingError = 2e-3;

struct SearchOptions {
  Duration budget = std::chrono::milliseconds(4500);  // Of wall time, session opening included.
  int warmup_runs = 2;  // Before the first samples of a candidate: lazy allocation, page faults.
  int runs_per_turn = 3;
  int first_turns = 2;  // Turns of rung 0; a burst of noise rarely hits both. Rung r has 2^r.
  int max_rungs = 6;
  double eta = 2.0;           // Rung 0 keeps at least 1/eta of its candidates, noise or not.
  double first_margin = 0.3;  // Nor does it drop one that is slower by less than this share.
  double hopeless = 3.0;      // Slower by this factor is out at once.
  double min_margin = 0.03;   // Closer than this is as good as the best: what the search promises.
  double confidence = 2.0;    // Later rungs drop what is slower by this many standard errors.
  double tie = 0.01;          // Closer than this at the end: the fewest threads win.
  double max_load = 0.20;     // A trial under more load than this is discarded,
  int load_retries = 2;  // and asked again so often for each candidate; then it counts, marked.
  double most_discarded = 0.34;  // Of all trials: on a machine that is always busy the rest counts.
  double accuracy_limit = kRoundingError;  // Largest accuracy error that passes.
  bool require_accuracy = false;           // Reject a candidate whose error is not known.
};

// The defaults, with the accuracy that the policy asks for: its max_error, or rounding when that is
// 0; no limit for a precision that was asked for by name without a max_error.
SearchOptions options_for(const Policy& policy);

// Run candidate `index`: `warmup` runs that do not count, then up to `runs` that do.
struct TrialRequest {
  std::size_t index = 0;
  int warmup = 0;
  int runs = 1;
  bool want_accuracy = false;   // Compare with the reference once; report accuracy_error.
  Duration time_limit{};        // Start no further run once the trial took this long.
  double abandon_above_ms = 0;  // Stop after two samples above this (0: never): it cannot win.
};

struct TrialResult {
  std::size_t index = 0;
  std::vector<double> samples_ms;
  std::optional<double> accuracy_error;  // Largest absolute difference from the reference, say.
  std::optional<double> open_ms;         // Of the trial that opened the candidate.
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
  double open_ms = 0;  // Of its session, the engine being loaded already.
  double ratio = 0;    // Median over the winner's; 0 when not measured.
  int runs = 0;
  int rungs = 0;            // Rungs it took part in.
  int discarded = 0;        // Trials thrown away because the machine was busy.
  bool under_load = false;  // Its samples were taken under load, for want of better ones.
  std::optional<double> accuracy_error;
  std::string reason;  // A sentence.
};

struct Choice {
  std::optional<std::size_t> winner;  // Index into the candidates; nullopt when none worked.
  std::vector<ChoiceRow> rows;        // Winner first, then by median, then those without figures.
  bool provisional = false;           // Measured under load or cut short: good for a while only.
  std::string reason;                 // One sentence for people.
  Duration spent{};
};

class SuccessiveHalving {
 public:
  explicit SuccessiveHalving(std::vector<Candidate> candidates, SearchOptions options = {});

  // The next trial, or nullopt when the search is over. The first call starts the budget.
  // After each request exactly one report() follows.
  std::optional<TrialRequest> next(SteadyTime now);
  void report(const TrialResult& result);
  // False once a candidate is out: its session can be closed.
  bool alive(std::size_t index) const { return entries_.at(index).alive; }
  const Candidate& candidate(std::size_t index) const { return entries_.at(index).candidate; }
  std::size_t size() const { return entries_.size(); }
  Choice finish(SteadyTime now) const;

 private:
  struct Entry {
    Candidate candidate;
    bool alive = true;
    bool tried = false;
    Verdict verdict = Verdict::not_tried;  // Final for rejected and failed ones only.
    std::string reason;
    std::vector<double> samples_ms;
    std::vector<double> turn_medians_ms;    // One per trial: shows the noise between turns.
    std::vector<double> loaded_samples_ms;  // Of discarded trials; used when there are no others.
    double open_ms = 0;
    double fastest_ms = 0;  // Of all runs, discarded ones too; 0: none yet.
    std::optional<double> accuracy_error;
    int rungs = 0;
    int discarded = 0;
    int loaded_turns = 0;  // Of turn_medians_ms: taken under load after all.
  };

  // What candidates are compared by after rung 0, as a quantile of their runs: noise only ever
  // adds, so a little below the median says more than the median.
  static constexpr double kJudgedQuantile = 0.4;

  bool start_rung();
  void drop_after_first_rung();
  void drop_beyond_noise();
  bool settled() const;
  std::vector<std::size_t> alive_ranked() const;
  double judged_ms(const Entry& entry) const;
  bool refuse(Entry& entry, const TrialResult& result) const;
  bool discard(Entry& entry, const TrialResult& result);
  void drop_hopeless();
  Duration spent(SteadyTime now) const;
  void learn_first_cost(SteadyTime now);
  bool fits(const Entry& entry, Duration left) const;

  std::vector<Entry> entries_;
  SearchOptions options_;
  std::vector<std::size_t> queue_;  // Candidates still to be measured in this rung, last first.
  std::optional<SteadyTime> started_;
  std::optional<SteadyTime>
      first_asked_;        // When the last first trial of a candidate was asked for.
  Duration first_cost_{};  // The longest first trial so far: opening, warm-up, runs.
  int rung_ = -1;
  int trials_ = 0;
  int discarded_ = 0;

  friend class ChoiceWriter;
};

}  // namespace accel::perf
