// SPDX-License-Identifier: Apache-2.0
// Parts of files: only their leaves are fetched, and each byte is handed out as soon as it is due.
#include <gmock/gmock.h>

#include <thread>

#include "fetcher_fixture.hpp"
#include "test_file_host.hpp"

namespace accel::exchange {
namespace {

using ::testing::HasSubstr;
using testing::noise;
using testing::TestDag;
using testing::TestGateway;
using namespace std::chrono_literals;

class SelectionTest : public testing::FetcherTest {
 protected:
  void SetUp() override {
    FetcherTest::SetUp();
    bytes_ = noise(41, 100 * 1024 + 9);
    file_ = dag_.add_file(bytes_);
    root_ = dag_.add_folder({{"sub", dag_.add_folder({{"model.bin", file_}})},
                             {"other.bin", dag_.add_file(noise(42, 50 * 1024))},
                             {"small", dag_.add_file(noise(43, 600))}})
                .cid;
  }
  // Collects what is handed out and checks that it comes in order.
  PullOptions part(std::vector<std::string> sources, std::string path,
                   std::vector<PullSelection::Range> ranges) {
    PullOptions options = from(std::move(sources));
    options.only.emplace();
    options.only->path = std::move(path);
    options.only->ranges = std::move(ranges);
    got_.clear();
    options.only->on_bytes = [this](std::uint64_t offset, ByteView bytes) -> Status {
      if (!got_.empty()) {
        EXPECT_GE(offset, got_.back().first + got_.back().second.size());
      }
      got_.emplace_back(offset, to_bytes(bytes));
      return {};
    };
    return options;
  }
  void expect_got(const std::vector<PullSelection::Range>& ranges) {
    std::uint64_t wanted = 0, got = 0;
    for (const auto& range : ranges) wanted += range.length;
    for (const auto& [offset, piece] : got_) {
      got += piece.size();
      EXPECT_TRUE(std::ranges::equal(piece, ByteView(bytes_).subspan(offset, piece.size())));
    }
    EXPECT_EQ(got, wanted);
  }

