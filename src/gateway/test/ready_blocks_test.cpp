// SPDX-License-Identifier: Apache-2.0
// Blocks from memory: the same answers as the long way gives, and never what must not be served.
#include "../ready_blocks.hpp"

#include "gateway_fixture.hpp"

namespace accel::gateway {
namespace {

class ReadyBlocksTest : public test::GatewayFixture {
 protected:
  ReadyBlocksTest() {
    gateway_.reset();
    store_.reset();
    blockstore::StoreOptions options;
    options.directory = folder_ / "store";
    options.cache_bytes = 1U << 20U;
    store_ = std::move(*blockstore::Store::open(options));
    remake();
  }

  static net::HttpRequest request_for(const std::string& path, net::Headers headers = {}) {
    net::HttpRequest request;
    request.method = "GET";
    request.path = path;
    request.query = "format=raw";
    request.headers = std::move(headers);
    if (!request.headers.has("Host")) request.headers.add("Host", "127.0.0.1:8080");
    request.remote = "127.0.0.1:50000";
    return request;
  }

  std::optional<net::ReadyResponse> ready(const net::HttpRequest& request) {
    return gateway_->ready_handler()(request);
  }

  // Asked for often enough to lie in memory.
  std::string warm(const ipld::Cid& cid) {
    const std::string path = "/ipfs/" + cid.to_string();
    for (int i = 0; i < 2; ++i) EXPECT_EQ(ask(request_for(path)).status, 200);
    return path;
  }

