// SPDX-License-Identifier: Apache-2.0
// Scripts of single searches: every trial's outcome is written down here.
#include "accel/perf/search.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

namespace accel::perf {
namespace {

using std::chrono::milliseconds;
using ::testing::Each;
using ::testing::HasSubstr;

Candidate named(const std::string& engine, int threads = 1) {
  Candidate candidate;
  candidate.engine = engine;
  candidate.device = "cpu";
  candidate.precision = "f32";
  candidate.threads = threads;
  return candidate;
}

// Answers each request with what the script says; every run advances the clock by its own time.
class Script {
 public:
  using Answer = std::function<TrialResult(const TrialRequest&)>;

  Choice play(SuccessiveHalving& search, const Answer& answer) {
    while (const auto request = search.next(clock_.now())) {
      requests_.push_back(*request);
      TrialResult result = answer(*request);
      result.index = request->index;
      for (const double sample : result.samples_ms) spend(sample);
      search.report(result);
    }
    return search.finish(clock_.now());
  }
  void spend(double ms) { clock_.advance(std::chrono::microseconds(static_cast<long>(ms * 1000))); }
  const std::vector<TrialRequest>& requests() const { return requests_; }
  std::size_t requests_for(std::size_t index) const {
    return static_cast<std::size_t>(
        std::count_if(requests_.begin(), requests_.end(),
                      [&](const TrialRequest& request) { return request.index == index; }));
  }

