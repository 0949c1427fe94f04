// SPDX-License-Identifier: Apache-2.0
#include "accel/bench/trial_runner.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

namespace accel::bench {
namespace {

using std::chrono::milliseconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// A task whose runs take what the script says, on a clock that only they move.
class Bench {
 public:
  Bench() {
    seams_.clock = &clock_;
    seams_.load = [this] { return [this] { return load_; }; };
  }

  TrialTask task(std::vector<int> times_ms) {
    auto next = std::make_shared<std::size_t>(0);
    TrialTask task;
    task.call = [this, times_ms, next](std::stop_token) -> Status {
      const std::size_t run = (*next)++;
      clock_.advance(milliseconds(times_ms[std::min(run, times_ms.size() - 1)]));
      ++runs_;
      return {};
    };
    return task;
  }
  // The one whose accuracy is asked counts as a run of the same length.
  TrialTask with_accuracy(TrialTask task, double error) {
    task.accuracy_error = [call = task.call, error]() -> Result<double> {
      ACCEL_CHECK(call({}));
      return error;
    };
    return task;
  }
  Result<perf::TrialResult> run(const perf::TrialRequest& request, const TrialTask& task,
                                std::stop_token stop = {}) {
    return run_trial(request, task, seams_, std::move(stop));
  }

