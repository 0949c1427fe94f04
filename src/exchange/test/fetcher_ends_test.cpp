// SPDX-License-Identifier: Apache-2.0
// How pulls end: not too early, not never, and with nothing left to do on the I/O thread.
#include <gmock/gmock.h>

#include <atomic>
#include <boost/asio/post.hpp>
#include <future>
#include <stdexcept>
#include <thread>

#include "fetcher_fixture.hpp"

namespace accel::exchange {
namespace {

using ::testing::HasSubstr;
using testing::noise;
using testing::TestDag;
using testing::TestGateway;
using namespace std::chrono_literals;
using FetcherEnds = testing::FetcherTest;

// A walk that is done is no pull that is done: the plan of the file must have been taken up.
TEST_F(FetcherEnds, nodes_that_are_stored_at_once_do_not_end_the_pull_early) {
  TestDag dag;
  const Bytes bytes = noise(23, 60 * 1024);
  const auto file = dag.add_file(bytes);
  TestGateway gateway(dag);
  for (int i = 0; i < 20; ++i) {
    IoThread other_io(1, "second");
    net::HttpClient client(other_io.executor());
    Fetcher second(*store_, client, pool_, system_clock(), metrics_);
    std::jthread beside([&] {
      EXPECT_TRUE(sync_wait(other_io.executor(), second.pull(file.cid, from({gateway.url()}))));
    });
    PullOptions options = from({gateway.url()});
    options.pin = false;
    const auto report = pull(file.cid, options);
    ASSERT_TRUE(report) << report.error().message;
    EXPECT_TRUE(*store_->file_of(file.cid));
    beside.join();
    open_store_anew();
  }
}

// Throws at one call, whoever makes it: a task of the pull or its main loop.
class FailingClock final : public Clock {
 public:
  explicit FailingClock(int at) : left_(at) {}
  SteadyTime now() const override {
    if (--left_ == 0) throw std::runtime_error("The clock has stopped.");
    return system_clock().now();
  }
  WallTime wall_now() const override { return system_clock().wall_now(); }
  bool failed() const { return left_ <= 0; }

 private:
  mutable std::atomic<int> left_;
};

TEST_F(FetcherEnds, an_exception_anywhere_ends_the_pull_with_an_error) {
  TestDag dag;
  const auto file = dag.add_file(noise(24, 6'000));
  TestGateway gateway(dag);
  bool reached = true;
  for (int at = 1; reached; ++at) {
    SCOPED_TRACE(at);
    ASSERT_LT(at, 500);
    open_store_anew();
    const FailingClock clock(at);
    clock_ = &clock;
    const auto report = pull(file.cid, from({gateway.url()}));
    reached = clock.failed();
    ASSERT_EQ(!report, reached);
    if (!report) {
      EXPECT_EQ(report.error().code, Errc::internal);
    }
  }
  clock_ = &system_clock();
}

TEST_F(FetcherEnds, an_exception_of_the_one_who_watches_ends_the_pull) {
  TestDag dag;
  const auto file = dag.add_file(noise(25, 100 * 1024));
  TestGateway gateway(dag);
  gateway.set_delay(20ms);
  PullOptions options = from({gateway.url()});
  options.on_progress = [](const PullProgress&) { throw std::runtime_error("Nobody watches."); };
  const auto report = pull(file.cid, options);
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, Errc::internal);
  EXPECT_THAT(report.error().cause, HasSubstr("Nobody watches."));
}

// Closing a partial file may sync gigabytes.
TEST_F(FetcherEnds, a_file_that_was_opened_when_the_pull_was_over_is_closed_on_the_pool) {
  TestDag dag;
  const auto file = dag.add_file(noise(26, 8 * 1024));
  TestGateway gateway(dag);
  std::stop_source stop;
  std::promise<std::thread::id> closed;
  std::size_t marks = 0;
  store_.reset();
  auto store = blockstore::Store::open(
      {.directory = folder_ / "store", .on_step = [&](std::string_view step) {
         if (step == "partial.sync") closed.set_value(std::this_thread::get_id());
         if (step != "partial.mark" || ++marks < dag.leaves().size()) return;
         stop.request_stop();  // The last leaf is copied; the pull notices before that is over.
         std::promise<void>().get_future().wait_for(300ms);
       }});
  ASSERT_TRUE(store);
  store_ = std::move(*store);
  for (const auto& [cid, block] : dag.blocks()) ASSERT_TRUE(store_->put(cid, block));
  PullOptions options = from({gateway.url()});
  options.stop = stop.get_token();
  const auto report = pull(file.cid, options);
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, Errc::cancelled);
  std::promise<std::thread::id> io_thread;
  asio::post(io_.executor(), [&] { io_thread.set_value(std::this_thread::get_id()); });
  EXPECT_NE(closed.get_future().get(), io_thread.get_future().get());
  store_.reset();  // It refers to what goes now.
}

}  // namespace
}  // namespace accel::exchange
