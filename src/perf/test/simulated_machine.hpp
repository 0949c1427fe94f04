// SPDX-License-Identifier: Apache-2.0
#pragma once
// A machine whose noise looks like that of shared ones, from a seed: jitter on every run, outliers,
// bursts that hit all runs of a while (a neighbour compiles), and a slow common drift (clocks,
// heat). Threads suffer more from bursts: they wait for the slowest. Figures measured on the
// development machine: jitter 2 to 4 %, bursts of 0.05 to 0.5 s at 1.3x to 3x.

#include <algorithm>
#include <cmath>
#include <numbers>
#include <random>
#include <vector>

#include "accel/core/clock.hpp"
#include "accel/perf/search.hpp"

namespace accel::perf {

struct NoiseModel {
  double jitter = 0.03;          // Sigma of the log of each run.
  double outlier_chance = 0.03;  // A run that takes up to twice as long for no reason.
  double burst_gap_ms = 700;     // Mean time between bursts; 0: none.
  double burst_length_ms = 150;  // Mean.
  double burst_factor_most = 2.5;
  double drift = 0.08;  // Amplitude of the slow common drift.
  double drift_period_ms = 6000;
};

class SimulatedMachine {
 public:
  SimulatedMachine(NoiseModel noise, std::uint64_t seed) : noise_(noise), engine_(seed) {
    phase_ = uniform(0, 2 * std::numbers::pi);
    plan_burst();
  }

  SteadyTime now() const {
    return SteadyTime{} +
           std::chrono::duration_cast<Duration>(std::chrono::duration<double, std::milli>(now_ms_));
  }
  void pass(double milliseconds) { now_ms_ += milliseconds; }

  // One run of a candidate that takes base_ms on a quiet machine.
  double run(double base_ms, int threads) {
    double took = base_ms * std::exp(noise_.jitter * normal_(engine_));
    if (uniform(0, 1) < noise_.outlier_chance) took *= uniform(1.1, 2.0);
    took *= 1 + noise_.drift *
                    std::sin(phase_ + 2 * std::numbers::pi * now_ms_ / noise_.drift_period_ms);
    const double factor = burst_factor(threads);
    now_ms_ += took * factor;
    lost_ms_ += took * (factor - 1);
    return took * factor;
  }

  // Milliseconds that bursts have taken so far: what a load meter sees.
  double lost_ms() const { return lost_ms_; }

  double uniform(double low, double high) {
    return std::uniform_real_distribution<double>(low, high)(engine_);
  }
  std::mt19937_64& engine() { return engine_; }

 private:
  void plan_burst() {
    const double gap = noise_.burst_gap_ms;
    burst_start_ms_ = burst_end_ms_ + std::exponential_distribution<double>(1 / gap)(engine_);
    burst_end_ms_ = burst_start_ms_ +
                    std::exponential_distribution<double>(1 / noise_.burst_length_ms)(engine_);
    burst_strength_ = uniform(1.2, noise_.burst_factor_most);
  }

  double burst_factor(int threads) {
    if (noise_.burst_gap_ms <= 0) return 1;
    while (now_ms_ > burst_end_ms_) plan_burst();
    if (now_ms_ < burst_start_ms_) return 1;
    return threads > 1 ? burst_strength_ * burst_strength_ : burst_strength_;
  }

  NoiseModel noise_;
  std::mt19937_64 engine_;
  std::normal_distribution<double> normal_{0, 1};
  double now_ms_ = 0;
  double lost_ms_ = 0;
  double phase_ = 0;
  double burst_start_ms_ = 0;
  double burst_end_ms_ = 0;
  double burst_strength_ = 1;
};

// Candidates with their true times.
struct SimulatedField {
  std::vector<Candidate> candidates;
  std::vector<double> base_ms;
  double open_ms = 150;
  bool load_is_visible = true;

  double best_ms() const { return *std::min_element(base_ms.begin(), base_ms.end()); }
};

inline SimulatedField make_field(SimulatedMachine& machine, std::size_t count) {
  SimulatedField field;
  const double best = machine.uniform(3, 40);
  for (std::size_t i = 0; i < count; ++i) {
    const double slower = i == 0 ? 0 : std::exp(machine.uniform(std::log(0.01), std::log(3.0)));
    Candidate candidate;
    candidate.engine = "engine" + std::to_string(i / 2);
    candidate.device = "cpu";
    candidate.precision = "f32";
    candidate.threads = 1 + static_cast<int>(i % 2);
    field.candidates.push_back(candidate);
    field.base_ms.push_back(best * (1 + slower));
  }
  std::shuffle(field.base_ms.begin(), field.base_ms.end(), machine.engine());
  return field;
}

// Runs one trial as bench::run_trial does.
inline TrialResult run_simulated(SimulatedMachine& machine, const SimulatedField& field,
                                 const TrialRequest& request) {
  TrialResult result;
  result.index = request.index;
  result.accuracy_error = 1e-7;
  const double base = field.base_ms[request.index];
  const int threads = field.candidates[request.index].threads;
  const SteadyTime start = machine.now();
  if (request.want_accuracy) machine.pass(field.open_ms);
  for (int i = 0; i < request.warmup; ++i) machine.run(base * 1.5, threads);
  const double lost = machine.lost_ms();
  const SteadyTime measured = machine.now();
  int above = 0;
  for (int i = 0; i < request.runs; ++i) {
    result.samples_ms.push_back(machine.run(base, threads));
    const bool slow =
        request.abandon_above_ms > 0 && result.samples_ms.back() > request.abandon_above_ms;
    if (slow && ++above >= 2) break;
    if (machine.now() - start >= request.time_limit) break;
  }
  if (field.load_is_visible) {
    result.load = (machine.lost_ms() - lost) / to_ms(machine.now() - measured);
  }
  return result;
}

inline Choice search_simulated(SimulatedMachine& machine, const SimulatedField& field,
                               const SearchOptions& options = {}) {
  SuccessiveHalving search(field.candidates, options);
  while (const auto request = search.next(machine.now())) {
    search.report(run_simulated(machine, field, *request));
  }
  return search.finish(machine.now());
}

}  // namespace accel::perf
