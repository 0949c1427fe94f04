// SPDX-License-Identifier: Apache-2.0
// Whole pulls over real sockets, from gateways that are honest and from gateways that are not.
#include <gmock/gmock.h>

#include <thread>

#include "fetcher_fixture.hpp"

namespace accel::exchange {
namespace {

using ::testing::AnyOf;
using testing::FetcherTest;
using ::testing::HasSubstr;
using testing::Manner;
using testing::noise;
using testing::TestDag;
using testing::TestGateway;
using namespace std::chrono_literals;

TEST_F(FetcherTest, pulls_a_file_pins_it_and_reports) {
  TestDag dag;
  const Bytes bytes = noise(1, 40 * 1024 + 3);
  const auto file = dag.add_file(bytes);
  TestGateway gateway(dag);
  PullOptions options = from({gateway.url()});
  options.name = "a name";
  const auto report = pull(file.cid, options);
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->root, file.cid);
  EXPECT_EQ(report->bytes_total, dag.bytes());
  EXPECT_EQ(report->bytes_fetched, dag.bytes());
  EXPECT_EQ(report->bytes_verified, dag.bytes());
  EXPECT_EQ(report->bytes_reused, 0U);
  EXPECT_EQ(report->files, 1U);
  ASSERT_EQ(report->sources.size(), 1U);
  EXPECT_EQ(report->sources[0].bytes, dag.bytes());
  EXPECT_EQ(report->sources[0].blocks, dag.blocks().size());
  EXPECT_EQ(report->sources[0].failures, 0U);
  expect_file(file.cid, bytes);
  const auto path = store_->file_of(file.cid);
  ASSERT_TRUE(path && *path);
  const auto pins = store_->pins();
  ASSERT_TRUE(pins);
  ASSERT_EQ(pins->size(), 1U);
  EXPECT_EQ(pins->front().name, "a name");
  for (const auto& [cid, count] : gateway.asked()) EXPECT_EQ(count, 1) << cid.to_string();
}

TEST_F(FetcherTest, pulls_wrapped_leaves_too) {
  TestDag dag;
  const Bytes bytes = noise(2, 3 * 262144 + 77);
  const auto file = dag.add_file(bytes, ipld::unixfs_v0_2015());
  TestGateway gateway(dag);
  const auto report = pull(file.cid, from({gateway.url()}));
  ASSERT_TRUE(report) << report.error().message;
  expect_file(file.cid, bytes);
  EXPECT_TRUE(*store_->file_of(file.cid));
}

TEST_F(FetcherTest, pulls_a_folder_of_everything) {
  TestDag dag;
  const Bytes large = noise(3, 30'000);
  std::vector<std::pair<std::string, TestDag::Item>> entries;
  for (std::uint64_t i = 0; i < 60; ++i) {
    entries.emplace_back(fmt::format("small-{}", i), dag.add_file(noise(100 + i, 50 + i)));
  }
  for (std::uint64_t i = 0; i < 20; ++i) {
    entries.emplace_back(fmt::format("file-{}", i), dag.add_file(noise(200 + i, 9000)));
  }
  entries.emplace_back("empty", dag.add_file({}));
  entries.emplace_back("link", dag.add_symlink("file-1"));
  entries.emplace_back("inner", dag.add_folder({{"large", dag.add_file(large)}}));
  const auto root = dag.add_folder(entries);
  TestGateway gateway(dag);
  TestGateway other(dag);
  const auto report = pull(root.cid, from({gateway.url(), other.url()}));
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->bytes_total, dag.bytes());
  EXPECT_EQ(report->files, 82U);
  EXPECT_EQ(store_->pins()->size(), 1U);
  const auto inner = store_->resolve(root.cid, "inner/large");
  ASSERT_TRUE(inner) << inner.error().message;
  expect_file(*inner, large);
  EXPECT_EQ(store_->list(root.cid)->size(), entries.size());
}

TEST_F(FetcherTest, pulls_a_raw_block_and_an_identity_cid) {
  TestDag dag;
  const auto block = dag.add_block(ipld::Codec::raw, noise(4, 1000));
  TestGateway gateway(dag);
  EXPECT_TRUE(pull(block.cid, from({gateway.url()})));
  const auto identity = pull(ipld::Cid(), from({}));
  EXPECT_TRUE(identity) << identity.error().message;
}

TEST_F(FetcherTest, a_second_pull_fetches_nothing) {
  TestDag dag;
  const auto file = dag.add_file(noise(5, 20'000));
  TestGateway gateway(dag);
  ASSERT_TRUE(pull(file.cid, from({gateway.url()})));
  const int before = gateway.requests();
  const auto again = pull(file.cid, from({gateway.url()}));
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(gateway.requests(), before);
  EXPECT_EQ(again->bytes_fetched, 0U);
  EXPECT_EQ(again->bytes_reused, dag.bytes());
}

TEST_F(FetcherTest, a_private_root_stays_private_when_it_is_pulled_again) {
  TestDag dag;
  const auto file = dag.add_file(noise(22, 20'000));
  TestGateway gateway(dag);
  PullOptions options = from({gateway.url()});
  options.name = "secret";
  options.is_private = true;
  ASSERT_TRUE(pull(file.cid, options));
  const auto before = store_->pins();
  ASSERT_TRUE(before);
  const auto path = store_->file_of(file.cid);
  ASSERT_TRUE(path && *path);
  std::filesystem::remove(**path);  // So that something is fetched.
  const auto report = pull(file.cid, from({gateway.url()}));
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_GT(report->bytes_fetched, 0U);
  const auto pins = store_->pins();
  ASSERT_TRUE(pins);
  ASSERT_EQ(pins->size(), 1U);
  EXPECT_TRUE(pins->front().is_private);
  EXPECT_EQ(pins->front().name, "secret");
  EXPECT_EQ(pins->front().added, before->front().added);
  for (const auto& [cid, block] : dag.blocks()) {
    EXPECT_TRUE(*store_->is_private(cid)) << cid.to_string();
  }
  using std::filesystem::perms;
  EXPECT_EQ(std::filesystem::status(**path).permissions(), perms::owner_read);
}

TEST_F(FetcherTest, equal_leaves_are_fetched_once) {
  TestDag dag;
  const Bytes zeros(64 * 1024, 0);
  const auto file = dag.add_file(zeros);
  TestGateway gateway(dag);
  const auto report = pull(file.cid, from({gateway.url()}));
  ASSERT_TRUE(report) << report.error().message;
  expect_file(file.cid, zeros);
  EXPECT_LT(report->bytes_fetched, 4000U);
  EXPECT_EQ(report->bytes_fetched + report->bytes_reused, report->bytes_total);
}

TEST_F(FetcherTest, two_sources_share_the_work) {
  TestDag dag;
  const auto file = dag.add_file(noise(6, 400 * 1024));
  TestGateway one(dag);
  TestGateway two(dag);
  one.set_delay(2ms);
  two.set_delay(2ms);
  const auto report = pull(file.cid, from({one.url(), two.url()}));
  ASSERT_TRUE(report) << report.error().message;
  // Both work; how evenly is the simulation's business, for here the machine's load decides.
  EXPECT_GT(report->sources[0].bytes, dag.bytes() / 10);
  EXPECT_GT(report->sources[1].bytes, dag.bytes() / 10);
  EXPECT_LT(report->bytes_duplicate, dag.bytes() / 50);
}

TEST_F(FetcherTest, a_flipped_byte_is_named_and_the_file_stays_unreadable) {
  TestDag dag;
  const auto file = dag.add_file(noise(7, 20'000));
  const ipld::Cid victim = dag.leaves()[7];
  TestGateway liar(dag, Manner::flips_a_byte);
  liar.only_for({victim});
  const auto report = pull(file.cid, from({liar.url()}));
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, Errc::corrupt);
  EXPECT_THAT(report.error().message, HasSubstr(victim.to_string()));
  EXPECT_THAT(report.error().message, HasSubstr(liar.url()));
  expect_unreadable(file.cid);
  // Another source completes it, and only what is missing travels.
  TestGateway honest(dag);
  const auto second = pull(file.cid, from({honest.url()}));
  ASSERT_TRUE(second) << second.error().message;
  EXPECT_GT(second->bytes_reused, 0U);
  EXPECT_EQ(second->bytes_fetched + second->bytes_reused, second->bytes_total);
}

TEST_F(FetcherTest, a_liar_beside_an_honest_source_costs_one_block) {
  TestDag dag;
  const Bytes bytes = noise(8, 60'000);
  const auto file = dag.add_file(bytes);
  TestGateway liar(dag, Manner::flips_a_byte);
  TestGateway honest(dag);
  honest.set_delay(3ms);
  const auto report = pull(file.cid, from({liar.url(), honest.url()}));
  ASSERT_TRUE(report) << report.error().message;
  expect_file(file.cid, bytes);
  EXPECT_TRUE(report->sources[0].struck_off);
  EXPECT_THAT(report->sources[0].last_error, HasSubstr("not block"));
  EXPECT_EQ(report->sources[0].blocks, 0U);
  EXPECT_LE(liar.requests(), 2);
}

struct BadCase {
  Manner manner;
  Errc code;
  const char* words;
};

class BadSource : public FetcherTest, public ::testing::WithParamInterface<BadCase> {};

TEST_P(BadSource, alone_it_ends_the_pull_with_a_sentence_that_names_it) {
  TestDag dag;
  const auto file = dag.add_file(noise(9, 20'000));
  TestGateway bad(dag, GetParam().manner);
  bad.only_for({dag.leaves().begin() + 3, dag.leaves().end()});
  const auto report = pull(file.cid, from({bad.url()}));
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, GetParam().code) << report.error().message;
  EXPECT_THAT(report.error().message, HasSubstr(bad.url()));
  EXPECT_THAT(report.error().message, HasSubstr(GetParam().words));
  EXPECT_THAT(report.error().message, HasSubstr("No source is left for block"));
  expect_unreadable(file.cid);
}

TEST_P(BadSource, beside_an_honest_one_it_does_no_harm) {
  TestDag dag;
  const Bytes bytes = noise(10, 60'000);
  const auto file = dag.add_file(bytes);
  TestGateway bad(dag, GetParam().manner);
  TestGateway honest(dag);
  const auto report = pull(file.cid, from({bad.url(), honest.url()}));
  ASSERT_TRUE(report) << report.error().message;
  expect_file(file.cid, bytes);
  EXPECT_EQ(report->sources[0].blocks, 0U);
}

TEST_P(BadSource, when_it_recovers_or_another_comes_what_was_fetched_counts) {
  TestDag dag;
  const Bytes bytes = noise(11, 60'000);
  const auto file = dag.add_file(bytes);
  TestGateway bad(dag, GetParam().manner);
  bad.honest_at_first(40);
  ASSERT_FALSE(pull(file.cid, from({bad.url()})));
  open_store();  // As after a restart.
  TestGateway honest(dag);
  const auto report = pull(file.cid, from({honest.url()}));
  ASSERT_TRUE(report) << report.error().message;
  expect_file(file.cid, bytes);
  EXPECT_GT(report->bytes_reused, 15U * 1024);
  EXPECT_EQ(report->bytes_fetched + report->bytes_reused, report->bytes_total);
}

INSTANTIATE_TEST_SUITE_P(
    Manners, BadSource,
    ::testing::Values(BadCase{Manner::flips_a_byte, Errc::corrupt, "struck off"},
                      BadCase{Manner::sends_too_much, Errc::protocol, "given up"},
                      BadCase{Manner::sends_too_little, Errc::protocol, "It sent 1023 of the 1024"},
                      BadCase{Manner::breaks_off, Errc::unavailable, "given up"},
                      BadCase{Manner::sends_nothing, Errc::timeout, "nothing for"},
                      BadCase{Manner::answers_500, Errc::unavailable, "500"},
                      BadCase{Manner::answers_403, Errc::permission_denied, "403"},
                      BadCase{Manner::redirects_forever, Errc::protocol, "redirect"},
                      BadCase{Manner::lacks_it, Errc::not_found, "does not have it"}),
    [](const auto& param) {
      switch (param.param.manner) {
        case Manner::flips_a_byte:
          return "flips_a_byte";
        case Manner::sends_too_much:
          return "sends_too_much";
        case Manner::sends_too_little:
          return "sends_too_little";
        case Manner::breaks_off:
          return "breaks_off";
        case Manner::sends_nothing:
          return "sends_nothing";
        case Manner::answers_500:
          return "answers_500";
        case Manner::answers_403:
          return "answers_403";
        case Manner::redirects_forever:
          return "redirects_forever";
        default:
          return "lacks_it";
      }
    });

TEST_F(FetcherTest, a_source_that_fails_now_and_then_is_forgiven) {
  TestDag dag;
  const Bytes bytes = noise(12, 30'000);
  const auto file = dag.add_file(bytes);
  TestGateway gateway(dag, Manner::answers_500);
  gateway.recovers_after(2);
  const auto report = pull(file.cid, from({gateway.url()}));
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_GE(report->sources[0].failures, 1U);
  expect_file(file.cid, bytes);
}

TEST_F(FetcherTest, nobody_listens_there) {
  TestDag dag;
  const auto file = dag.add_file(noise(13, 3000));
  std::string url;
  {
    url = TestGateway(dag).url();
  }
  const auto report = pull(file.cid, from({url}));
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, Errc::unavailable);
  EXPECT_THAT(report.error().message, HasSubstr(url));
}

TEST_F(FetcherTest, no_source_and_bad_source_names_are_refused_with_a_sentence) {
  TestDag dag;
  const auto file = dag.add_file(noise(14, 3000));
  const auto none = pull(file.cid, from({}));
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, Errc::not_found);
  EXPECT_THAT(none.error().message, HasSubstr("nobody was named"));
  const auto bad = pull(file.cid, from({"ftp://example.org"}));
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().code, Errc::invalid_argument);
}

TEST_F(FetcherTest, a_sharded_folder_comes_with_all_its_files) {
  TestDag dag;
  const Bytes bytes = noise(21, 5000);
  const auto sharded = dag.add_sharded(dag.add_file(bytes), dag.add_file(noise(22, 700)));
  TestGateway gateway(dag);
  const auto report = pull(sharded.cid, from({gateway.url()}));
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->files, 2U);
  const auto entries = store_->list(sharded.cid);
  ASSERT_TRUE(entries) << entries.error().message;
  ASSERT_EQ(entries->size(), 2U);
  EXPECT_EQ((*entries)[0].name, "470.txt");
  EXPECT_EQ((*entries)[0].bytes, bytes.size());
  EXPECT_TRUE(store_->pin(sharded.cid, {}));
}

TEST_F(FetcherTest, a_dag_that_claims_too_much_is_refused_before_anything_is_reserved) {
  TestDag dag;
  const auto file = dag.add_file(noise(15, 30'000));
  TestGateway gateway(dag);
  PullOptions options = from({gateway.url()});
  options.limits.max_total_bytes = 10'000;
  const auto report = pull(file.cid, options);
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, Errc::resource_exhausted);
}

// The DAG is false, not the source: no source is blamed for what the maker wrote.
TEST_F(FetcherTest, a_leaf_that_is_no_leaf_ends_the_pull_and_blames_the_dag) {
  TestDag dag;
  const auto inner = dag.add_file(noise(16, 2048));
  const auto file =
      dag.add_node({.type = ipld::NodeType::file, .filesize = 2048, .blocksizes = {2048}},
                   {{inner.cid, "", 2050}});
  TestGateway gateway(dag);
  const auto report = pull(file.cid, from({gateway.url()}));
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, Errc::corrupt);
  EXPECT_THAT(report.error().message, HasSubstr(inner.cid.to_string()));
  EXPECT_THAT(report.error().message, Not(HasSubstr("struck off")));
}

TEST_F(FetcherTest, a_stop_leaves_what_was_fetched_for_the_next_pull) {
  TestDag dag;
  const Bytes bytes = noise(17, 300 * 1024);
  const auto file = dag.add_file(bytes);
  TestGateway gateway(dag);
  gateway.set_delay(10ms);
  std::stop_source stop;
  PullOptions options = from({gateway.url()});
  options.limits.max_requests_per_source = 4;
  options.stop = stop.get_token();
  options.on_progress = [&](const PullProgress& progress) {
    if (progress.bytes_done > 30'000) stop.request_stop();
  };
  const auto stopped = pull(file.cid, options);
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().code, Errc::cancelled);
  expect_unreadable(file.cid);
  const std::uint64_t sent = gateway.bytes_sent();
  const auto report = pull(file.cid, from({gateway.url()}));
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_GE(report->bytes_reused, 30'000U);
  // What was in flight at the stop may still be counted as sent after it.
  EXPECT_LE(gateway.bytes_sent() - sent, report->bytes_fetched + 4U * 1024);
  expect_file(file.cid, bytes);
}

TEST_F(FetcherTest, a_cancelled_task_waits_until_nothing_runs) {
  TestDag dag;
  const auto file = dag.add_file(noise(18, 300 * 1024));
  TestGateway gateway(dag);
  gateway.set_delay(10ms);
  std::stop_source stop;
  PullOptions options = from({gateway.url()});
  options.limits.max_requests_per_source = 4;
  options.on_progress = [&](const PullProgress& progress) {
    if (progress.bytes_done > 10'000) stop.request_stop();
  };
  const auto report = pull(file.cid, options, stop.get_token());
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, Errc::cancelled);
  EXPECT_EQ(pool_.queued(), 0U);
}

TEST_F(FetcherTest, progress_grows_to_the_total) {
  TestDag dag;
  const auto file = dag.add_file(noise(19, 200 * 1024));
  TestGateway gateway(dag);
  gateway.set_delay(5ms);
  std::vector<PullProgress> seen;
  PullOptions options = from({gateway.url()});
  options.on_progress = [&](const PullProgress& progress) { seen.push_back(progress); };
  ASSERT_TRUE(pull(file.cid, options));
  ASSERT_GE(seen.size(), 2U);
  for (std::size_t i = 1; i < seen.size(); ++i) {
    EXPECT_GE(seen[i].bytes_done, seen[i - 1].bytes_done);
  }
  EXPECT_EQ(seen.back().bytes_done, dag.bytes());
  EXPECT_EQ(seen.back().bytes_total, dag.bytes());
  EXPECT_TRUE(seen.back().total_known);
}

TEST_F(FetcherTest, two_pulls_of_one_root_at_once_both_succeed) {
  TestDag dag;
  const Bytes bytes = noise(20, 200 * 1024);
  const auto file = dag.add_file(bytes);
  TestGateway gateway(dag);
  gateway.set_delay(2ms);
  IoThread other_io(1, "second");
  net::HttpClient client(other_io.executor());
  Fetcher second(*store_, client, pool_, system_clock(), metrics_);
  Result<PullReport> other = fail(Errc::internal, "not run");
  {
    std::jthread beside([&] {
      other = sync_wait(other_io.executor(), second.pull(file.cid, from({gateway.url()})));
    });
    const auto report = pull(file.cid, from({gateway.url()}));
    ASSERT_TRUE(report) << report.error().message;
  }
  ASSERT_TRUE(other) << other.error().message;
  expect_file(file.cid, bytes);
  EXPECT_EQ(store_->pins()->size(), 1U);
}

TEST_F(FetcherTest, metrics_tell_what_became_of_the_bytes) {
  TestDag dag;
  const auto file = dag.add_file(noise(21, 5000));
  TestGateway gateway(dag);
  ASSERT_TRUE(pull(file.cid, from({gateway.url()})));
  const std::string text = metrics_.prometheus_text();
  EXPECT_THAT(text, HasSubstr(fmt::format("accel_exchange_bytes_total{{kind=\"fetched\"}} {}",
                                          dag.bytes())));
  EXPECT_THAT(text, HasSubstr("accel_exchange_pulls_total{outcome=\"ok\"} 1"));
}

}  // namespace
}  // namespace accel::exchange
