// SPDX-License-Identifier: Apache-2.0
#include "accel/core/async/task_group.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <future>
#include <stdexcept>
#include <thread>

#include "accel/core/async/io.hpp"
#include "accel/core/async/sync_wait.hpp"

namespace accel {
namespace {

using namespace std::chrono_literals;

Task<void> count_one(std::atomic<int>& counter) {
  ++counter;
  co_return Status();
}

Task<void> sleep_then_count(std::atomic<int>& counter, Duration time) {
  const Status waited = co_await delay(time);
  if (waited) ++counter;
  co_return waited;
}

Task<void> fail_with(Errc code) { co_return fail(code, "As told."); }

Task<void> throw_up() {
  throw std::runtime_error("broken");
  co_return Status();
}

// Counts how many tasks have ended, even by cancellation.
struct Ended {
  std::atomic<int>& counter;
  ~Ended() { ++counter; }
};

Task<void> wait_for_ever(std::atomic<int>& ended) {
  const Ended guard{ended};
  co_return co_await delay(1h);
}

TEST(TaskGroup, joins_at_once_when_nothing_runs) {
  IoThread io;
  TaskGroup group(io.executor());
  EXPECT_TRUE(sync_wait(io.executor(), group.join()));
}

TEST(TaskGroup, joins_when_all_tasks_have_ended) {
  IoThread io;
  TaskGroup group(io.executor());
  std::atomic<int> counter = 0;
  for (int i = 0; i < 20; ++i) group.spawn(sleep_then_count(counter, i * 100us));
  for (int i = 0; i < 20; ++i) group.spawn(count_one(counter));
  EXPECT_TRUE(sync_wait(io.executor(), group.join()));
  EXPECT_EQ(counter, 40);
  EXPECT_EQ(group.running(), 0U);
}

TEST(TaskGroup, cancels_what_runs_and_waits_for_its_end) {
  IoThread io;
  TaskGroup group(io.executor());
  std::atomic<int> ended = 0;
  for (int i = 0; i < 10; ++i) group.spawn(wait_for_ever(ended));
  group.cancel();
  EXPECT_TRUE(sync_wait(io.executor(), group.join()));
  EXPECT_EQ(ended, 10);
}

// A cancellation may arrive before, at, or after a task's first step: Boost 1.81 aborts on the
// first.
TEST(TaskGroup, may_be_cancelled_at_any_moment_of_a_spawn) {
  IoThread io;
  for (int i = 0; i < 200; ++i) {
    TaskGroup group(io.executor());
    std::atomic<int> ended = 0;
    std::jthread canceller([&] { group.cancel(); });
    for (int j = 0; j < 4; ++j) group.spawn(wait_for_ever(ended));
    canceller.join();
    EXPECT_TRUE(sync_wait(io.executor(), group.join()));
  }
}

TEST(TaskGroup, does_not_start_what_is_spawned_after_cancel) {
  IoThread io;
  TaskGroup group(io.executor());
  std::atomic<int> counter = 0;
  group.cancel();
  group.spawn(count_one(counter));
  EXPECT_TRUE(sync_wait(io.executor(), group.join()));
  EXPECT_EQ(counter, 0);
}

Task<void> cancel_own_group(TaskGroup& group) {
  group.cancel();
  co_return Status();
}

TEST(TaskGroup, may_be_cancelled_by_one_of_its_own_tasks) {
  IoThread io;
  TaskGroup group(io.executor());
  std::atomic<int> ended = 0;
  group.spawn(wait_for_ever(ended));
  group.spawn(cancel_own_group(group));
  EXPECT_TRUE(sync_wait(io.executor(), group.join()));
  EXPECT_EQ(ended, 1);
}

Task<void> spawn_more(TaskGroup& group, std::atomic<int>& counter, int depth) {
  ++counter;
  if (depth > 0) group.spawn(spawn_more(group, counter, depth - 1));
  co_return Status();
}

TEST(TaskGroup, waits_for_tasks_that_its_tasks_spawn) {
  IoThread io;
  TaskGroup group(io.executor());
  std::atomic<int> counter = 0;
  group.spawn(spawn_more(group, counter, 9));
  EXPECT_TRUE(sync_wait(io.executor(), group.join()));
  EXPECT_EQ(counter, 10);
}

TEST(TaskGroup, reports_the_first_error_and_lets_the_others_finish) {
  IoThread io;
  TaskGroup group(io.executor());
  std::atomic<int> counter = 0;
  group.spawn(fail_with(Errc::cancelled));
  group.spawn(fail_with(Errc::corrupt));
  group.spawn(sleep_then_count(counter, 1ms));
  EXPECT_EQ(sync_wait(io.executor(), group.join()).error().code, Errc::corrupt);
  EXPECT_EQ(counter, 1);
}

TEST(TaskGroup, turns_an_exception_into_an_internal_error) {
  IoThread io;
  TaskGroup group(io.executor());
  group.spawn(throw_up());
  const Status joined = sync_wait(io.executor(), group.join());
  EXPECT_EQ(joined.error().code, Errc::internal);
  EXPECT_EQ(joined.error().cause, "broken");
}

TEST(TaskGroup, a_cancelled_join_cancels_the_tasks_and_still_waits) {
  IoThread io;
  TaskGroup group(io.executor());
  std::atomic<int> ended = 0;
  group.spawn(wait_for_ever(ended));
  const Status joined = sync_wait(io.executor(), with_timeout(group.join(), 1ms));
  EXPECT_TRUE(joined) << joined.error().message;
  EXPECT_EQ(ended, 1);
}

// As a callback may do, which runs inside a task that was spawned just now.
Task<void> cancel_the_owner(std::stop_source& owner, std::atomic<int>& ended) {
  const Ended guard{ended};
  owner.request_stop();
  auto waiting = delay(1h);
  co_return co_await std::move(waiting);
}

Task<int> own_a_group(Executor executor, std::stop_source& stop) {
  const bool throwing = co_await asio::this_coro::throw_if_cancelled();
  co_await asio::this_coro::throw_if_cancelled(false);
  std::atomic<int> ended{0};
  TaskGroup group(executor);
  group.spawn(cancel_the_owner(stop, ended));
  auto joining = group.join();
  co_await std::move(joining);
  co_await asio::this_coro::throw_if_cancelled(throwing);
  co_return ended.load();
}

TEST(TaskGroup, waits_when_the_owner_was_cancelled_before_the_join) {
  IoThread io;
  std::stop_source stop;
  const auto ended = sync_wait(io.executor(), own_a_group(io.executor(), stop), stop.get_token());
  ASSERT_TRUE(ended) << ended.error().message;
  EXPECT_EQ(*ended, 1);
}

TEST(TaskGroup, serves_several_joiners) {
  IoThread io;
  TaskGroup group(io.executor());
  TaskGroup joiners(io.executor());
  std::atomic<int> counter = 0;
  group.spawn(sleep_then_count(counter, 2ms));
  for (int i = 0; i < 3; ++i) joiners.spawn(group.join());
  EXPECT_TRUE(sync_wait(io.executor(), joiners.join()));
  EXPECT_EQ(counter, 1);
}

TEST(TaskGroup, runs_tasks_on_strands_of_several_threads) {
  IoThread io(2);
  TaskGroup group(io.executor());
  std::atomic<int> ended = 0;
  for (int i = 0; i < 50; ++i) {
    group.spawn(asio::make_strand(io.executor()), wait_for_ever(ended));
  }
  group.cancel();
  const Executor strand = asio::make_strand(io.executor());
  EXPECT_TRUE(sync_wait(strand, group.join()));
  EXPECT_LE(ended, 50);
}

Task<int> answer() { co_return 42; }

TEST(SyncWait, returns_the_tasks_value) {
  IoThread io;
  EXPECT_EQ(sync_wait(io.executor(), answer()).value(), 42);
}

TEST(SyncWait, stops_the_task_at_the_callers_request) {
  IoThread io;
  std::atomic<int> ended = 0;
  std::stop_source stop;
  std::jthread stopper([&] { stop.request_stop(); });
  const Status status = sync_wait(io.executor(), wait_for_ever(ended), stop.get_token());
  EXPECT_EQ(status.error().code, Errc::cancelled);
}

// Nobody runs the context but this test, so that the waiter's post has ended when it is destroyed.
TEST(SyncWait, says_so_when_the_executor_goes_away) {
  auto context = std::make_unique<asio::io_context>();
  const Executor executor = context->get_executor();
  std::atomic<int> ended = 0;
  std::promise<Errc> code;
  std::jthread waiter(
      [&] { code.set_value(sync_wait(executor, wait_for_ever(ended)).error().code); });
  while (context->poll_one() == 0) {
    context->restart();
    std::this_thread::yield();
  }
  context.reset();
  EXPECT_EQ(code.get_future().get(), Errc::unavailable);
}

TEST(IoThread, outlives_a_handler_that_throws) {
  IoThread io;
  asio::post(io.executor(), [] { throw std::runtime_error("broken"); });
  EXPECT_EQ(sync_wait(io.executor(), answer()).value(), 42);
}

TEST(IoThread, stops_twice_without_harm) {
  IoThread io(2);
  io.stop();
  io.stop();
  EXPECT_TRUE(io.context().stopped());
}

}  // namespace
}  // namespace accel
