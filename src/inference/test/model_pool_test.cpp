// SPDX-License-Identifier: Apache-2.0
#include "accel/inference/model_pool.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <thread>

namespace accel::inference {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using ::testing::HasSubstr;

struct Number : PooledModel {
  explicit Number(int given, std::atomic<int>* counter = nullptr) : value(given), alive(counter) {
    if (alive != nullptr) ++*alive;
  }
  ~Number() override {
    if (alive != nullptr) --*alive;
  }
  int value;
  std::atomic<int>* alive;
};

class ModelPoolTest : public testing::Test {
 protected:
  static PoolOptions options(std::uint64_t budget = 1000) {
    PoolOptions options;
    options.limits.budget_bytes = budget;
    options.limits.patience = milliseconds(50);
    options.max_wait = milliseconds(300);
    return options;
  }
  static PoolDemand demand(std::string key, std::uint64_t bytes) {
    PoolDemand made{.key = std::move(key)};
    made.name = made.key;
    made.bytes = bytes;
    made.keep_alive = minutes(5);
    return made;
  }
  ModelPool::Loader number(int value) {
    return [this, value]() -> Result<std::shared_ptr<PooledModel>> {
      ++loads_;
      return std::make_shared<Number>(value, &alive_);
    };
  }
  double counted(const char* name, const Labels& labels = {}) {
    return metrics_.counter(name, "", labels).value();
  }

  Metrics metrics_;
  std::atomic<int> loads_{0};
  std::atomic<int> alive_{0};
};

TEST_F(ModelPoolTest, loads_once_and_keeps) {
  ModelPool pool(options(), metrics_);
  for (int i = 0; i < 3; ++i) {
    auto loan = pool.get(demand("a", 100), number(7), {});
    ASSERT_TRUE(loan) << loan.error().message;
    EXPECT_EQ(Lent<Number>(*std::move(loan))->value, 7);
  }
  EXPECT_EQ(loads_, 1);
  EXPECT_EQ(pool.size(), 1U);
  EXPECT_EQ(counted("accel_models_loads_total"), 1);
  EXPECT_EQ(metrics_.gauge("accel_models_bytes", "").value(), 100);
}

TEST_F(ModelPoolTest, a_model_that_many_ask_for_at_once_is_loaded_once) {
  ModelPool pool(options(), metrics_);
  const auto slow = [this]() -> Result<std::shared_ptr<PooledModel>> {
    ++loads_;
    std::this_thread::sleep_for(milliseconds(50));
    return std::make_shared<Number>(1, &alive_);
  };
  std::atomic<int> right{0};
  std::vector<std::jthread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      auto loan = pool.get(demand("a", 100), slow, {});
      if (loan && Lent<Number>(*std::move(loan))->value == 1) ++right;
    });
  }
  threads.clear();
  EXPECT_EQ(right, 8);
  EXPECT_EQ(loads_, 1);
}

TEST_F(ModelPoolTest, makes_room_and_frees_before_it_loads) {
  ModelPool pool(options(), metrics_);
  ASSERT_TRUE(pool.get(demand("a", 600), number(1), {}));
  const auto load = [this]() -> Result<std::shared_ptr<PooledModel>> {
    EXPECT_EQ(alive_, 0) << "the old one's memory is free";
    return std::make_shared<Number>(2, &alive_);
  };
  ASSERT_TRUE(pool.get(demand("b", 600), load, {}));
  EXPECT_EQ(alive_, 1);
  EXPECT_EQ(counted("accel_models_unloads_total", {{"reason", "room"}}), 1);
}

