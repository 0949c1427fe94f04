// SPDX-License-Identifier: Apache-2.0
#pragma once
// Runs the trials that perf asks for, over anything that can be called. Used by node (selection)
// and benchmark programs. Blocks; call it on an offload thread. Knows nothing of models or engines.

#include <cstddef>
#include <functional>
#include <stop_token>

#include "accel/core/clock.hpp"
#include "accel/core/result.hpp"
#include "accel/perf/search.hpp"

namespace accel::bench {

// One opened candidate.
struct TrialTask {
  std::function<Status(std::stop_token)> call;     // One run, start to result.
  std::function<Result<double>()> accuracy_error;  // Against the reference; may be empty.
};

// The load seam: called before the timed runs, it returns what says after them how busy the machine
// was meanwhile (hardware::Load::value()). The default reads the kernel's counters.
using LoadMeter = std::function<std::function<double()>()>;
LoadMeter kernel_load_meter();

struct TrialSeams {
  const Clock* clock = &system_clock();
  LoadMeter load = kernel_load_meter();
};

// Runs one request: the comparison with the reference first (it warms up too), then the rest of the
// warm-up, then the timed runs. A call that fails ends it: TrialResult::error says why.
// Errors: cancelled only.
Result<perf::TrialResult> run_trial(const perf::TrialRequest& request, const TrialTask& task,
                                    const TrialSeams& seams, std::stop_token stop = {});

// Opens a candidate; called at most once for each, and its time counts to the budget. The task is
// destroyed as soon as the candidate is out.
using TaskFactory = std::function<Result<TrialTask>(const perf::Candidate&)>;

struct SearchProgress {
  std::size_t trials = 0;  // Before this one.
  perf::TrialRequest request;
  const perf::Candidate* candidate = nullptr;  // Valid for the call.
};

struct SearchHooks {
  std::function<void(const SearchProgress&)> before_trial;  // May be empty.
  std::function<void(const SearchProgress&, const perf::TrialResult&)> after_trial;  // May be too.
  TrialSeams seams;
};

// The whole search: ask, open, run, report, until it is over. Errors: cancelled.
Result<perf::Choice> run_search(perf::SuccessiveHalving& search, const TaskFactory& open,
                                const SearchHooks& hooks = {}, std::stop_token stop = {});

}  // namespace accel::bench
