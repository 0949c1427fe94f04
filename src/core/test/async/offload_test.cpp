// SPDX-License-Identifier: Apache-2.0
#include "accel/core/async/offload.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <filesystem>
#include <iterator>
#include <latch>
#include <mutex>
#include <stdexcept>
#include <thread>

#include "accel/core/async/io.hpp"
#include "accel/core/async/sync_wait.hpp"
#include "accel/core/async/task_group.hpp"

namespace accel {
namespace {

// Blocks until the token is stopped, as a run in an engine would.
void wait_for_stop(const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any changed;
  std::unique_lock lock(mutex);
  changed.wait(lock, stop, [] { return false; });
}

class Offload : public testing::Test {
 protected:
  IoThread io;
  OffloadPool pool{1};

  // Occupies the pool's only thread until release_ is counted down.
  void occupy() {
    group_.spawn(hold(pool, held_, release_));
    held_.wait();
  }
  void release() {
    release_.count_down();
    EXPECT_TRUE(sync_wait(io.executor(), group_.join()));
  }

  static Task<void> hold(OffloadPool& pool, std::latch& held, std::latch& release) {
    auto job = [&](std::stop_token) -> Status {
      held.count_down();
      release.wait();
      return {};
    };
    co_return co_await pool.run(job);
  }