  static std::string lines_of(const net::HttpResponse& response) {
    std::string lines;
    for (const auto& field : response.headers) {
      lines += fmt::format("{}: {}\r\n", field.name, field.value);
    }
    return lines;
  }
};

TEST_F(ReadyBlocksTest, a_block_that_was_asked_for_twice_is_answered_as_on_the_long_way) {
  const Bytes block = test::random_bytes(4096, 1);
  const ipld::Cid cid = put(ipld::Codec::raw, block);
  const auto request = request_for("/ipfs/" + cid.to_string());
  EXPECT_FALSE(ready(request));
  const net::HttpResponse first = ask(request);
  EXPECT_FALSE(ready(request));
  EXPECT_EQ(body_of(ask(request)), as_text(block));
  const auto answer = ready(request);
  ASSERT_TRUE(answer);
  EXPECT_EQ(*answer->body, block);
  EXPECT_EQ(answer->fields, lines_of(first));
}

TEST_F(ReadyBlocksTest, blocks_of_other_codecs_and_of_owned_files_are_ready_too) {
  const Bytes text = to_bytes("{\"a\":1}");
  const ipld::Cid json = put(ipld::Codec::dag_json, text);
  const auto answer = ready(request_for(warm(json)));
  ASSERT_TRUE(answer);
  EXPECT_EQ(*answer->body, text);
  const ipld::Cid small = add(write("small.bin", test::random_bytes(3000, 2)));
  EXPECT_TRUE(ready(request_for(warm(small))));
}

TEST_F(ReadyBlocksTest, whatever_asks_for_more_than_the_block_goes_the_long_way) {
  const std::string path = warm(put(ipld::Codec::raw, test::random_bytes(100, 3)));
  ASSERT_TRUE(ready(request_for(path)));
  for (const auto& [name, value] :
       std::map<std::string, std::string>{{"Range", "bytes=1-2"},
                                          {"if-none-match", "*"},
                                          {"If-Range", "\"x\""},
                                          {"Service-Worker", "script"},
                                          {"X-Forwarded-Host", "site.example"},
                                          {"Cache-Control", "only-if-cached"}}) {
    EXPECT_FALSE(ready(request_for(path, {{name, value}}))) << name;
  }
  auto named = request_for(path);
  named.query = "format=raw&filename=a";
  EXPECT_FALSE(ready(named));
  EXPECT_FALSE(ready(request_for(path + "/a")));
  EXPECT_FALSE(ready(request_for("/ipns/" + path.substr(6))));
}

TEST_F(ReadyBlocksTest, a_host_that_stands_for_content_goes_the_long_way) {
  const ipld::Cid cid = put(ipld::Codec::raw, test::random_bytes(100, 4));
  const std::string path = warm(cid);
  EXPECT_TRUE(ready(request_for(path, {{"Host", "localhost:8080"}})));
  EXPECT_FALSE(ready(request_for(path, {{"Host", "site.example"}})));
  EXPECT_FALSE(ready(request_for(path, {{"Host", cid.to_string() + ".ipfs.localhost"}})));
}

TEST_F(ReadyBlocksTest, another_spelling_of_the_cid_goes_the_long_way) {
  const ipld::Cid cid = put(ipld::Codec::raw, test::random_bytes(100, 5));
  std::string path = warm(cid);
  for (std::size_t i = 7; i < path.size(); ++i) path[i] = static_cast<char>(std::toupper(path[i]));
  EXPECT_FALSE(ready(request_for(path)));
}

TEST_F(ReadyBlocksTest, what_becomes_private_is_not_ready_any_more) {
  const ipld::Cid cid = put(ipld::Codec::raw, test::random_bytes(100, 6));
  const std::string path = warm(cid);
  ASSERT_TRUE(ready(request_for(path)));
  ASSERT_TRUE(store_->pin(cid, {.name = "mine", .is_private = true}));
  EXPECT_FALSE(ready(request_for(path)));
  EXPECT_EQ(ask(request_for(path)).status, 404);
  ASSERT_TRUE(store_->pin(cid, {.name = "ours"}));
  EXPECT_FALSE(ready(request_for(path)));  // After a write the long way looks once.
  EXPECT_EQ(ask(request_for(path)).status, 200);
  EXPECT_TRUE(ready(request_for(path)));
}

TEST_F(ReadyBlocksTest, what_gc_freed_is_not_ready_any_more) {
  const ipld::Cid cid = put(ipld::Codec::raw, test::random_bytes(100, 7));
  const std::string path = warm(cid);
  ASSERT_TRUE(ready(request_for(path)));
  ASSERT_TRUE(store_->gc({}));
  EXPECT_FALSE(ready(request_for(path)));
  EXPECT_EQ(ask(request_for(path)).status, 404);
}

TEST_F(ReadyBlocksTest, a_referenced_file_is_never_served_from_memory) {
  const auto path = write("theirs.bin", test::random_bytes(3000, 8));
  blockstore::AddOptions options;
  options.reference = true;
  const auto added = store_->add(path, options);
  ASSERT_TRUE(added);
  EXPECT_FALSE(ready(request_for(warm(added->cid))));
}

TEST_F(ReadyBlocksTest, a_client_that_has_too_many_requests_is_told_so_on_the_long_way) {
  GatewayOptions options;
  options.limits.max_requests_per_client = 1;
  remake(options);
  auto request = request_for(warm(put(ipld::Codec::raw, test::random_bytes(100, 9))));
  request.remote = "192.0.2.1:5000";
  const auto first = ready(request);
  ASSERT_TRUE(first);
  EXPECT_FALSE(ready(request));
}

TEST(AskedBefore, tells_the_second_look_from_the_first) {
  AskedBefore asked;
  const auto one = ipld::Cid::v1(ipld::Codec::raw, ipld::sha2_256(as_bytes("one")));
  const auto two = ipld::Cid::v1(ipld::Codec::raw, ipld::sha2_256(as_bytes("two")));
  EXPECT_FALSE(asked.note(one));
  EXPECT_FALSE(asked.note(two));
  EXPECT_TRUE(asked.note(one));
}

TEST(AskedBefore, remembers_nearly_all_of_some_thousand_blocks) {
  AskedBefore asked;
  int known = 0;
  for (int round = 0; round < 2; ++round) {
    known = 0;
    for (int i = 0; i < 2000; ++i) {
      const auto hash = ipld::sha2_256(as_bytes(std::to_string(i)));
      known += asked.note(ipld::Cid::v1(ipld::Codec::raw, hash)) ? 1 : 0;
    }
  }
  EXPECT_GE(known, 1990);
}

}  // namespace
}  // namespace accel::gateway
