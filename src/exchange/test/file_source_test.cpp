// SPDX-License-Identifier: Apache-2.0
// Pulls whose bytes come from a plain file host and whose inner nodes come from a gateway.
#include <gmock/gmock.h>

#include "fetcher_fixture.hpp"
#include "test_file_host.hpp"

namespace accel::exchange {
namespace {

using ::testing::AnyOf;
using ::testing::HasSubstr;
using testing::HostManner;
using testing::Manner;
using testing::noise;
using ::testing::Not;
using testing::TestDag;
using testing::TestFileHost;
using testing::TestGateway;
using namespace std::chrono_literals;

class FileSourceTest : public testing::FetcherTest {
 protected:
  // A file, a gateway that has only its inner nodes, and the file's bytes.
  void SetUp() override {
    FetcherTest::SetUp();
    bytes_ = noise(31, 60 * 1024 + 7);
    file_ = dag_.add_file(bytes_).cid;
    nodes_ = dag_;
    for (const auto& leaf : dag_.leaves()) nodes_.drop(leaf);
  }
  PullOptions from_file(const std::string& url, std::vector<std::string> gateways = {}) {
    PullOptions options = from(std::move(gateways));
    options.file_sources = {url};
    return options;
  }

  TestDag dag_;
  TestDag nodes_;
  Bytes bytes_;
  ipld::Cid file_;
};

TEST_F(FileSourceTest, brings_the_leaves_of_a_file_whose_nodes_a_gateway_has) {
  TestGateway gateway(nodes_);
  TestFileHost host({{"a file.bin", bytes_}});
  const auto report = pull(file_, from_file(host.url("a%20file.bin"), {gateway.url()}));
  ASSERT_TRUE(report) << report.error().message;
  expect_file(file_, bytes_);
  EXPECT_EQ(report->sources[1].bytes, bytes_.size());
  EXPECT_EQ(report->sources[1].url, host.url("a%20file.bin"));
  EXPECT_EQ(report->sources[1].failures, 0U);
  EXPECT_EQ(report->bytes_duplicate, 0U);
}

TEST_F(FileSourceTest, alone_it_is_enough_when_the_nodes_are_here) {
  for (const auto& [cid, block] : nodes_.blocks()) ASSERT_TRUE(store_->put(cid, block));
  TestFileHost host({{"x", bytes_}});
  const auto report = pull(file_, from_file(host.url("x")));
  ASSERT_TRUE(report) << report.error().message;
  expect_file(file_, bytes_);
}

TEST_F(FileSourceTest, alone_and_without_nodes_it_says_what_is_missing) {
  TestFileHost host({{"x", bytes_}});
  const auto report = pull(file_, from_file(host.url("x")));
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, Errc::not_found);
  EXPECT_THAT(report.error().message, HasSubstr(host.url("x")));
  EXPECT_THAT(report.error().message, HasSubstr("name a gateway for those (--from)"));
  EXPECT_EQ(host.requests(), 0);
}

TEST_F(FileSourceTest, a_file_of_one_raw_block_needs_nobody_else) {
  const Bytes small = noise(32, 700);
  const auto block = dag_.add_block(ipld::Codec::raw, small);
  TestFileHost host({{"x", small}}, HostManner::ignores_range);
  ASSERT_TRUE(pull(block.cid, from_file(host.url("x"))));
  expect_file(block.cid, small);
}

TEST_F(FileSourceTest, brings_the_files_of_a_folder_by_their_paths) {
  const Bytes small = noise(33, 500), large = noise(34, 9000), odd = noise(35, 5000);
  const auto inner = dag_.add_folder({{"large # 1.bin", dag_.add_file(large)}});
  const auto root = dag_.add_folder({{"inner", inner},
                                     {"small", dag_.add_file(small)},
                                     {"odd", dag_.add_file(odd)},
                                     {"again", dag_.add_file(odd)}});
  nodes_ = dag_;
  for (const auto& leaf : dag_.leaves()) nodes_.drop(leaf);
  TestGateway gateway(nodes_);
  for (const char* base : {"models/x", "models/x/"}) {
    TestFileHost host({{"models/x/inner/large # 1.bin", large},
                       {"models/x/small", small},
                       {"models/x/odd", odd},
                       {"models/x/again", odd}});
    const auto report = pull(root.cid, from_file(host.url(base), {gateway.url()}));
    ASSERT_TRUE(report) << report.error().message;
    expect_file(*store_->resolve(root.cid, "inner/large # 1.bin"), large);
    expect_file(*store_->resolve(root.cid, "small"), small);
    open_store_anew();
  }
}

TEST_F(FileSourceTest, wrapped_leaves_are_framed_here) {
  const Bytes bytes = noise(36, 3 * 262144 + 77);
  const auto file = dag_.add_file(bytes, ipld::unixfs_v0_2015());
  nodes_ = dag_;
  for (const auto& leaf : dag_.leaves()) nodes_.drop(leaf);
  TestGateway gateway(nodes_);
  TestFileHost host({{"x", bytes}});
  const auto report = pull(file.cid, from_file(host.url("x"), {gateway.url()}));
  ASSERT_TRUE(report) << report.error().message;
  expect_file(file.cid, bytes);
}

// An older importer's frames (type raw): the host is no liar, it just can't help.
TEST_F(FileSourceTest, a_frame_that_can_not_be_rebuilt_is_no_lie) {
  const Bytes half = noise(37, 1000);
  const auto leaf =
      dag_.add_node({.type = ipld::NodeType::raw, .data = half, .filesize = 1000}, {});
  const auto file =
      dag_.add_node({.type = ipld::NodeType::file, .filesize = 2000, .blocksizes = {1000, 1000}},
                    {{leaf.cid, "", leaf.tsize}, {leaf.cid, "", leaf.tsize}});
  Bytes bytes = half;
  bytes.insert(bytes.end(), half.begin(), half.end());
  TestGateway gateway(dag_);
  gateway.set_delay(20ms);
  TestFileHost host({{"x", bytes}});
  const auto report = pull(file.cid, from_file(host.url("x"), {gateway.url()}));
  ASSERT_TRUE(report) << report.error().message;
  expect_file(file.cid, bytes);
  EXPECT_FALSE(report->sources[1].struck_off);
}

TEST_F(FileSourceTest, follows_a_redirect_once_and_again_when_its_address_expires) {
  TestGateway gateway(nodes_);
  TestFileHost host({{"x", bytes_}});
  host.redirects(25);
  PullOptions options = from_file(host.url("x"), {gateway.url()});
  options.limits.max_requests_per_source = 1;
  const auto report = pull(file_, options);
  ASSERT_TRUE(report) << report.error().message;
  expect_file(file_, bytes_);
  EXPECT_GE(host.redirections(), 3);
  EXPECT_LE(host.redirections(), 4);  // 61 leaves, 25 answers an address.
}

TEST_F(FileSourceTest, a_file_that_changes_meanwhile_is_told_from_a_lie) {
  TestGateway gateway(nodes_);
  TestFileHost host({{"x", bytes_}});
  host.changes_after(20);
  const auto report = pull(file_, from_file(host.url("x"), {gateway.url()}));
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, Errc::corrupt);
  EXPECT_THAT(report.error().message, HasSubstr("changed meanwhile (\"one\", now \"two\")"));
  TestGateway whole(dag_);
  const auto again = pull(file_, from_file(host.url("x"), {whole.url()}));
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_GT(again->bytes_reused, 10U * 1024);
  expect_file(file_, bytes_);
}

