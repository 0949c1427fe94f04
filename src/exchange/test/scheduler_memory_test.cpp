// SPDX-License-Identifier: Apache-2.0
// What the scheduler knows before the first byte: figures of earlier pulls, and sizes that it
// learns.
#include <gmock/gmock.h>

#include "scheduler.hpp"
#include "scheduler_script.hpp"

namespace accel::exchange {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using testing::kMiB;
using testing::test_cid;

// Which source each of the first wants goes to.
std::vector<SourceId> first_choices(const std::vector<SourcePrior>& priors, std::size_t wants,
                                    std::uint32_t bytes = kMiB) {
  Scheduler scheduler;
  for (const SourcePrior& prior : priors) {
    SourceAdded added{"source"};
    added.prior = prior;
    scheduler.step(added, {});
  }
  WantsAdded event;
  for (std::size_t i = 0; i < wants; ++i) event.wants.push_back({test_cid(i), bytes, i});
  std::vector<SourceId> chosen;
  for (const Action& action : scheduler.step(event, {})) {
    if (const auto* start = std::get_if<StartRequest>(&action)) chosen.push_back(start->source);
  }
  return chosen;
}

TEST(SchedulerMemory, who_was_faster_the_last_time_is_asked_first) {
  EXPECT_THAT(first_choices({{.bytes_per_second = 1e6}, {.bytes_per_second = 1e7}}, 1),
              ElementsAre(1));
}

TEST(SchedulerMemory, what_fails_often_counts_as_slower) {
  EXPECT_THAT(first_choices(
                  {{.bytes_per_second = 1e7, .failure_share = 0.8}, {.bytes_per_second = 5e6}}, 1),
              ElementsAre(1));
}

TEST(SchedulerMemory, who_is_unknown_is_tried) {
  EXPECT_THAT(first_choices({{.bytes_per_second = 1e7}, {}}, 1), ElementsAre(1));
}

TEST(SchedulerMemory, a_known_long_path_is_filled_from_the_start_but_not_for_ever) {
  const auto unknown = first_choices({{}}, 40);
  EXPECT_EQ(unknown.size(), 2U);
  const auto known = first_choices({{.bytes_per_second = 1e8, .round_trip = 60ms}}, 40);
  EXPECT_EQ(known.size(), 5U) << "6 MB fill it";
  EXPECT_EQ(first_choices({{.bytes_per_second = 1e9, .round_trip = 60ms}}, 40).size(), 8U);
}

TEST(SchedulerMemory, the_size_of_what_nobody_knows_is_learned_from_what_came) {
  testing::Script script;
  script.sources({"a"});
  script.wants(50, 0);
  EXPECT_EQ(script.scheduler().in_flight_bytes(), 2 * (16U << 10U));
  script.clock_moves(1ms);
  script.verifies("a", 0, 1000);
  script.verifies("a", 1, 1000);
  EXPECT_LT(script.scheduler().in_flight_bytes(), 64U << 10U);
  EXPECT_GT(script.open_at("a"), 20U) << "small ones are asked for side by side";
}

TEST(SchedulerMemory, reports_what_it_measured) {
  testing::Script script;
  script.sources({"a"});
  script.wants(1, kMiB);
  script.clock_moves(20ms);
  script.bytes("a", 0, 1000);
  script.clock_moves(80ms);
  script.verifies("a", 0);
  const SourceStats stats = script.stats("a");
  EXPECT_EQ(stats.rate_samples, 1U);
  EXPECT_EQ(stats.round_trip, Duration(20ms));
  EXPECT_NEAR(stats.median_rate, kMiB / 0.1, 1);
}

}  // namespace
}  // namespace accel::exchange
