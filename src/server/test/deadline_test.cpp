// SPDX-License-Identifier: Apache-2.0
// How long a request may take: what it may say, and what comes of it.
#include "deadline.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <thread>

#include "accel/core/async/io.hpp"
#include "accel/core/async/sync_wait.hpp"
#include "accel/core/async/task_group.hpp"
#include "protocols/text_stream.hpp"

namespace accel::server {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

Result<std::optional<Duration>> header(std::string text) {
  net::HttpRequest head;
  head.headers.add("X-Request-Timeout", std::move(text));
  return asked_timeout(head);
}

// Works until it is told to stop.
Result<json> work_until_stopped(const node::EventSink&, std::stop_token stop) {
  while (!stop.stop_requested()) std::this_thread::yield();
  return fail(Errc::cancelled, "The work was cancelled.");
}

TEST(Deadline, a_header_says_seconds) {
  EXPECT_EQ(asked_timeout({}).value(), std::nullopt);
  EXPECT_EQ(header("30").value(), 30s);
  EXPECT_EQ(header("0.25").value(), 250ms);
  EXPECT_EQ(header("1e-3").value(), 1ms);
  EXPECT_EQ(header("1000000000").value(), 24h);
  EXPECT_GT(header("0.0000000000001").value(), Duration::zero());
  for (const char* wrong : {"", "0", "-1", "5s", "nan", "inf", "1e999", " 1", "1,5"})
    EXPECT_EQ(header(wrong).error().code, Errc::invalid_argument) << wrong;
}

TEST(Deadline, the_node_bounds_what_runs_a_model_and_a_request_can_only_ask_for_less) {
  const SteadyTime now = system_clock().now();
  EXPECT_EQ(within(now, "run", {}), now);
  EXPECT_EQ(within({}, "run", {}), std::nullopt);
  EXPECT_EQ(within({}, "content.pull", 1s), std::nullopt);
  EXPECT_EQ(within(now, "text.generate", 1h), now);
  const Deadline bounded = within(now + 2h, "model.infer", 1h);
  EXPECT_GE(bounded, now + 1h);
  EXPECT_LT(bounded, now + 2h);
}

TEST(Deadline, what_is_left_is_told_to_methods_that_run_models) {
  json params = json::object();
  tell_time_left({}, "run", params);
  tell_time_left(system_clock().now() + 1h, "models.list", params);
  EXPECT_EQ(params, json::object());
  tell_time_left(system_clock().now() + 1h, "run", params);
  EXPECT_GT(params.at("timeout_ms"), 3'500'000);
  EXPECT_LE(params.at("timeout_ms"), 3'600'000);
  tell_time_left(system_clock().now() - 1h, "run", params);
  EXPECT_EQ(params.at("timeout_ms"), 1);
  EXPECT_EQ(told_timeout("run", {{"timeout_ms", 250U}}), 250ms);
  EXPECT_EQ(told_timeout("run", {{"timeout_ms", std::numeric_limits<std::uint64_t>::max()}}), 24h);
  EXPECT_EQ(told_timeout("run", {{"timeout_ms", "soon"}}), std::nullopt);
  EXPECT_EQ(told_timeout("content.ls", {{"timeout_ms", 250U}}), std::nullopt);
}

TEST(Deadline, a_call_whose_time_has_passed_in_the_queue_never_runs) {
  bool ran = false;
  const MethodCall method = [&](const node::EventSink&, std::stop_token) -> Result<json> {
    ran = true;
    return json::object();
  };
  const auto late = TimedCall(method, system_clock().now() - 1ms)({}, {});
  EXPECT_EQ(late.error().code, Errc::timeout);
  EXPECT_FALSE(ran);
  EXPECT_TRUE(TimedCall(method, system_clock().now() + 1h)({}, {}));
  EXPECT_TRUE(ran);
}

TEST(Deadline, work_that_was_stopped_by_it_is_late_and_else_cancelled) {
  std::stop_source stopped;
  stopped.request_stop();
  const Deadline soon = system_clock().now() + 1ms;
  const auto work = [&](const node::EventSink&, std::stop_token) -> Result<json> {
    while (system_clock().now() < *soon) std::this_thread::yield();
    return fail(Errc::cancelled, "Stopped.");
  };
  const auto late = TimedCall(work, soon)({}, stopped.get_token());
  EXPECT_EQ(late.error().code, Errc::timeout);
  const auto gone = TimedCall(work, system_clock().now() + 1h)({}, stopped.get_token());
  EXPECT_EQ(gone.error().code, Errc::cancelled);
}

node::Caller caller_with(std::uint64_t best) {
  node::Caller caller{"ak_1", security::Role::inference};
  auto entry = std::make_shared<security::KeyEntry>();
  entry->key.limits.priority = best;
  caller.key = std::move(entry);
  return caller;
}

TEST(PlaceInLine, is_what_was_asked_for_within_what_the_key_may) {
  const auto place = [](const node::Caller& caller, json params) {
    return place_in_line("run", params, caller);
  };
  EXPECT_EQ(place(node::Caller::token, json::object()), Priority::normal);
  EXPECT_EQ(place(node::Caller::token, {{"priority", 1}}), Priority::high);
  EXPECT_EQ(place(node::Caller::token, {{"priority", "1"}}), Priority::normal);
  EXPECT_EQ(place(caller_with(0), {{"priority", 1}}), Priority::normal);
  EXPECT_EQ(place(caller_with(0), {{"priority", 3}}), Priority::low);
  EXPECT_EQ(place(caller_with(1), {{"priority", 1}}), Priority::high);
  EXPECT_EQ(place(caller_with(3), json::object()), Priority::low);
  EXPECT_EQ(place_in_line("models.list", {{"priority", 1}}, node::Caller::token), Priority::normal);
}

class DeadlineOnAPool : public testing::Test {
 protected:
  ~DeadlineOnAPool() override {
    jobs_.cancel();
    (void)sync_wait(io_.executor(), jobs_.join());
  }
  Result<net::HttpResponse> text(TimedCall call) {
    TextFormat format;
    format.piece = [](std::string_view text) { return std::string(text); };
    format.end = [](const json&) { return std::string(); };
    return sync_wait(io_.executor(),
                     start_text_stream(pool_, jobs_, std::move(call), std::move(format), {}));
  }

