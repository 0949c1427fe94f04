// SPDX-License-Identifier: Apache-2.0
#include "accel/core/async/with_timeout.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "accel/core/async/io.hpp"
#include "accel/core/async/offload.hpp"
#include "accel/core/async/sync_wait.hpp"

namespace accel {
namespace {

using namespace std::chrono_literals;

Task<int> at_once(int value) { co_return value; }

Task<int> after(Duration time, int value) {
  const Status waited = co_await delay(time);
  ACCEL_CO_CHECK(waited);
  co_return value;
}

Task<int> failing() { co_return fail(Errc::corrupt, "Bad block."); }

struct Counts {
  std::atomic<int> started = 0;
  std::atomic<int> acknowledged = 0;
};

// A job that ends only when it is asked to.
Task<int> until_stopped(OffloadPool& pool, Counts& counts) {
  auto job = [&](std::stop_token stop) -> Result<int> {
    ++counts.started;
    std::mutex mutex;
    std::condition_variable_any changed;
    std::unique_lock lock(mutex);
    changed.wait(lock, stop, [] { return false; });
    ++counts.acknowledged;
    return fail(Errc::cancelled, "Stopped.");
  };
  co_return co_await pool.run(job);
}

TEST(WithTimeout, passes_the_result_of_a_task_that_is_in_time) {
  IoThread io;
  EXPECT_EQ(sync_wait(io.executor(), with_timeout(at_once(1), 1h)).value(), 1);
  EXPECT_EQ(sync_wait(io.executor(), with_timeout(after(1ms, 2), 1h)).value(), 2);
}

TEST(WithTimeout, passes_the_error_of_a_task_that_is_in_time) {
  IoThread io;
  EXPECT_EQ(sync_wait(io.executor(), with_timeout(failing(), 1h)).error().code, Errc::corrupt);
}

TEST(WithTimeout, cancels_a_task_that_takes_too_long) {
  IoThread io;
  const auto result = sync_wait(io.executor(), with_timeout(after(1h, 3), 1ms));
  EXPECT_EQ(result.error().code, Errc::timeout);
  EXPECT_EQ(result.error().message, "The operation took longer than 0.001 s.");
}

TEST(WithTimeout, a_task_that_is_ready_beats_a_limit_of_zero) {
  IoThread io;
  EXPECT_EQ(sync_wait(io.executor(), with_timeout(at_once(4), 0s)).value(), 4);
}

TEST(WithTimeout, returns_only_when_the_job_on_the_pool_has_acknowledged) {
  IoThread io;
  OffloadPool pool(1);
  Counts counts;
  while (counts.started == 0) {  // On a busy machine the limit may pass before the job starts.
    const auto result = sync_wait(io.executor(), with_timeout(until_stopped(pool, counts), 2ms));
    EXPECT_EQ(result.error().code, Errc::timeout);
    EXPECT_EQ(counts.acknowledged, counts.started);
  }
}

// Boost 1.81 ends the process when a co_spawn onto a thread pool is timed out; jobs are posted
// instead.
TEST(WithTimeout, survives_many_timed_out_jobs) {
  IoThread io;
  OffloadPool pool(2);
  Counts counts;
  for (int i = 0; i < 200; ++i) {
    auto task = with_timeout(until_stopped(pool, counts), std::chrono::microseconds(i));
    EXPECT_EQ(sync_wait(io.executor(), std::move(task)).error().code, Errc::timeout);
    EXPECT_EQ(counts.acknowledged, counts.started);
  }
}

TEST(WithTimeout, the_inner_of_two_limits_ends_first_and_is_told_apart) {
  IoThread io;
  auto inner = with_timeout(after(1h, 1), 1ms);
  EXPECT_EQ(sync_wait(io.executor(), with_timeout(std::move(inner), 1h)).error().message,
            "The operation took longer than 0.001 s.");
}

TEST(WithTimeout, an_outer_cancellation_is_cancelled_and_not_timeout) {
  IoThread io;
  std::stop_source stop;
  stop.request_stop();
  auto task = with_stop(with_timeout(after(1h, 1), 1h), stop.get_token());
  EXPECT_EQ(sync_wait(io.executor(), std::move(task)).error().code, Errc::cancelled);
}

Task<int> loops_for_ever(int& rounds) {
  for (;;) {
    ++rounds;
    co_await delay(1ms);  // Ignores the error: the next co_await throws.
  }
}

TEST(WithTimeout, ends_a_loop_that_ignores_its_cancellation) {
  IoThread io;
  int rounds = 0;
  const auto result = sync_wait(io.executor(), with_timeout(loops_for_ever(rounds), 5ms));
  EXPECT_EQ(result.error().code, Errc::timeout);
  EXPECT_GE(rounds, 1);
}

TEST(WithStop, passes_the_result_when_nobody_stops) {
  IoThread io;
  EXPECT_EQ(sync_wait(io.executor(), with_stop(after(1ms, 6), {})).value(), 6);
  EXPECT_EQ(sync_wait(io.executor(), with_stop(at_once(7), {})).value(), 7);
}

TEST(WithStop, cancels_the_task_when_another_thread_stops) {
  IoThread io;
  for (int i = 0; i < 100; ++i) {
    std::stop_source stop;
    std::jthread stopper([&] { stop.request_stop(); });
    auto task = with_stop(after(1h, 1), stop.get_token());
    EXPECT_EQ(sync_wait(io.executor(), std::move(task)).error().code, Errc::cancelled);
  }
}

TEST(Delay, returns_after_its_time) {
  IoThread io;
  const auto before = std::chrono::steady_clock::now();
  EXPECT_TRUE(sync_wait(io.executor(), delay(2ms)));
  EXPECT_GE(std::chrono::steady_clock::now() - before, 2ms);
}

}  // namespace
}  // namespace accel
