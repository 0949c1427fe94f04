// SPDX-License-Identifier: Apache-2.0
#include "accel/bench/trial_runner.hpp"

#include <optional>
#include <vector>

#include "accel/hardware/machine_load.hpp"

namespace accel::bench {
namespace {

// How many samples must lie above the bound before a trial is given up as hopeless: one may be a
// stall of the machine.
constexpr std::size_t kHopelessSamples = 2;

tl::unexpected<Error> cancelled() {
  return fail(Errc::cancelled, "The measurement was cancelled.");
}

// One trial in progress.
class Trial {
 public:
  Trial(const perf::TrialRequest& request, const TrialTask& task, const TrialSeams& seams,
        std::stop_token stop)
      : request_(request),
        task_(task),
        seams_(seams),
        stop_(std::move(stop)),
        started_(seams.clock->now()) {
    result_.index = request.index;
  }

  perf::TrialResult run() {
    const bool compare = request_.want_accuracy && task_.accuracy_error;
    if (compare) compare_with_reference();
    // The comparison was a run too.
    for (int left = request_.warmup - (compare ? 1 : 0); left > 0 && goes_on(); --left) {
      (void)timed_run();
    }
    if (ended()) return std::move(result_);
    const auto load_since_now = seams_.load();
    collect_samples();
    result_.load = load_since_now();
    return std::move(result_);
  }

 private:
  bool ended() const { return !result_.error.empty() || stop_.stop_requested(); }
  bool out_of_time() const {
    return request_.time_limit > Duration::zero() &&
           seams_.clock->now() - started_ >= request_.time_limit;
  }
  bool goes_on() const { return !ended() && !out_of_time(); }

  void compare_with_reference() {
    const Result<double> difference = task_.accuracy_error();
    if (difference) {
      result_.accuracy_error = *difference;
    } else {
      result_.error = difference.error().to_string();
    }
  }

  std::optional<double> timed_run() {
    const SteadyTime before = seams_.clock->now();
    const Status status = task_.call(stop_);
    const double spent_ms = to_ms(seams_.clock->now() - before);
    if (status) return spent_ms;
    result_.error = status.error().to_string();
    return std::nullopt;
  }

  // At least one, however late it is.
  void collect_samples() {
    std::size_t hopeless = 0;
    do {
      const std::optional<double> sample_ms = timed_run();
      if (!sample_ms) return;
      result_.samples_ms.push_back(*sample_ms);
      if (request_.abandon_above_ms > 0 && *sample_ms > request_.abandon_above_ms) ++hopeless;
    } while (std::ssize(result_.samples_ms) < request_.runs && hopeless < kHopelessSamples &&
             goes_on());
  }

  const perf::TrialRequest& request_;
  const TrialTask& task_;
  const TrialSeams& seams_;
  std::stop_token stop_;
  SteadyTime started_;
  perf::TrialResult result_;
};

// The tasks that are open, by the index of their candidate.
class OpenTasks {
 public:
  OpenTasks(const perf::SuccessiveHalving& search, const TaskFactory& open)
      : search_(search), open_(open), tasks_(search.size()) {}

  Result<const TrialTask*> get(std::size_t index) {
    std::optional<TrialTask>& task = tasks_[index];
    if (!task) {
      ACCEL_TRY(task, open_(search_.candidate(index)));
    }
    return &*task;
  }
  bool is_open(std::size_t index) const { return tasks_[index].has_value(); }
  void close_those_that_are_out() {
    for (std::size_t index = 0; index < tasks_.size(); ++index) {
      if (!search_.alive(index)) tasks_[index].reset();
    }
  }

 private:
  const perf::SuccessiveHalving& search_;
  const TaskFactory& open_;
  std::vector<std::optional<TrialTask>> tasks_;
};

}  // namespace

LoadMeter kernel_load_meter() {
  return [] {
    return [before = hardware::read_load()] {
      const auto load = hardware::load_between(before, hardware::read_load());
      return load ? load->value() : 0.0;
    };
  };
}

Result<perf::TrialResult> run_trial(const perf::TrialRequest& request, const TrialTask& task,
                                    const TrialSeams& seams, std::stop_token stop) {
  perf::TrialResult result = Trial(request, task, seams, stop).run();
  if (stop.stop_requested()) return cancelled();
  return result;
}

Result<perf::Choice> run_search(perf::SuccessiveHalving& search, const TaskFactory& open,
                                const SearchHooks& hooks, std::stop_token stop) {
  const Clock& clock = *hooks.seams.clock;
  OpenTasks tasks(search, open);
  SearchProgress progress;
  while (const auto request = search.next(clock.now())) {
    if (stop.stop_requested()) return cancelled();
    progress.request = *request;
    progress.candidate = &search.candidate(request->index);
    if (hooks.before_trial) hooks.before_trial(progress);
    perf::TrialResult result;
    result.index = request->index;
    const bool opens = !tasks.is_open(request->index);
    const SteadyTime before = clock.now();
    const auto task = tasks.get(request->index);
    const double open_ms = to_ms(clock.now() - before);
    if (task) {
      ACCEL_TRY(result, run_trial(*request, **task, hooks.seams, stop));
      if (opens) result.open_ms = open_ms;
    } else {
      result.error = task.error().to_string();
    }
    if (hooks.after_trial) hooks.after_trial(progress, result);
    ++progress.trials;
    search.report(result);
    tasks.close_those_that_are_out();
  }
  return search.finish(clock.now());
}

}  // namespace accel::bench
