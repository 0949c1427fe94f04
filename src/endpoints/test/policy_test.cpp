// SPDX-License-Identifier: Apache-2.0
// Policy alone, in simulated time.
#include <gmock/gmock.h>

#include <array>
#include <map>
#include <queue>

#include "policy/retries.hpp"
#include "policy/standing.hpp"

namespace accel::endpoints {
namespace {

using namespace std::chrono_literals;

constexpr SteadyTime kStart = SteadyTime{} + 1000s;

TEST(Breaker, opens_after_failures_in_a_row_and_lets_one_request_try) {
  Breaker breaker;
  for (int i = 0; i < 4; ++i) breaker.failed(kStart);
  breaker.succeeded();
  for (int i = 0; i < 4; ++i) breaker.failed(kStart);
  EXPECT_TRUE(breaker.admits(kStart));
  breaker.failed(kStart);
  EXPECT_EQ(breaker.state(kStart), Breaker::State::open);
  EXPECT_FALSE(breaker.admits(kStart + 4900ms));
  EXPECT_TRUE(breaker.admits(kStart + 5s));
  breaker.began(kStart + 5s);
  EXPECT_FALSE(breaker.admits(kStart + 6s));  // One at a time.
  breaker.failed(kStart + 6s);
  EXPECT_FALSE(breaker.admits(kStart + 15s));  // Twice as long now.
  EXPECT_TRUE(breaker.admits(kStart + 16s));
  breaker.began(kStart + 16s);
  breaker.succeeded();
  EXPECT_EQ(breaker.state(kStart + 16s), Breaker::State::closed);
}

TEST(Breaker, a_try_that_nobody_waited_for_lets_another_try) {
  Breaker breaker({.failures = 1});
  breaker.failed(kStart);
  breaker.began(kStart + 5s);
  breaker.undecided();
  EXPECT_TRUE(breaker.admits(kStart + 5s));
}

TEST(Retries, the_budget_bounds_what_retries_add) {
  RetryBudget budget;
  int retries = 0;
  for (int i = 0; i < 1000; ++i) {
    budget.request();
    while (budget.take()) ++retries;
  }
  EXPECT_LE(retries, 211);
  EXPECT_GE(retries, 200);
}

TEST(Retries, waits_are_jittered_over_the_whole_range) {
  SeededRandom random(7);
  Duration longest{}, shortest = 1h;
  for (int i = 0; i < 2000; ++i) {
    const Duration wait = jittered_wait(2, random);
    longest = std::max(longest, wait);
    shortest = std::min(shortest, wait);
    EXPECT_LE(jittered_wait(60, random), kLongestWait);
  }
  EXPECT_LE(longest, 800ms);
  EXPECT_GT(longest, 700ms);
  EXPECT_LT(shortest, 50ms);
}

TEST(RateLimit, gives_a_burst_and_then_the_rate) {
  RateLimit limit(60);
  SteadyTime now = kStart;
  int taken = 0;
  while (limit.ready_at(now) <= now) {
    limit.take(now);
    ++taken;
  }
  EXPECT_EQ(taken, 6);
  EXPECT_NEAR(to_ms(limit.ready_at(now) - now), 1000, 1);
  for (now = kStart; now < kStart + 60s; now += 10ms) {
    if (limit.ready_at(now) > now) continue;
    limit.take(now);
    ++taken;
  }
  EXPECT_LE(taken, 66);
  EXPECT_GE(taken, 64);
  EXPECT_EQ(RateLimit(0).ready_at(kStart), kStart);
}

TEST(Latency, takes_a_peak_at_once_and_forgets_it_slowly) {
  Latency latency;
  EXPECT_EQ(latency.average_ms(kStart), std::nullopt);
  for (int i = 0; i < 10; ++i) latency.add(kStart + i * 1s, 10ms);
  EXPECT_NEAR(*latency.average_ms(kStart + 9s), 10, 0.1);
  latency.add(kStart + 10s, 500ms);
  EXPECT_NEAR(*latency.average_ms(kStart + 10s), 500, 1);
  EXPECT_LT(*latency.average_ms(kStart + 160s), 5);
  EXPECT_EQ(latency.p95(), std::nullopt);
  for (int i = 0; i < 100; ++i) latency.add(kStart + 11s, 10ms);
  EXPECT_EQ(latency.p95(), 10ms);
}

TEST(Standing, a_pause_and_full_places_are_told_apart) {
  Standing standing(1, 0);
  EXPECT_EQ(standing.ready_at(kStart), kStart);
  standing.began(kStart);
  EXPECT_EQ(standing.ready_at(kStart), std::nullopt);
  standing.ended(kStart, Outcome::throttled, 3s);
  EXPECT_EQ(standing.ready_at(kStart), kStart + 3s);
  standing.began(kStart + 3s);
  standing.ended(kStart + 3s, Outcome::throttled);
  EXPECT_EQ(standing.ready_at(kStart + 3s), kStart + 4s);
  EXPECT_FALSE(standing.is_shut(kStart));  // To be busy is no failure.
}

TEST(Choice, by_cost_takes_the_cheapest_and_by_latency_the_quickest) {
  Standing quick(9, 0), cheap(9, 0), unknown(9, 0);
  quick.first_piece(kStart, 10ms);
  cheap.first_piece(kStart, 100ms);
  const std::array both{Candidate{&quick, 5.0}, Candidate{&cheap, 1.0}};
  EXPECT_EQ(choose(both, Preference::latency, kStart), 0U);
  EXPECT_EQ(choose(both, Preference::cost, kStart), 1U);
  const std::array three{Candidate{&quick, 5.0}, Candidate{&unknown, std::nullopt}};
  EXPECT_EQ(choose(three, Preference::latency, kStart), 1U);  // So that it is measured.
  EXPECT_EQ(choose(three, Preference::cost, kStart), 0U);
  const std::array tried{Candidate{&quick, 5.0, true}, Candidate{&cheap, 1.0, false}};
  EXPECT_EQ(choose(tried, Preference::latency, kStart), 1U);
}

// Endpoints that answer after a time of their own, or fail, asked by requests that come at a steady
// rate; one event after the other.
class Simulation {
 public:
  struct Server {
    Duration takes;
    double fails = 0;
    std::uint64_t asked = 0, failed = 0;
    Standing standing{16, 0};
  };
  explicit Simulation(std::vector<Server> given) : servers(std::move(given)) {}