 private:
  ManualClock clock_;
  std::vector<TrialRequest> requests_;
};

// Every candidate takes exactly its time, always.
Script::Answer steady(std::vector<double> times_ms) {
  return [times_ms](const TrialRequest& request) {
    TrialResult result;
    const double time = times_ms[request.index];
    result.samples_ms.assign(static_cast<std::size_t>(request.runs), time);
    result.accuracy_error = 1e-7;
    return result;
  };
}

TEST(Search, finds_the_fastest_and_explains_every_candidate) {
  SuccessiveHalving search({named("a"), named("b"), named("c"), named("d")});
  Script script;
  const Choice choice = script.play(search, steady({10, 7, 12, 40}));
  ASSERT_EQ(choice.winner, 1U);
  EXPECT_FALSE(choice.provisional);
  ASSERT_EQ(choice.rows.size(), 4U);
  EXPECT_EQ(choice.rows[0].verdict, Verdict::winner);
  EXPECT_DOUBLE_EQ(choice.rows[0].median_ms, 7);
  EXPECT_EQ(choice.rows[1].candidate.engine, "a");
  EXPECT_NEAR(choice.rows[1].ratio, 10.0 / 7, 1e-9);
  EXPECT_THAT(choice.rows[1].reason, HasSubstr("1.43x"));
  EXPECT_EQ(choice.rows[3].candidate.engine, "d");
  EXPECT_THAT(choice.reason, HasSubstr("b/cpu/f32/1t was the fastest of 4"));
}

TEST(Search, says_so_where_the_winners_device_is_untested) {
  Candidate unmet = named("a");
  unmet.device = "cuda:0";
  unmet.untested = "No such device was met.";
  SuccessiveHalving wins({unmet, named("b")});
  EXPECT_THAT(Script().play(wins, steady({5, 10})).reason,
              HasSubstr("cuda:0 is untested: No such device was met."));
  SuccessiveHalving loses({unmet, named("b")});
  EXPECT_EQ(Script().play(loses, steady({10, 5})).reason.find("untested"), std::string::npos);
}

TEST(Search, warms_up_and_checks_accuracy_only_the_first_time) {
  SuccessiveHalving search({named("a"), named("b")});
  Script script;
  (void)script.play(search, steady({10, 10.1}));
  EXPECT_EQ(script.requests()[0].warmup, 2);
  EXPECT_TRUE(script.requests()[0].want_accuracy);
  for (std::size_t i = 2; i < script.requests().size(); ++i) {
    EXPECT_EQ(script.requests()[i].warmup, 0);
    EXPECT_FALSE(script.requests()[i].want_accuracy);
  }
}

TEST(Search, measures_in_turns_that_reverse) {
  SuccessiveHalving search({named("a"), named("b"), named("c")});
  Script script;
  (void)script.play(search, steady({10, 10.05, 10.1}));
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < 6; ++i) order.push_back(script.requests()[i].index);
  EXPECT_EQ(order[0], order[5]);
  EXPECT_EQ(order[1], order[4]);
  EXPECT_EQ(order[2], order[3]);
}

TEST(Search, spends_most_runs_on_those_that_may_win) {
  SuccessiveHalving search({named("a"), named("b"), named("c"), named("d")});
  Script script;
  (void)script.play(search, steady({10, 10.2, 20, 50}));
  EXPECT_GT(script.requests_for(0), script.requests_for(2));
  EXPECT_EQ(script.requests_for(3), 1U) << "five times slower is out after one turn";
}

TEST(Search, closes_candidates_as_soon_as_they_are_out) {
  SuccessiveHalving search({named("a"), named("b")});
  Script script;
  (void)script.play(search, steady({10, 90}));
  EXPECT_TRUE(search.alive(0));
  EXPECT_FALSE(search.alive(1));
}

TEST(Search, takes_the_fewest_threads_of_equals) {
  SuccessiveHalving search({named("a", 2), named("a", 1)});
  Script script;
  EXPECT_EQ(script.play(search, steady({10, 10.05})).winner, 1U);
  SuccessiveHalving different({named("a", 2), named("a", 1)});
  EXPECT_EQ(Script().play(different, steady({10, 10.5})).winner, 0U);
}

TEST(Search, rejects_what_is_less_accurate_than_allowed_however_fast) {
  SearchOptions options;
  options.accuracy_limit = 0.001;
  SuccessiveHalving search({named("exact"), named("rough"), named("broken")}, options);
  const Choice choice = Script().play(search, [](const TrialRequest& request) {
    TrialResult result;
    result.samples_ms = {request.index == 0 ? 10.0 : 1.0};
    const double errors[] = {1e-7, 0.013, std::numeric_limits<double>::quiet_NaN()};
    result.accuracy_error = errors[request.index];
    return result;
  });
  EXPECT_EQ(choice.winner, 0U);
  EXPECT_EQ(choice.rows[1].verdict, Verdict::rejected);
  EXPECT_THAT(choice.rows[1].reason, HasSubstr("0.013"));
  EXPECT_EQ(choice.rows[2].verdict, Verdict::rejected) << "not a number is no accuracy";
}

TEST(Search, rejects_unknown_accuracy_where_it_must_be_known) {
  SearchOptions options;
  options.require_accuracy = true;
  SuccessiveHalving search({named("a")}, options);
  const Choice choice = Script().play(search, [](const TrialRequest&) {
    TrialResult result;
    result.samples_ms = {1};
    return result;
  });
  EXPECT_FALSE(choice.winner);
  EXPECT_THAT(choice.rows[0].reason, HasSubstr("not known"));
}

TEST(Search, goes_on_without_a_candidate_that_fails) {
  SuccessiveHalving search({named("fails"), named("works")});
  Script script;
  const Choice choice = script.play(search, [](const TrialRequest& request) {
    TrialResult result;
    if (request.index == 0) {
      result.error = "the provider is missing.";
    } else {
      result.samples_ms = {5, 5, 5};
    }
    return result;
  });
  EXPECT_EQ(choice.winner, 1U);
  EXPECT_EQ(script.requests_for(0), 1U);
  EXPECT_EQ(choice.rows[1].verdict, Verdict::failed);
  EXPECT_THAT(choice.rows[1].reason, HasSubstr("the provider is missing."));
}

TEST(Search, says_so_when_nothing_works_or_nothing_is_there) {
  SuccessiveHalving failing({named("a"), named("b")});
  const Choice none = Script().play(failing, [](const TrialRequest&) { return TrialResult{}; });
  EXPECT_FALSE(none.winner);
  EXPECT_THAT(none.reason, HasSubstr("None of the 2"));
  SuccessiveHalving empty({});
  EXPECT_FALSE(empty.next(SteadyTime{}));
  EXPECT_THAT(empty.finish(SteadyTime{}).reason, HasSubstr("nothing to choose from"));
}

TEST(Search, asks_again_for_trials_under_load_a_bounded_number_of_times) {
  SuccessiveHalving search({named("a"), named("b")});
  Script script;
  int busy_trials = 0;
  const Choice choice = script.play(search, [&](const TrialRequest& request) {
    TrialResult result = steady({10, 20})(request);
    if (request.index == 0 && busy_trials < 2) {
      ++busy_trials;
      result.load = 0.9;
      for (double& sample : result.samples_ms) sample = 90;
    }
    return result;
  });
  EXPECT_EQ(choice.winner, 0U);
  EXPECT_EQ(choice.rows[0].discarded, 2);
  EXPECT_DOUBLE_EQ(choice.rows[0].median_ms, 10) << "the discarded runs do not count";
  EXPECT_FALSE(choice.provisional);
}

TEST(Search, chooses_provisionally_on_a_machine_that_is_always_busy) {
  SuccessiveHalving search({named("a"), named("b")});
  Script script;
  const Choice choice = script.play(search, [&](const TrialRequest& request) {
    TrialResult result = steady({10, 20})(request);
    result.load = 0.9;
    return result;
  });
  EXPECT_EQ(choice.winner, 0U);
  EXPECT_TRUE(choice.provisional);
  EXPECT_TRUE(choice.rows[0].under_load);
  EXPECT_LE(choice.rows[0].discarded, 2);
  EXPECT_THAT(choice.reason, HasSubstr("busy"));
}

TEST(Search, discards_no_more_than_a_third_on_a_machine_that_is_always_busy) {
  std::vector<Candidate> many;
  for (int i = 0; i < 12; ++i) many.push_back(named("engine" + std::to_string(i)));
  SuccessiveHalving search(many);
  Script script;
  const Choice choice = script.play(search, [&](const TrialRequest& request) {
    TrialResult result = steady(std::vector<double>(12, 10.0))(request);
    result.load = 0.9;
    return result;
  });
  int discarded = 0;
  for (const ChoiceRow& row : choice.rows) discarded += row.discarded;
  EXPECT_LE(discarded, 2 + static_cast<int>(script.requests().size()) * 34 / 100);
}

TEST(Search, picks_by_the_middle_of_the_runs_when_the_budget_ends_in_the_first_rung) {
  SearchOptions options;
  options.budget = milliseconds(700);
  SuccessiveHalving search({named("one_lucky_run"), named("steady")}, options);
  const Choice choice = Script().play(search, [](const TrialRequest& request) {
    TrialResult result;
    result.samples_ms =
        request.index == 0 ? std::vector<double>{150, 50, 150} : std::vector<double>{100, 100, 100};
    return result;
  });
  EXPECT_EQ(choice.winner, 1U);
}

TEST(Search, keeps_to_its_budget_and_names_what_was_not_tried) {
  SearchOptions options;
  options.budget = milliseconds(1000);
  std::vector<Candidate> many;
  for (int i = 0; i < 20; ++i) many.push_back(named("engine" + std::to_string(i)));
  SuccessiveHalving search(many, options);
  Script script;
  const Choice choice = script.play(search, [&](const TrialRequest& request) {
    script.spend(200);  // Opening.
    return steady(std::vector<double>(20, 10.0))(request);
  });
  EXPECT_LE(choice.spent, milliseconds(1000 + 250));
  EXPECT_TRUE(choice.winner);
  EXPECT_TRUE(choice.provisional);
  EXPECT_EQ(choice.rows.back().verdict, Verdict::not_tried);
  EXPECT_THAT(choice.rows.back().reason, HasSubstr("budget of 1.0 s"));
}

TEST(Search, limits_the_time_of_each_trial_to_its_share) {
  SearchOptions options;
  options.budget = milliseconds(1000);
  SuccessiveHalving search({named("a"), named("b")}, options);
  const auto request = search.next(SteadyTime{});
  ASSERT_TRUE(request);
  EXPECT_LE(request->time_limit, milliseconds(250)) << "four turns share the budget";
  EXPECT_GT(request->time_limit, milliseconds(100));
}

TEST(Search, lets_the_runner_abandon_what_cannot_win) {
  SuccessiveHalving search({named("a"), named("b")});
  Script script;
  (void)script.play(search, steady({10, 11}));
  EXPECT_EQ(script.requests()[0].abandon_above_ms, 0) << "nothing to compare with yet";
  EXPECT_DOUBLE_EQ(script.requests()[1].abandon_above_ms, 30);
}

TEST(Search, measures_a_single_candidate_long_enough_to_remember_its_median) {
  SuccessiveHalving search({named("only")});
  Script script;
  const Choice choice = script.play(search, steady({10}));
  EXPECT_EQ(choice.winner, 0U);
  EXPECT_GE(choice.rows[0].runs, 12);
}

TEST(Search, takes_its_accuracy_limit_from_the_policy) {
  EXPECT_DOUBLE_EQ(options_for({}).accuracy_limit, kRoundingError);
  Policy relaxed;
  relaxed.max_error = 0.02;
  EXPECT_DOUBLE_EQ(options_for(relaxed).accuracy_limit, 0.02);
  EXPECT_TRUE(options_for(relaxed).require_accuracy);
  Policy by_name;
  by_name.precision = "bf16";
  EXPECT_GT(options_for(by_name).accuracy_limit, 1e9) << "the user asked for it";
  by_name.max_error = 0.001;
  EXPECT_DOUBLE_EQ(options_for(by_name).accuracy_limit, 0.001);
}

}  // namespace
}  // namespace accel::perf
