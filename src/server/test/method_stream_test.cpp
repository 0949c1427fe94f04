// SPDX-License-Identifier: Apache-2.0
// A method's frames over a client that the test drives: one that is slow, stalls or leaves.
#include "method_stream.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <vector>

#include "accel/core/async/io.hpp"
#include "accel/core/async/sync_wait.hpp"
#include "accel/core/async/task_group.hpp"
#include "accel/server/api_frames.hpp"

namespace accel::server {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

// Takes a frame only when the test lets it; refuses all after leave().
class TestClient final : public net::BodyWriter {
 public:
  Task<void> write(std::string chunk) override {
    {
      const std::lock_guard lock(mutex_);
      ++begun_;
      changed_.notify_all();
    }
    while (true) {
      {
        const std::lock_guard lock(mutex_);
        if (gone_) co_return fail(Errc::cancelled, "The client left.");
        if (allowed_ > taken_.size()) {
          taken_.push_back(std::move(chunk));
          changed_.notify_all();
          co_return Status{};
        }
      }
      const Status slept = co_await delay(1ms);
      if (!slept) co_return slept;
    }
  }
  Task<void> send(net::FileSlice) override { co_return Status{}; }

  void allow(std::size_t frames) {
    const std::lock_guard lock(mutex_);
    allowed_ = frames;
  }
  void leave() {
    const std::lock_guard lock(mutex_);
    gone_ = true;
  }
  // Until so many frames are on their way or taken.
  bool wait_until_begun(std::size_t frames) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, 5s, [&] { return begun_ >= frames; });
  }
  std::vector<std::string> taken() const {
    const std::lock_guard lock(mutex_);
    return taken_;
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t allowed_ = 0;
  std::size_t begun_ = 0;
  bool gone_ = false;
  std::vector<std::string> taken_;
};

constexpr std::size_t kAll = 1'000'000;

void step(const node::EventSink& sink, int number) {
  const json progress{{"step", number}};
  sink({&progress, {}});
}

void content(const node::EventSink& sink, std::string_view text) {
  sink({nullptr, as_bytes(text)});
}

// One method on one client.
class Streamed {
 public:
  explicit Streamed(MethodCall call) : pool_(1) {
    running_ = std::async(std::launch::async, [this, call = std::move(call)] {
      return sync_wait(io_.executor(), stream_method(pool_, call, request_.get_token(), client_),
                       connection_.get_token());
    });
  }
  ~Streamed() {
    client_.leave();
    connection_.request_stop();
  }
  Status wait() { return running_.get(); }
  bool is_running() { return running_.wait_for(0s) != std::future_status::ready; }
  TestClient& client() { return client_; }
  void stop_request() { request_.request_stop(); }
  void cut() { connection_.request_stop(); }

 private:
  TestClient client_;
  IoThread io_;
  OffloadPool pool_;
  std::stop_source request_;
  std::stop_source connection_;
  std::future<Status> running_;
};

TEST(MethodStream, sends_every_piece_of_content_in_order_and_the_result_last) {
  Streamed streamed([](const node::EventSink& sink, std::stop_token) -> Result<json> {
    for (int i = 0; i < 500; ++i) content(sink, std::to_string(i));
    return json{{"ok", true}};
  });
  streamed.client().allow(kAll);
  ASSERT_TRUE(streamed.wait());
  std::vector<std::string> expected;
  for (int i = 0; i < 500; ++i) expected.push_back(bytes_frame(as_bytes(std::to_string(i))));
  expected.push_back(result_frame({{"ok", true}}));
  EXPECT_EQ(streamed.client().taken(), expected);
}

TEST(MethodStream, keeps_only_the_newest_step_while_one_is_on_its_way) {
  std::promise<void> on_its_way;
  std::promise<void> made;
  Streamed streamed([&](const node::EventSink& sink, std::stop_token) -> Result<json> {
    step(sink, 1);
    on_its_way.get_future().wait();
    for (int i = 2; i <= 1000; ++i) step(sink, i);  // The client takes nothing: none may block.
    made.set_value();
    return json("done");
  });
  ASSERT_TRUE(streamed.client().wait_until_begun(1));
  on_its_way.set_value();
  ASSERT_EQ(made.get_future().wait_for(5s), std::future_status::ready);
  streamed.client().allow(kAll);
  ASSERT_TRUE(streamed.wait());
  const std::vector<std::string> expected{progress_frame({{"step", 1}}),
                                          progress_frame({{"step", 1000}}), result_frame("done")};
  EXPECT_EQ(streamed.client().taken(), expected);
}