  TestDag dag_;
  TestDag::Item file_;
  ipld::Cid root_;
  Bytes bytes_;
  std::vector<std::pair<std::uint64_t, Bytes>> got_;
};

TEST_F(SelectionTest, fetches_only_the_leaves_that_hold_the_ranges) {
  TestGateway gateway(dag_);
  const std::vector<PullSelection::Range> ranges = {{10, 20}, {5000, 2000}, {90'000, 1}};
  const auto report = pull(root_, part({gateway.url()}, "sub/model.bin", ranges));
  ASSERT_TRUE(report) << report.error().message;
  expect_got(ranges);
  EXPECT_EQ(report->file_bytes, bytes_.size());
  EXPECT_EQ(report->leaves.size(), 101U);
  int leaves = 0;
  for (const auto& leaf : dag_.leaves()) leaves += gateway.asked().contains(leaf) ? 1 : 0;
  EXPECT_EQ(leaves, 1 + 3 + 1);
  EXPECT_TRUE(store_->pins()->empty());
}

TEST_F(SelectionTest, what_was_fetched_in_part_counts_for_the_next_part_and_for_the_whole) {
  TestGateway gateway(dag_);
  ASSERT_TRUE(pull(file_.cid, part({gateway.url()}, "", {{0, 30'000}})));
  const auto again = pull(file_.cid, part({gateway.url()}, "", {{1000, 30'000}}));
  ASSERT_TRUE(again) << again.error().message;
  expect_got({{1000, 30'000}});
  EXPECT_LE(again->bytes_fetched, 2U * 1024);
  EXPECT_FALSE(*store_->file_of(file_.cid));
  const auto whole = pull(file_.cid, from({gateway.url()}));
  ASSERT_TRUE(whole) << whole.error().message;
  EXPECT_GE(whole->bytes_reused, 30'000U);
  expect_file(file_.cid, bytes_);
  // And now it is here: nobody is asked.
  const auto here = pull(file_.cid, part({}, "", {{7, 99'000}}));
  ASSERT_TRUE(here) << here.error().message;
  expect_got({{7, 99'000}});
  EXPECT_EQ(here->bytes_fetched, 0U);
  EXPECT_EQ(here->leaves.size(), 101U);
}

TEST_F(SelectionTest, the_whole_as_a_part_becomes_a_file) {
  TestGateway gateway(dag_);
  const auto report = pull(file_.cid, part({gateway.url()}, "", {{0, ~std::uint64_t{0}}}));
  ASSERT_TRUE(report) << report.error().message;
  expect_got({{0, bytes_.size()}});
  EXPECT_TRUE(*store_->file_of(file_.cid));
}

TEST_F(SelectionTest, the_first_bytes_are_handed_out_before_the_last_are_asked_for) {
  TestGateway gateway(dag_);
  gateway.set_delay(5ms);
  PullOptions options = part({gateway.url()}, "", {{0, bytes_.size()}});
  options.limits.max_requests_per_source = 2;
  const auto collect = options.only->on_bytes;
  std::atomic<int> asked_at_first = 0;
  options.only->on_bytes = [&](std::uint64_t offset, ByteView bytes) {
    if (offset == 0) asked_at_first = gateway.requests();
    return collect(offset, bytes);
  };
  ASSERT_TRUE(pull(file_.cid, options));
  expect_got({{0, bytes_.size()}});
  EXPECT_GT(asked_at_first, 0);
  EXPECT_LT(asked_at_first, 60);
}

TEST_F(SelectionTest, a_file_of_one_block_and_a_list_of_leaves_alone) {
  TestGateway gateway(dag_);
  bytes_ = noise(43, 600);
  const auto report = pull(root_, part({gateway.url()}, "small", {{100, 50}, {590, 1000}}));
  ASSERT_TRUE(report) << report.error().message;
  expect_got({{100, 50}, {590, 10}});
  EXPECT_EQ(report->leaves.size(), 1U);
  const auto list = pull(root_, part({gateway.url()}, "sub/model.bin", {}));
  ASSERT_TRUE(list) << list.error().message;
  EXPECT_EQ(list->leaves.size(), 101U);
  EXPECT_TRUE(got_.empty());
  for (std::size_t i = 0; i < 101; ++i) {
    EXPECT_FALSE(gateway.asked().contains(dag_.leaves()[i]));
  }
}

TEST_F(SelectionTest, a_path_that_leads_nowhere_to_a_folder_or_through_a_file_is_told) {
  TestGateway gateway(dag_);
  for (const char* path : {"nothing", "sub/nothing", "sub/model.bin/below"}) {
    const auto report = pull(root_, part({gateway.url()}, path, {{0, 1}}));
    ASSERT_FALSE(report) << path;
    EXPECT_EQ(report.error().code, Errc::not_found);
    EXPECT_THAT(report.error().message, HasSubstr(path));
  }
  for (const char* path : {"", "sub"}) {
    const auto report = pull(root_, part({gateway.url()}, path, {{0, 1}}));
    ASSERT_FALSE(report) << path;
    EXPECT_EQ(report.error().code, Errc::invalid_argument);
    EXPECT_THAT(report.error().message, HasSubstr("is a directory"));
  }
}

TEST_F(SelectionTest, a_reader_that_goes_away_ends_the_pull) {
  TestGateway gateway(dag_);
  PullOptions options = part({gateway.url()}, "", {{0, bytes_.size()}});
  options.only->on_bytes = [](std::uint64_t, ByteView) -> Status {
    return fail(Errc::io, "The pipe is closed.");
  };
  const auto report = pull(file_.cid, options);
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().message, "The pipe is closed.");
}

// Two readers that take nothing must not stop the hashing of others.
TEST_F(SelectionTest, a_slow_reader_of_its_own_pool_holds_up_nobody) {
  TestGateway gateway(dag_);
  OffloadPool reader(1, 1, "reader");
  std::atomic<bool> go = false;
  IoThread other_io(1, "slow");
  net::HttpClient client(other_io.executor());
  OffloadPool one(1);
  Fetcher slow(*store_, client, one, system_clock(), metrics_);
  PullOptions options = part({gateway.url()}, "sub/model.bin", {{0, 2000}});
  options.only->pool = &reader;
  options.only->on_bytes = [&](std::uint64_t, ByteView) -> Status {
    go.wait(false);
    return {};
  };
  std::jthread beside(
      [&] { EXPECT_TRUE(sync_wait(other_io.executor(), slow.pull(root_, options))); });
  TestDag other_dag;
  const auto other = other_dag.add_file(noise(77, 30 * 1024));
  TestGateway second(other_dag);
  net::HttpClient second_client(io_.executor());
  Fetcher fast(*store_, second_client, one, system_clock(), metrics_);
  const auto report = sync_wait(io_.executor(), fast.pull(other.cid, from({second.url()})));
  EXPECT_TRUE(report) << report.error().message;
  go = true;
  go.notify_all();
}

TEST_F(SelectionTest, a_stop_while_a_reader_waits_ends_the_pull) {
  TestGateway gateway(dag_, testing::Manner::sends_nothing);
  gateway.only_for({dag_.leaves().begin() + 2, dag_.leaves().end()});
  std::stop_source stop;
  PullOptions options = part({gateway.url()}, "", {{0, bytes_.size()}});
  options.stop = stop.get_token();
  options.limits.stall_timeout = 60s;
  const auto collect = options.only->on_bytes;
  options.only->on_bytes = [&](std::uint64_t offset, ByteView bytes) {
    stop.request_stop();
    return collect(offset, bytes);
  };
  const auto report = pull(file_.cid, options);
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, Errc::cancelled);
}

}  // namespace
}  // namespace accel::exchange