TEST_F(ModelPoolTest, refuses_what_never_fits_and_what_is_busy_for_too_long) {
  ModelPool pool(options(), metrics_);
  const auto huge = pool.get(demand("huge", 1001), number(1), {});
  ASSERT_FALSE(huge);
  EXPECT_EQ(huge.error().code, Errc::unsupported) << "trying again is no use";
  EXPECT_THAT(huge.error().message, HasSubstr("models.memory_budget"));
  EXPECT_THAT(huge.error().message,
              HasSubstr("huge takes 1.0 kB of memory, and all models may take 1.0 kB together"));
  EXPECT_TRUE(is_for_want_of_room(huge.error()));
  EXPECT_FALSE(is_for_want_of_room({Errc::unsupported, "It can't.", {}}));
  const auto busy = pool.get(demand("busy", 800), number(1), {});
  ASSERT_TRUE(busy);
  const auto refused = pool.get(demand("other", 800), number(2), {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::resource_exhausted);
  EXPECT_EQ(counted("accel_models_refusals_total", {{"reason", "busy"}}), 1);
  EXPECT_EQ(counted("accel_models_refusals_total", {{"reason", "too_large"}}), 1);
}

TEST_F(ModelPoolTest, a_request_waits_for_the_end_of_a_call) {
  ModelPool pool(options(), metrics_);
  auto busy = pool.get(demand("busy", 800), number(1), {});
  ASSERT_TRUE(busy);
  std::jthread ending([&] {
    std::this_thread::sleep_for(milliseconds(100));
    busy->end();
  });
  EXPECT_TRUE(pool.get(demand("other", 800), number(2), {}));
}

TEST_F(ModelPoolTest, only_so_many_wait) {
  PoolOptions few = options();
  few.max_waiting = 0;
  ModelPool pool(few, metrics_);
  const auto busy = pool.get(demand("busy", 800), number(1), {});
  EXPECT_FALSE(pool.get(demand("other", 800), number(2), {})) << "at once";
}

TEST_F(ModelPoolTest, a_stop_ends_the_wait) {
  PoolOptions long_wait = options();
  long_wait.max_wait = minutes(5);
  long_wait.limits.patience = minutes(5);
  ModelPool pool(long_wait, metrics_);
  const auto busy = pool.get(demand("busy", 800), number(1), {});
  std::stop_source stop;
  std::jthread stopping([&] {
    std::this_thread::sleep_for(milliseconds(50));
    stop.request_stop();
  });
  const auto other = pool.get(demand("other", 800), number(2), stop.get_token());
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code, Errc::cancelled);
}

TEST_F(ModelPoolTest, a_load_that_fails_or_throws_leaves_its_room_free) {
  ModelPool pool(options(), metrics_);
  const auto fails = []() -> Result<std::shared_ptr<PooledModel>> {
    return fail(Errc::corrupt, "It is damaged.");
  };
  const auto throws = []() -> Result<std::shared_ptr<PooledModel>> {
    throw std::runtime_error("surprise");
  };
  EXPECT_EQ(pool.get(demand("a", 800), fails, {}).error().code, Errc::corrupt);
  EXPECT_EQ(pool.get(demand("b", 800), throws, {}).error().code, Errc::internal);
  EXPECT_TRUE(pool.get(demand("c", 800), number(1), {}));
  EXPECT_EQ(counted("accel_models_load_failures_total"), 2);
}

TEST_F(ModelPoolTest, unloads_by_time_by_request_and_after_the_call) {
  ManualClock clock;
  PoolSeams seams;
  seams.clock = &clock;
  int returned = 0;
  seams.return_memory = [&] { ++returned; };
  ModelPool pool(options(), metrics_, seams);
  ASSERT_TRUE(pool.get(demand("a", 100), number(1), {}));
  clock.advance(minutes(4));
  pool.sweep();
  EXPECT_EQ(alive_, 1);
  clock.advance(minutes(2));
  pool.sweep();
  EXPECT_EQ(alive_, 0);
  EXPECT_EQ(returned, 1);
  {
    const auto loan = pool.get(demand("b", 100), number(2), {});
    loan->keep_for(Duration::zero());
    EXPECT_EQ(alive_, 1);
  }
  EXPECT_EQ(alive_, 0);
  ASSERT_TRUE(pool.get(demand("c", 100), number(3), {}));
  EXPECT_EQ(pool.drop([](const PooledModel&) { return true; }), 1U);
  EXPECT_EQ(alive_, 0);
}

TEST_F(ModelPoolTest, what_is_dropped_while_it_is_busy_goes_with_its_last_call) {
  ModelPool pool(options(), metrics_);
  auto loan = pool.get(demand("a", 100), number(1), {});
  EXPECT_EQ(pool.drop([](const PooledModel&) { return true; }), 1U);
  EXPECT_EQ(alive_, 1);
  EXPECT_FALSE(pool.find("a"));
  loan->end();
  EXPECT_EQ(alive_, 0);
  EXPECT_EQ(pool.size(), 0U);
}

TEST_F(ModelPoolTest, the_sweeper_works_by_itself) {
  ModelPool pool(options(), metrics_);
  pool.start();
  PoolDemand shortly = demand("a", 100);
  shortly.keep_alive = milliseconds(20);
  ASSERT_TRUE(pool.get(shortly, number(1), {}));
  for (int i = 0; i < 200 && alive_ > 0; ++i) std::this_thread::sleep_for(milliseconds(10));
  EXPECT_EQ(alive_, 0);
}