struct BadHost {
  HostManner manner;
  Errc code;
  const char* words;
};

std::string name_of(HostManner manner) {
  constexpr const char* kNames[] = {"honest",      "ignores_range", "lies_about_size",
                                    "other_range", "says_nothing",  "garbage",
                                    "too_little",  "lacks_it",      "answers_500"};
  return kNames[static_cast<int>(manner)];
}

class BadFileHost : public FileSourceTest, public ::testing::WithParamInterface<BadHost> {};

TEST_P(BadFileHost, alone_it_ends_the_pull_with_a_sentence_that_names_it) {
  TestGateway gateway(nodes_);
  TestFileHost host({{"x", bytes_}}, GetParam().manner);
  const auto report = pull(file_, from_file(host.url("x"), {gateway.url()}));
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, GetParam().code) << report.error().message;
  EXPECT_THAT(report.error().message, HasSubstr(host.url("x")));
  EXPECT_THAT(report.error().message, HasSubstr(GetParam().words));
  expect_unreadable(file_);
}

TEST_P(BadFileHost, beside_an_honest_gateway_it_does_no_harm) {
  TestGateway gateway(dag_);
  gateway.set_delay(2ms);
  TestFileHost host({{"x", bytes_}}, GetParam().manner);
  const auto report = pull(file_, from_file(host.url("x"), {gateway.url()}));
  ASSERT_TRUE(report) << report.error().message;
  expect_file(file_, bytes_);
  // Who sends the first bytes always may be right once; then small leaves are asked for side by
  // side, as many as a source may have open.
  const bool once_right = GetParam().manner == HostManner::other_range;
  EXPECT_LE(report->sources[1].blocks, once_right ? 1U : 0U);
  EXPECT_LE(host.requests(), once_right ? 2 * 32 : 10);
}

INSTANTIATE_TEST_SUITE_P(
    Manners, BadFileHost,
    ::testing::Values(BadHost{HostManner::ignores_range, Errc::unsupported, "ignores Range"},
                      BadHost{HostManner::lies_about_size, Errc::not_found, "has 61448 bytes"},
                      BadHost{HostManner::other_range, Errc::protocol, "it says that it sends"},
                      BadHost{HostManner::says_nothing, Errc::protocol, "it says that it sends"},
                      BadHost{HostManner::garbage, Errc::corrupt, "of the file"},
                      BadHost{HostManner::too_little, Errc::protocol, "It sent 1023 of 1024"},
                      BadHost{HostManner::lacks_it, Errc::not_found, "404"},
                      BadHost{HostManner::answers_500, Errc::unavailable, "500"}),
    [](const auto& param) { return name_of(param.param.manner); });

TEST_F(FileSourceTest, a_shorter_file_is_another_file) {
  TestGateway gateway(nodes_);
  TestFileHost host({{"x", Bytes(bytes_.begin(), bytes_.begin() + 100)}});
  const auto report = pull(file_, from_file(host.url("x"), {gateway.url()}));
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, Errc::not_found);
  EXPECT_THAT(report.error().message,
              AnyOf(HasSubstr("the file there has 100 bytes"), HasSubstr("is shorter than")));
}

TEST_F(FileSourceTest, two_hosts_share_the_work) {
  TestGateway gateway(nodes_);
  TestFileHost one({{"x", bytes_}}), two({{"y", bytes_}});
  one.set_delay(2ms);
  two.set_delay(2ms);
  PullOptions options = from_file(one.url("x"), {gateway.url()});
  options.file_sources.push_back(two.url("y"));
  const auto report = pull(file_, options);
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_GT(report->sources[1].blocks, 5U);
  EXPECT_GT(report->sources[2].blocks, 5U);
}

}  // namespace
}  // namespace accel::exchange
