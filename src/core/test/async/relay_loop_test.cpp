// SPDX-License-Identifier: Apache-2.0
#include "accel/core/async/relay_loop.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <boost/asio/post.hpp>
#include <future>
#include <stdexcept>
#include <thread>
#include <vector>

#include "accel/core/async/sync_wait.hpp"

namespace accel {
namespace {

using namespace std::chrono_literals;

// A job runs on the loop from when its other thread stands by.
void wait_until_it_relays(RelayLoop& loop, OffloadPool& pool) {
  const auto where = [](std::stop_token) -> Result<std::thread::id> {
    return std::this_thread::get_id();
  };
  std::promise<std::thread::id> id;
  asio::post(loop.executor(), [&id] { id.set_value(std::this_thread::get_id()); });
  const std::thread::id handlers = id.get_future().get();
  while (sync_wait(loop.executor(), loop.run_brief(pool, where)).value() != handlers) continue;
}

struct Fixture {
  Fixture() { wait_until_it_relays(loop, pool); }

  OffloadPool pool{2, 64, "pool"};
  RelayLoop loop{"relay"};

  // Where a handler of the loop runs now.
  std::thread::id handler_thread() {
    std::promise<std::thread::id> id;
    asio::post(loop.executor(), [&id] { id.set_value(std::this_thread::get_id()); });
    return id.get_future().get();
  }
  template <class F>
  auto run(F job, std::stop_token stop = {}) {
    return sync_wait(loop.executor(), loop.run_brief(pool, std::move(job)), std::move(stop));
  }
};

TEST(RelayLoop, runs_a_brief_job_where_the_handlers_run) {
  Fixture it;
  const auto job = [](std::stop_token) -> Result<std::thread::id> {
    return std::this_thread::get_id();
  };
  int here = 0;  // But for those that lasted, because others had the processor.
  for (int i = 0; i < 100; ++i) here += it.run(job).value() == it.handler_thread() ? 1 : 0;
  EXPECT_GT(here, 50);
  EXPECT_LT(it.loop.handovers(), 50U);
}

TEST(RelayLoop, handlers_go_on_elsewhere_while_a_job_lasts) {
  Fixture it;
  for (int round = 0; round < 4; ++round) {
    const std::thread::id before = it.handler_thread();
    std::promise<void> others_went_on;
    const auto job = [&](std::stop_token) -> Result<std::thread::id> {
      asio::post(it.loop.executor(), [&others_went_on] { others_went_on.set_value(); });
      others_went_on.get_future().wait();  // Would hang if the loop waited for the job.
      return std::this_thread::get_id();
    };
    EXPECT_EQ(it.run(job).value(), before);
    EXPECT_NE(it.handler_thread(), before);
    EXPECT_GT(it.loop.handovers(), static_cast<std::uint64_t>(round));
  }
}

TEST(RelayLoop, sends_a_job_to_the_pool_while_an_earlier_one_lasts) {
  Fixture it;
  const std::uint64_t before = it.loop.handovers();
  std::promise<void> go_on;
  std::shared_future<void> may_end = go_on.get_future().share();
  std::thread first([&] {
    const auto lasting = [may_end](std::stop_token) -> Result<int> {
      may_end.wait();
      return 1;
    };
    EXPECT_EQ(it.run(lasting).value(), 1);
  });
  while (it.loop.handovers() == before) std::this_thread::sleep_for(1ms);
  const std::thread::id handlers = it.handler_thread();
  const auto job = [](std::stop_token) -> Result<std::thread::id> {
    return std::this_thread::get_id();
  };
  EXPECT_NE(it.run(job).value(), handlers);
  go_on.set_value();
  first.join();
}

TEST(RelayLoop, a_task_that_is_cancelled_asks_its_job_to_stop) {
  Fixture it;
  std::stop_source stop;
  std::promise<void> began;
  std::thread canceller([&] {
    began.get_future().wait();
    stop.request_stop();
  });
  const auto job = [&began](std::stop_token asked) -> Result<int> {
    began.set_value();
    while (!asked.stop_requested()) std::this_thread::sleep_for(1ms);
    return fail(Errc::cancelled, "It was asked to stop.");
  };
  const auto result = it.run(job, stop.get_token());
  canceller.join();
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Errc::cancelled);
}

TEST(RelayLoop, a_job_that_throws_ends_itself_alone) {
  Fixture it;
  const auto bad = [](std::stop_token) -> Result<int> { throw std::runtime_error("no"); };
  const auto result = it.run(bad);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Errc::internal);
  const auto good = [](std::stop_token) -> Result<int> { return 2; };
  EXPECT_EQ(it.run(good).value(), 2);
}

TEST(RelayLoop, one_handler_runs_at_a_time_whatever_lasts) {
  Fixture it;
  int unguarded = 0;  // Written by handlers alone: TSan sees two at a time.
  std::vector<std::thread> callers;
  for (int caller = 0; caller < 4; ++caller) {
    callers.emplace_back([&it, &unguarded, caller] {
      for (int i = 0; i < 50; ++i) {
        const bool lasts = (i + caller) % 10 == 0;
        const auto job = [lasts](std::stop_token) -> Result<int> {
          if (lasts) std::this_thread::sleep_for(4ms);
          return 1;
        };
        asio::post(it.loop.executor(), [&unguarded] { ++unguarded; });
        EXPECT_EQ(it.run(job).value(), 1);
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  std::promise<int> count;
  asio::post(it.loop.executor(), [&] { count.set_value(unguarded); });
  EXPECT_EQ(count.get_future().get(), 200);
}

TEST(RelayLoop, ends_after_the_job_that_it_is_in) {
  std::atomic<bool> ended = false;
  OffloadPool pool(1);
  auto loop = std::make_unique<RelayLoop>("relay");
  std::promise<void> began;
  wait_until_it_relays(*loop, pool);
  std::thread caller([&] {
    const auto job = [&](std::stop_token) -> Result<int> {
      began.set_value();
      std::this_thread::sleep_for(20ms);
      ended = true;
      return 1;
    };
    (void)sync_wait(loop->executor(), loop->run_brief(pool, job));
  });
  began.get_future().wait();
  loop->stop();
  EXPECT_TRUE(ended);
  loop.reset();  // What still waits goes with it.
  caller.join();
}

}  // namespace
}  // namespace accel