TEST_F(ModelPoolTest, counts_what_loading_and_first_calls_add_to_the_process) {
  std::uint64_t resident = 5000;
  PoolSeams seams;
  seams.resident = [&] { return std::optional(resident); };
  ModelPool pool(options(), metrics_, seams);
  const auto grows = [&]() -> Result<std::shared_ptr<PooledModel>> {
    resident += 300;
    return std::make_shared<Number>(1);
  };
  {
    const auto loan = pool.get(demand("a", 200), grows, {});
    EXPECT_EQ(pool.rows().front().entry.bytes, 300U);
    resident += 150;  // Its first call.
  }
  EXPECT_EQ(pool.rows().front().entry.bytes, 450U);
  const auto first = pool.find("a");
  const auto second = pool.find("a");
  resident += 100;  // Whose? Two ran.
  EXPECT_EQ(pool.rows().front().entry.bytes, 450U);
}

TEST_F(ModelPoolTest, room_without_a_model_counts_until_its_end) {
  ModelPool pool(options(), metrics_);
  {
    const auto room = pool.reserve(demand("trial", 900), {});
    ASSERT_TRUE(room);
    EXPECT_TRUE(*room);
    PoolDemand beside = demand("trial 2", 200);
    beside.may_unload = false;
    EXPECT_FALSE(pool.reserve(beside, {}));
  }
  EXPECT_TRUE(pool.get(demand("a", 900), number(1), {}));
}

TEST_F(ModelPoolTest, lends_the_one_that_matches_and_was_used_last) {
  ManualClock clock;
  PoolSeams seams;
  seams.clock = &clock;
  ModelPool pool(options(), metrics_, seams);
  for (int i = 1; i <= 3; ++i) {
    clock.advance(milliseconds(1));
    ASSERT_TRUE(pool.get(demand(std::to_string(i), 100), number(i), {}));
  }
  const auto odd = [](const Number& one) { return one.value % 2 == 1; };
  EXPECT_EQ(pool.lend<Number>(odd)->value, 3);
  clock.advance(milliseconds(1));
  ASSERT_TRUE(pool.find("1"));
  EXPECT_EQ(pool.lend<Number>(odd)->value, 1);
  EXPECT_EQ(pool.look<Number>(odd)->value, 1);
  EXPECT_FALSE(pool.lend<Number>([](const Number&) { return false; }));
}

TEST_F(ModelPoolTest, another_instance_is_loaded_when_all_are_busy_and_there_is_room) {
  ModelPool pool(options(500), metrics_);
  PoolDemand three = demand("a", 200);
  three.instances = 3;
  const auto first = pool.get(three, number(1), {});
  const auto second = pool.get(three, number(2), {});
  EXPECT_EQ(loads_, 2);
  const auto shared = pool.get(three, number(3), {});
  EXPECT_TRUE(shared);
  EXPECT_EQ(loads_, 2) << "no room for a third";
}

TEST_F(ModelPoolTest, without_keeping_nothing_outlives_its_call) {
  PoolOptions none = options(0);
  none.keeps = false;
  ModelPool pool(none, metrics_);
  PoolDemand once = demand("a", 100);
  once.keep_alive = Duration::zero();
  {
    const auto loan = pool.get(once, number(1), {});
    EXPECT_EQ(alive_, 1);
  }
  EXPECT_EQ(alive_, 0);
}

TEST_F(ModelPoolTest, many_threads_with_too_little_room_get_right_models_or_refusals) {
  ModelPool pool(options(), metrics_);
  pool.start();
  std::atomic<int> served{0}, refused{0}, wrong{0};
  std::vector<std::jthread> threads;
  for (unsigned thread = 0; thread < 6; ++thread) {
    threads.emplace_back([&, thread] {
      std::mt19937 chance(thread);
      for (int i = 0; i < 150; ++i) {
        const int which = static_cast<int>(chance() % 5);
        PoolDemand wanted = demand(std::to_string(which), 250 + 50 * chance() % 3);
        wanted.keep_alive = milliseconds(chance() % 30);
        auto loan = pool.get(wanted, number(which), {});
        if (!loan) {
          ++(loan.error().code == Errc::resource_exhausted ? refused : wrong);
          continue;
        }
        const Lent<Number> lent(*std::move(loan));
        if (lent->value != which) ++wrong;
        ++served;
        if (chance() % 4 == 0) std::this_thread::sleep_for(milliseconds(1));
        if (chance() % 20 == 0) pool.drop([](const PooledModel&) { return true; });
        if (chance() % 20 == 0) (void)pool.rows();
      }
    });
  }
  threads.clear();
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(served + refused, 6 * 150);
  EXPECT_GT(served, 450);
}

}  // namespace
}  // namespace accel::inference