  void run(Duration time, Duration between) {
    const SteadyTime end = now_ + time;
    for (; now_ < end; now_ += between) {
      finish_until(now_);
      budget_.request();
      ask({});
    }
    finish_until(now_ + 1h);
  }

  std::vector<Server> servers;
  std::uint64_t retries = 0, succeeded = 0, lost = 0;

 private:
  struct Event {
    SteadyTime at, began;
    std::size_t server;
    std::vector<std::size_t> tried;
    bool operator<(const Event& other) const { return at > other.at; }
  };

  void ask(std::vector<std::size_t> tried) {
    std::vector<Candidate> list;
    for (std::size_t i = 0; i < servers.size(); ++i) {
      const bool again = std::ranges::find(tried, i) != tried.end();
      list.push_back({&servers[i].standing, {}, again});
    }
    const auto best = choose(list, Preference::latency, now_);
    if (!best || tried.size() == 3) {
      ++lost;
      return;
    }
    Server& server = servers[*best];
    ++server.asked;
    server.standing.began(now_);
    tried.push_back(*best);
    events_.push({now_ + server.takes, now_, *best, std::move(tried)});
  }

  void finish_until(SteadyTime until) {
    while (!events_.empty() && events_.top().at <= until) {
      const Event event = events_.top();
      events_.pop();
      Server& server = servers[event.server];
      const bool fails = static_cast<double>(random_.below(1000)) < server.fails * 1000;
      if (!fails) server.standing.first_piece(event.at, event.at - event.began);
      server.standing.ended(event.at, fails ? Outcome::failed : Outcome::succeeded);
      if (fails) ++server.failed;
      if (!fails) ++succeeded;
      if (!fails || !budget_.take()) continue;
      ++retries;
      ask(event.tried);
    }
  }

  SteadyTime now_ = kStart;
  RetryBudget budget_;
  SeededRandom random_{42};
  std::priority_queue<Event> events_;
};

TEST(Simulated, the_quicker_endpoint_gets_most_and_the_slower_some) {
  std::vector<Simulation::Server> servers(2);
  servers[0].takes = 50ms;
  servers[1].takes = 200ms;
  Simulation simulation(std::move(servers));
  simulation.run(60s, 20ms);
  EXPECT_EQ(simulation.succeeded, 3000U);
  EXPECT_GT(simulation.servers[0].asked, 3 * simulation.servers[1].asked);
  EXPECT_GT(simulation.servers[1].asked, 0U);
}

TEST(Simulated, one_that_fails_is_left_alone_and_the_other_answers) {
  std::vector<Simulation::Server> servers(2);
  servers[0].takes = 1ms;  // It fails quickly, as what is down does.
  servers[0].fails = 1;
  servers[1].takes = 100ms;
  Simulation simulation(std::move(servers));
  simulation.run(120s, 50ms);
  EXPECT_LT(simulation.servers[0].asked, 25U);  // Five, and then a try at a time.
  EXPECT_GT(simulation.succeeded, 2380U);
}

TEST(Simulated, when_all_fail_retries_stay_a_small_part) {
  std::vector<Simulation::Server> servers(3);
  for (auto& server : servers) {
    server.takes = 10ms;
    server.fails = 0.9;
  }
  Simulation simulation(std::move(servers));
  simulation.run(60s, 20ms);
  EXPECT_LE(simulation.retries, 3000 / 5 + 11);
  EXPECT_GT(simulation.lost, 0U);
}

}  // namespace
}  // namespace accel::endpoints