  ManualClock clock_;
  TrialSeams seams_;
  double load_ = 0;
  int runs_ = 0;
};

perf::TrialRequest request_for(int warmup, int runs) {
  perf::TrialRequest request;
  request.warmup = warmup;
  request.runs = runs;
  return request;
}

perf::Candidate named(const std::string& engine, int threads = 1) {
  perf::Candidate candidate;
  candidate.engine = engine;
  candidate.device = "cpu";
  candidate.precision = "f32";
  candidate.threads = threads;
  return candidate;
}

TEST(TrialRunner, times_the_runs_and_not_the_warm_up) {
  Bench bench;
  const auto result = bench.run(request_for(2, 3), bench.task({90, 50, 10, 11, 12}));
  ASSERT_TRUE(result);
  EXPECT_THAT(result->samples_ms, ElementsAre(10, 11, 12));
  EXPECT_THAT(result->error, IsEmpty());
}

TEST(TrialRunner, counts_the_comparison_with_the_reference_as_warm_up) {
  Bench bench;
  perf::TrialRequest request = request_for(2, 2);
  request.want_accuracy = true;
  const auto result = bench.run(request, bench.with_accuracy(bench.task({90, 50, 10, 11}), 1e-6));
  EXPECT_THAT(result->samples_ms, ElementsAre(10, 11));
  EXPECT_EQ(result->accuracy_error, 1e-6);
}

TEST(TrialRunner, leaves_accuracy_out_when_nobody_asks_or_there_is_no_reference) {
  Bench bench;
  EXPECT_FALSE(
      bench.run(request_for(0, 1), bench.with_accuracy(bench.task({1}), 5))->accuracy_error);
  perf::TrialRequest request = request_for(0, 1);
  request.want_accuracy = true;
  EXPECT_FALSE(bench.run(request, bench.task({1}))->accuracy_error);
}

TEST(TrialRunner, starts_no_further_run_after_its_time_limit_but_makes_one) {
  Bench bench;
  perf::TrialRequest request = request_for(3, 10);
  request.time_limit = milliseconds(100);
  EXPECT_THAT(bench.run(request, bench.task({30, 30, 30, 15}))->samples_ms, ElementsAre(15));
  EXPECT_THAT(bench.run(request, bench.task({500}))->samples_ms, ElementsAre(500));
}

TEST(TrialRunner, gives_up_on_two_samples_above_the_bound_and_not_on_one) {
  Bench bench;
  perf::TrialRequest request = request_for(0, 6);
  request.abandon_above_ms = 30;
  EXPECT_THAT(bench.run(request, bench.task({90, 10, 10, 10, 10, 10}))->samples_ms.size(), 6U);
  EXPECT_THAT(bench.run(request, bench.task({90}))->samples_ms, ElementsAre(90, 90));
}

TEST(TrialRunner, reports_the_load_meanwhile_and_leaves_the_decision_to_the_policy) {
  Bench bench;
  bench.load_ = 0.7;
  const auto result = bench.run(request_for(1, 2), bench.task({10}));
  EXPECT_DOUBLE_EQ(result->load, 0.7);
  EXPECT_EQ(result->samples_ms.size(), 2U);
}

TEST(TrialRunner, reports_a_failing_call_as_the_candidates_error) {
  Bench bench;
  TrialTask task;
  task.call = [](std::stop_token) -> Status {
    return fail(Errc::unsupported, "The operator Foo is missing.");
  };
  const auto result = bench.run(request_for(2, 3), task);
  ASSERT_TRUE(result);
  EXPECT_THAT(result->error, HasSubstr("operator Foo"));
  EXPECT_THAT(result->samples_ms, IsEmpty());
}

TEST(TrialRunner, ends_with_cancelled_when_stopped_in_the_middle) {
  Bench bench;
  std::stop_source source;
  TrialTask task;
  int runs = 0;
  task.call = [&](std::stop_token) -> Status {
    if (++runs == 2) source.request_stop();
    return {};
  };
  EXPECT_EQ(bench.run(request_for(0, 10), task, source.get_token()).error().code, Errc::cancelled);
  EXPECT_EQ(runs, 2);
}

TEST(RunSearch, opens_each_candidate_once_and_closes_it_when_it_is_out) {
  Bench bench;
  perf::SuccessiveHalving search({named("fast"), named("slow")});
  std::vector<std::string> opened;
  auto slow_is_open = std::make_shared<bool>(false);
  bool slow_was_closed_before_the_end = false;
  SearchHooks hooks;
  hooks.seams = bench.seams_;
  hooks.after_trial = [&](const SearchProgress& progress, const perf::TrialResult&) {
    slow_was_closed_before_the_end |= progress.trials >= 2 && slow_is_open.use_count() == 1;
  };
  const auto open = [&](const perf::Candidate& candidate) -> Result<TrialTask> {
    opened.push_back(candidate.engine);
    TrialTask task = bench.task({candidate.engine == "slow" ? 40 : 5});
    if (candidate.engine == "slow") {
      task.accuracy_error = [slow_is_open]() -> Result<double> { return 0.0; };
    }
    return task;
  };
  const auto choice = run_search(search, open, hooks);
  ASSERT_TRUE(choice);
  EXPECT_EQ(choice->winner, 0U);
  EXPECT_THAT(opened, ElementsAre("fast", "slow"));
  EXPECT_TRUE(slow_was_closed_before_the_end);
}

TEST(RunSearch, goes_on_without_a_candidate_that_does_not_open) {
  Bench bench;
  perf::SuccessiveHalving search({named("missing"), named("works")});
  SearchHooks hooks;
  hooks.seams = bench.seams_;
  int opened = 0;
  const auto choice = run_search(
      search,
      [&](const perf::Candidate& candidate) -> Result<TrialTask> {
        ++opened;
        if (candidate.engine == "missing") {
          return fail(Errc::unavailable, "libmissing.so is not installed.");
        }
        return bench.task({5});
      },
      hooks);
  EXPECT_EQ(choice->winner, 1U);
  EXPECT_EQ(opened, 2);
  EXPECT_THAT(choice->rows[1].reason, HasSubstr("libmissing.so"));
}

TEST(RunSearch, counts_opening_to_the_budget) {
  Bench bench;
  perf::SearchOptions options;
  options.budget = milliseconds(1000);
  std::vector<perf::Candidate> many;
  for (int i = 0; i < 20; ++i) many.push_back(named("engine" + std::to_string(i)));
  perf::SuccessiveHalving search(many, options);
  SearchHooks hooks;
  hooks.seams = bench.seams_;
  const auto choice = run_search(
      search,
      [&](const perf::Candidate&) -> Result<TrialTask> {
        bench.clock_.advance(milliseconds(300));
        return bench.task({5});
      },
      hooks);
  EXPECT_LE(choice->spent, milliseconds(1350));
  EXPECT_TRUE(choice->provisional);
}

TEST(RunSearch, says_what_opening_a_candidate_took) {
  Bench bench;
  perf::SuccessiveHalving search({named("a"), named("b")});
  SearchHooks hooks;
  hooks.seams = bench.seams_;
  const auto choice = run_search(
      search,
      [&](const perf::Candidate& candidate) -> Result<TrialTask> {
        bench.clock_.advance(milliseconds(candidate.engine == "a" ? 200 : 30));
        return bench.task({candidate.engine == "a" ? 5 : 6});
      },
      hooks);
  ASSERT_TRUE(choice);
  EXPECT_EQ(choice->rows[0].open_ms, 200);
  EXPECT_EQ(choice->rows[1].open_ms, 30);
}

TEST(RunSearch, is_cancelled_between_trials) {
  Bench bench;
  perf::SuccessiveHalving search({named("a"), named("b")});
  std::stop_source source;
  SearchHooks hooks;
  hooks.seams = bench.seams_;
  hooks.after_trial = [&](const SearchProgress&, const perf::TrialResult&) {
    source.request_stop();
  };
  const auto choice = run_search(
      search, [&](const perf::Candidate&) -> Result<TrialTask> { return bench.task({5}); }, hooks,
      source.get_token());
  EXPECT_EQ(choice.error().code, Errc::cancelled);
}

TEST(RunSearch, measures_real_work_with_the_real_clock_and_the_kernels_load) {
  perf::SearchOptions options;
  options.max_load = 2;  // Whatever this machine is doing.
  perf::SuccessiveHalving search({named("long"), named("short")}, options);
  const auto open = [](const perf::Candidate& candidate) -> Result<TrialTask> {
    const int rounds = candidate.engine == "long" ? 4'000'000 : 200'000;
    TrialTask task;
    task.call = [rounds](std::stop_token) -> Status {
      volatile int sink = 0;
      for (int i = 0; i < rounds; ++i) sink = sink + 1;
      return {};
    };
    return task;
  };
  const auto choice = run_search(search, open);
  ASSERT_TRUE(choice);
  EXPECT_EQ(choice->winner, 1U) << "twenty times the work is slower on any machine";
}

}  // namespace
}  // namespace accel::bench
