// SPDX-License-Identifier: Apache-2.0
// Which of several pulls goes first.
#include "download_budget.hpp"

#include "scheduler_script.hpp"

namespace accel::exchange {
namespace {

using testing::kMiB;
using testing::Script;
using namespace std::chrono_literals;

// A pull with one source that delivers within a tick.
class OnePull {
 public:
  OnePull(DownloadBudget& budget, Urgency urgency) : share_(budget, urgency), script_({}, &share_) {
    script_.sources({"a"});
  }
  void wants(std::size_t count) {
    script_.wants(count, kMiB);
    count_ += count;
  }
  void tick() {
    script_.passes(50ms);
    std::vector<WantId> asked;
    for (WantId want = 0; want < count_; ++want) {
      if (script_.asks("a", want)) asked.push_back(want);
    }
    for (const WantId want : asked) script_.verifies("a", want);
    done += asked.size();
  }
  std::size_t open() const { return script_.open_at("a"); }

  std::size_t done = 0;

 private:
  DownloadBudget::Share share_;
  Script script_;
  std::size_t count_ = 0;
};

TEST(DownloadBudget, what_is_needed_now_takes_the_whole_rate_and_the_rest_comes_after) {
  DownloadBudget budget(8 * kMiB);
  OnePull behind(budget, Urgency::background);
  OnePull first(budget, Urgency::foreground);
  behind.wants(200);
  for (int i = 0; i < 20; ++i) behind.tick(), first.tick();  // One second, alone.
  const std::size_t alone = behind.done;
  EXPECT_GE(alone, 7U);
  EXPECT_LE(alone, 11U);
  first.wants(24);
  for (int i = 0; i < 60; ++i) behind.tick(), first.tick();  // Three seconds together.
  EXPECT_GE(first.done, 22U);
  EXPECT_LE(behind.done - alone, 1U);
  const std::size_t together = behind.done;
  for (int i = 0; i < 40; ++i) behind.tick(), first.tick();  // Two seconds alone again.
  EXPECT_EQ(first.done, 24U);
  EXPECT_GE(behind.done - together, 12U);
}

TEST(DownloadBudget, two_that_are_needed_now_share_the_rate) {
  DownloadBudget budget(8 * kMiB);
  OnePull one(budget, Urgency::foreground);
  OnePull other(budget, Urgency::foreground);
  one.wants(100);
  other.wants(100);
  for (int i = 0; i < 80; ++i) {
    if (i % 2 == 0) one.tick(), other.tick();
    if (i % 2 == 1) other.tick(), one.tick();
  }
  EXPECT_GE(one.done + other.done, 30U);
  EXPECT_LE(one.done + other.done, 36U);
}

TEST(DownloadBudget, without_a_rate_the_background_has_one_block_under_way) {
  DownloadBudget budget;
  OnePull behind(budget, Urgency::background);
  OnePull first(budget, Urgency::foreground);
  behind.wants(1000);
  for (int i = 0; i < 4; ++i) behind.tick();
  EXPECT_GT(behind.open(), 1U);
  first.wants(1);
  for (int i = 0; i < 3; ++i) behind.tick();  // What is under way ends.
  EXPECT_EQ(behind.open(), 1U);
  first.tick();
  for (int i = 0; i < 3; ++i) behind.tick();
  EXPECT_GT(behind.open(), 1U);
}

TEST(DownloadBudget, nobody_in_the_background_waits_for_ever) {
  DownloadBudget budget(kMiB);
  OnePull behind(budget, Urgency::background);
  OnePull first(budget, Urgency::foreground);
  first.wants(100);
  for (int i = 0; i < 4; ++i) first.tick();
  behind.wants(10);
  for (int i = 0; i < 20 * 21; ++i) behind.tick(), first.tick();  // 21 seconds.
  EXPECT_GE(behind.done, 3U);
  EXPECT_LE(behind.done, 5U);
}

TEST(DownloadBudget, a_pull_that_ends_leaves_nothing_behind) {
  DownloadBudget budget;
  OnePull behind(budget, Urgency::background);
  behind.wants(1000);
  {
    OnePull first(budget, Urgency::foreground);
    first.wants(2);
    EXPECT_GE(first.open(), 1U);
    for (int i = 0; i < 3; ++i) behind.tick();
    EXPECT_LE(behind.open(), 1U);
  }
  for (int i = 0; i < 4; ++i) behind.tick();
  EXPECT_GT(behind.open(), 1U);
}

}  // namespace
}  // namespace accel::exchange