  IoThread io_;
  OffloadPool pool_{1, 4, "test"};
  TaskGroup jobs_{io_.executor(), "texts"};
};

TEST_F(DeadlineOnAPool, a_text_that_takes_too_long_is_refused_as_late) {
  const auto answer = text({&work_until_stopped, system_clock().now() + 20ms});
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Errc::timeout);
}

TEST_F(DeadlineOnAPool, a_text_that_waits_too_long_for_a_thread_is_answered_at_once) {
  jobs_.spawn([](OffloadPool& pool) -> Task<void> {
    const auto busy = [](std::stop_token stop) -> Status {
      (void)work_until_stopped({}, std::move(stop));
      return {};
    };
    auto working = pool.run(busy);
    co_return co_await std::move(working);
  }(pool_));
  while (pool_.queued() > 0) std::this_thread::yield();
  bool ran = false;
  const MethodCall method = [&](const node::EventSink&, std::stop_token) -> Result<json> {
    ran = true;
    return json::object();
  };
  const auto answer = text({method, system_clock().now() + 20ms});
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Errc::timeout);
  EXPECT_FALSE(ran);
}

TEST_F(DeadlineOnAPool, a_task_without_one_goes_on_as_it_is) {
  const auto job = [](std::stop_token) -> Result<int> { return 7; };
  EXPECT_EQ(sync_wait(io_.executor(), with_deadline(pool_.run(job), {})).value(), 7);
  const auto late = [](std::stop_token stop) -> Result<int> {
    (void)work_until_stopped({}, std::move(stop));
    return fail(Errc::cancelled, "Stopped.");
  };
  const auto ended =
      sync_wait(io_.executor(), with_deadline(pool_.run(late), system_clock().now() + 10ms));
  EXPECT_EQ(ended.error().code, Errc::timeout);
}

}  // namespace
}  // namespace accel::server