 private:
  TaskGroup group_{io.executor()};
  std::latch held_{1};
  std::latch release_{1};
};

Task<int> run_number(OffloadPool& pool, int number) {
  auto job = [number](std::stop_token) -> Result<int> { return number; };
  co_return co_await pool.run(job);
}

// Notes when it ran.
Task<void> note_turn(OffloadPool& pool, int number, Priority priority, std::vector<int>& turns) {
  const auto job = [&turns, number](std::stop_token) -> Status {
    turns.push_back(number);
    return {};
  };
  auto running = pool.run(job, priority);
  co_return co_await std::move(running);
}

TEST_F(Offload, jobs_of_a_higher_level_go_first_but_one_in_nine_is_the_oldest) {
  occupy();
  TaskGroup group(io.executor());
  std::vector<int> turns;  // The one thread writes it.
  group.spawn(note_turn(pool, 1, Priority::low, turns));
  group.spawn(note_turn(pool, 2, Priority::normal, turns));
  for (int number = 3; number <= 12; ++number)
    group.spawn(note_turn(pool, number, Priority::high, turns));
  while (pool.queued() < 12) std::this_thread::yield();
  release();
  EXPECT_TRUE(sync_wait(io.executor(), group.join()));
  EXPECT_EQ(turns, (std::vector<int>{3, 4, 5, 6, 7, 8, 9, 10, 1, 11, 12, 2}));
}

TEST_F(Offload, returns_what_the_job_returns) {
  EXPECT_EQ(sync_wait(io.executor(), run_number(pool, 7)).value(), 7);
  EXPECT_EQ(pool.threads(), 1U);
}

std::size_t threads_of_process() {
  const std::filesystem::directory_iterator tasks("/proc/self/task");
  return static_cast<std::size_t>(std::distance(begin(tasks), end(tasks)));
}

TEST_F(Offload, starts_threads_as_jobs_need_them) {
  const std::size_t before = threads_of_process();
  OffloadPool many{64};
  EXPECT_EQ(many.threads(), 64U);
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(sync_wait(io.executor(), run_number(many, i)).value(), i);
    EXPECT_EQ(threads_of_process(), before + 1);
  }
  std::latch held{3};
  std::latch release{1};
  TaskGroup group{io.executor()};
  for (int i = 0; i < 3; ++i) group.spawn(hold(many, held, release));
  held.wait();  // Side by side, or this would wait for ever.
  EXPECT_EQ(threads_of_process(), before + 3);
  release.count_down();
  EXPECT_TRUE(sync_wait(io.executor(), group.join()));
}

Task<bool> resumes_here(OffloadPool& pool) {
  const auto before = std::this_thread::get_id();
  std::thread::id inside;
  auto job = [&](std::stop_token) -> Status {
    inside = std::this_thread::get_id();
    return {};
  };
  const Status ran = co_await pool.run(job);
  co_return ran&& inside != before&& std::this_thread::get_id() == before;
}

TEST_F(Offload, runs_on_its_own_thread_and_resumes_on_the_tasks_executor) {
  EXPECT_TRUE(sync_wait(io.executor(), resumes_here(pool)).value());
}

TEST_F(Offload, carries_move_only_values_and_values_without_default) {
  struct Plain {
    explicit Plain(int v) : value(std::make_unique<int>(v)) {}
    std::unique_ptr<int> value;
  };
  auto job = [](std::stop_token) -> Result<Plain> { return Plain(3); };
  auto plain = sync_wait(io.executor(), pool.run(job));
  ASSERT_TRUE(plain);
  EXPECT_EQ(*plain->value, 3);
}

TEST_F(Offload, passes_the_jobs_error_on) {
  auto job = [](std::stop_token) -> Status { return fail(Errc::corrupt, "Bad block."); };
  EXPECT_EQ(sync_wait(io.executor(), pool.run(job)).error().code, Errc::corrupt);
}

TEST_F(Offload, turns_an_exception_of_a_job_into_an_internal_error) {
  auto job = [](std::stop_token) -> Status { throw std::runtime_error("broken"); };
  const Status status = sync_wait(io.executor(), pool.run(job));
  EXPECT_EQ(status.error().code, Errc::internal);
  EXPECT_EQ(status.error().cause, "broken");
  EXPECT_EQ(sync_wait(io.executor(), run_number(pool, 1)).value(), 1);
}

TEST_F(Offload, a_cancelled_waiter_waits_until_the_running_job_has_acknowledged) {
  std::stop_source stop;
  std::atomic<bool> acknowledged = false;
  auto job = [&](std::stop_token token) -> Status {
    stop.request_stop();  // The waiter is cancelled while this job runs.
    wait_for_stop(token);
    acknowledged = true;
    return fail(Errc::cancelled, "Stopped.");
  };
  const Status status = sync_wait(io.executor(), pool.run(job), stop.get_token());
  EXPECT_EQ(status.error().code, Errc::cancelled);
  EXPECT_TRUE(acknowledged);
}

TEST_F(Offload, a_job_that_succeeds_although_asked_to_stop_has_succeeded) {
  std::stop_source stop;
  auto job = [&](std::stop_token token) -> Result<int> {
    stop.request_stop();
    wait_for_stop(token);
    return 5;
  };
  EXPECT_EQ(sync_wait(io.executor(), pool.run(job), stop.get_token()).value(), 5);
}

TEST_F(Offload, a_cancelled_job_that_waits_for_a_thread_never_runs) {
  occupy();
  std::atomic<bool> ran = false;
  TaskGroup group(io.executor());
  auto job = [&](std::stop_token) -> Status {
    ran = true;
    return {};
  };
  group.spawn(pool.run(job));
  group.cancel();
  EXPECT_TRUE(sync_wait(io.executor(), group.join()));  // Although the thread is still held.
  release();
  EXPECT_FALSE(ran);
}

TEST(OffloadPool, refuses_jobs_beyond_its_queue) {
  IoThread io;
  OffloadPool pool(1, 0);
  auto job = [](std::stop_token) -> Status { return {}; };
  EXPECT_EQ(sync_wait(io.executor(), pool.run(job)).error().code, Errc::resource_exhausted);
  EXPECT_EQ(pool.submit(job).error().code, Errc::resource_exhausted);
}

TEST(OffloadPool, serves_blocking_callers) {
  OffloadPool pool(2);
  auto job = [](std::stop_token) -> Result<std::string> { return "done"; };
  EXPECT_EQ(pool.submit(job).value(), "done");
}

TEST(OffloadPool, stops_the_job_of_a_blocking_caller) {
  OffloadPool pool(1);
  std::stop_source stop;
  auto job = [&](std::stop_token token) -> Status {
    stop.request_stop();
    wait_for_stop(token);
    return fail(Errc::cancelled, "Stopped.");
  };
  EXPECT_EQ(pool.submit(job, stop.get_token()).error().code, Errc::cancelled);
}

TEST(OffloadPool, asks_running_jobs_to_stop_when_it_is_destroyed_and_ends_waiting_ones) {
  IoThread io;
  TaskGroup group(io.executor());
  std::latch started(1);
  std::atomic<int> stopped = 0;
  std::atomic<bool> second_ran = false;
  {
    OffloadPool pool(1);
    auto first = [&](std::stop_token token) -> Status {
      started.count_down();
      wait_for_stop(token);
      ++stopped;
      return {};
    };
    auto second = [&](std::stop_token) -> Status {
      second_ran = true;
      return {};
    };
    group.spawn(pool.run(first));
    started.wait();
    group.spawn(pool.run(second));
    // Its job is queued once the executor has taken a later step.
    while (pool.queued() == 0) std::this_thread::yield();
  }
  EXPECT_TRUE(sync_wait(io.executor(), group.join()));
  EXPECT_EQ(stopped, 1);
  EXPECT_FALSE(second_ran);
}

}  // namespace
}  // namespace accel