TEST(MethodStream, steps_of_several_threads_at_once_stay_before_the_result) {
  Streamed streamed([](const node::EventSink& sink, std::stop_token) -> Result<json> {
    std::vector<std::future<void>> threads;
    for (int t = 0; t < 4; ++t) {
      threads.push_back(std::async(std::launch::async, [&sink] {
        for (int i = 0; i < 200; ++i) step(sink, i);
      }));
    }
    for (auto& thread : threads) thread.get();
    return json(1);
  });
  streamed.client().allow(kAll);
  ASSERT_TRUE(streamed.wait());
  const std::vector<std::string> frames = streamed.client().taken();
  ASSERT_FALSE(frames.empty());
  EXPECT_EQ(frames.back(), result_frame(1));
  EXPECT_EQ(std::count(frames.begin(), frames.end(), result_frame(1)), 1);
}

TEST(MethodStream, content_waits_for_a_client_that_takes_none) {
  std::atomic<int> made{0};
  Streamed streamed([&](const node::EventSink& sink, std::stop_token) -> Result<json> {
    for (int i = 0; i < 10; ++i) {
      content(sink, "x");
      ++made;
    }
    return json(1);
  });
  ASSERT_TRUE(streamed.client().wait_until_begun(1));
  EXPECT_TRUE(streamed.is_running());
  EXPECT_LE(made.load(), 2);  // One on its way, one that waits.
  streamed.client().allow(kAll);
  ASSERT_TRUE(streamed.wait());
  EXPECT_EQ(streamed.client().taken().size(), 11U);
}

// A method that sends content for ever, unless it is stopped.
MethodCall endless(std::atomic<bool>& stopped) {
  return [&stopped](const node::EventSink& sink, std::stop_token stop) -> Result<json> {
    while (!stop.stop_requested()) content(sink, "x");
    stopped = true;
    return fail(Errc::cancelled, "Stopped.");
  };
}

TEST(MethodStream, a_client_that_leaves_stops_the_method) {
  std::atomic<bool> stopped{false};
  Streamed streamed(endless(stopped));
  ASSERT_TRUE(streamed.client().wait_until_begun(1));
  streamed.client().leave();
  EXPECT_EQ(streamed.wait().error().code, Errc::cancelled);
  EXPECT_TRUE(stopped.load());
}

TEST(MethodStream, a_stop_reaches_a_method_that_waits_for_a_client_that_stalls) {
  std::atomic<bool> stopped{false};
  Streamed streamed(endless(stopped));
  ASSERT_TRUE(streamed.client().wait_until_begun(1));
  streamed.stop_request();
  streamed.cut();
  EXPECT_EQ(streamed.wait().error().code, Errc::cancelled);
  EXPECT_TRUE(stopped.load());
}

TEST(MethodStream, a_connection_that_is_cut_ends_a_result_that_nobody_takes) {
  Streamed streamed([](const node::EventSink&, std::stop_token) { return Result<json>(json(1)); });
  ASSERT_TRUE(streamed.client().wait_until_begun(1));
  EXPECT_TRUE(streamed.is_running());
  streamed.cut();
  EXPECT_EQ(streamed.wait().error().code, Errc::cancelled);
}

TEST(MethodStream, a_method_that_is_stopped_still_says_so_to_a_client_that_reads) {
  std::atomic<bool> stopped{false};
  Streamed streamed(endless(stopped));
  ASSERT_TRUE(streamed.client().wait_until_begun(1));
  streamed.stop_request();
  streamed.client().allow(kAll);
  ASSERT_TRUE(streamed.wait());
  EXPECT_EQ(streamed.client().taken().back(), error_frame({Errc::cancelled, "Stopped.", {}}));
}

TEST(MethodStream, a_result_does_not_hide_content_that_was_lost) {
  std::promise<void> made;
  Streamed streamed([&made](const node::EventSink& sink, std::stop_token) -> Result<json> {
    for (int i = 0; i < 10; ++i) content(sink, "x");
    made.set_value();
    return json("complete");
  });
  ASSERT_TRUE(streamed.client().wait_until_begun(1));
  streamed.stop_request();
  ASSERT_EQ(made.get_future().wait_for(5s), std::future_status::ready);
  streamed.client().allow(kAll);
  ASSERT_TRUE(streamed.wait());
  const std::vector<std::string> frames = streamed.client().taken();
  EXPECT_LT(frames.size(), 11U);
  EXPECT_NE(frames.back().find("cancelled"), std::string::npos) << frames.back();
}

TEST(MethodStream, a_method_that_throws_ends_with_an_error_frame) {
  Streamed streamed([](const node::EventSink&, std::stop_token) -> Result<json> {
    throw std::runtime_error("broken");
  });
  streamed.client().allow(kAll);
  ASSERT_TRUE(streamed.wait());
  ASSERT_EQ(streamed.client().taken().size(), 1U);
  EXPECT_NE(streamed.client().taken().front().find("internal"), std::string::npos);
}

}  // namespace
}  // namespace accel::server
