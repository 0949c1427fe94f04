// SPDX-License-Identifier: Apache-2.0
#include "accel/core/async/event.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <memory>
#include <thread>

#include "accel/core/async/io.hpp"
#include "accel/core/async/offload.hpp"
#include "accel/core/async/sync_wait.hpp"

namespace accel {
namespace {

using namespace std::chrono_literals;

Task<void> wait_for(Event event, std::atomic<bool>& waits) {
  waits = true;
  std::function<void()> nothing = [] {};
  auto waiting = event.wait(std::move(nothing));
  co_await std::move(waiting);
  co_return Status{};
}

// What waits for an Event must hang on its context, else it would neither end nor be freed.
TEST(Event, a_waiter_goes_with_its_executor_and_who_waits_for_it_hears_so) {
  auto io = std::make_unique<IoThread>();
  const Executor executor = io->executor();
  const Event event;
  std::promise<Errc> code;
  std::atomic<bool> waits = false;
  std::jthread waiter(
      [&] { code.set_value(sync_wait(executor, wait_for(event, waits)).error().code); });
  while (!waits) std::this_thread::yield();
  EXPECT_TRUE(sync_wait(executor, delay(5ms)));
  io.reset();
  EXPECT_EQ(code.get_future().get(), Errc::unavailable);
  event.set();  // Nobody is there any more.
}

// The setter must be done with the waiter's context when the waiter goes on: it may end there.
TEST(Event, lets_the_context_end_as_soon_as_the_waiter_has_gone_on) {
  OffloadPool pool(2);
  for (int round = 0; round < 200; ++round) {
    IoThread io;
    auto job = [](std::stop_token) -> Status { return {}; };
    EXPECT_TRUE(sync_wait(io.executor(), pool.run(job)));
  }
}

}  // namespace
}  // namespace accel
