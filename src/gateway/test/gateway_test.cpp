// SPDX-License-Identifier: Apache-2.0
// The gateway over a real store in a temporary folder: most of it by calling the handler, the rest
// over sockets.
#include <gtest/gtest.h>

#include <cstdio>
#include <nlohmann/json.hpp>

#include "accel/net/http_client.hpp"
#include "accel/net/http_server.hpp"
#include "gateway_fixture.hpp"

namespace accel::gateway {
namespace {

using test::kMiB;
using test::random_bytes;

class GatewayTest : public test::GatewayFixture {};

TEST_F(GatewayTest, answers_the_probe) {
  const auto response = get("/ipfs/bafkqaaa", "format=raw");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(body_of(response), "");
  EXPECT_EQ(response.headers.get("Content-Type"), "application/vnd.ipld.raw");
}

TEST_F(GatewayTest, serves_every_block_of_a_file_so_that_it_verifies) {
  const Bytes data = random_bytes(3 * kMiB + 5, 1);
  const ipld::Cid root = add(write("f", data));
  const auto node = get("/ipfs/" + root.to_string(), "format=raw");
  ASSERT_EQ(node.status, 200);
  const std::string block = body_of(node);
  ASSERT_TRUE(ipld::verify_block(root, as_bytes(block)).has_value());
  const auto view = ipld::decode_node(root, as_bytes(block)).value();
  ASSERT_EQ(view.children.size(), 4U);
  for (const auto& child : view.children) {
    const auto leaf = get("/ipfs/" + child.cid.to_string(), "format=raw");
    ASSERT_EQ(leaf.status, 200);
    EXPECT_TRUE(is_sent_from_its_place(leaf));
    EXPECT_TRUE(ipld::verify_block(child.cid, as_bytes(body_of(leaf))).has_value());
  }
}

TEST_F(GatewayTest, block_headers_are_those_of_the_specification) {
  const ipld::Cid root = add(write("f", as_bytes("hello")));
  const auto response =
      get("/ipfs/" + root.to_string(), {}, {{"Accept", "application/vnd.ipld.raw"}});
  ASSERT_EQ(response.status, 200);
  EXPECT_EQ(body_of(response), "hello");
  EXPECT_EQ(response.headers.get("Etag"), "\"" + root.to_string() + ".raw\"");
  EXPECT_EQ(response.headers.get("Content-Disposition"),
            "attachment; filename=\"" + root.to_string() + ".bin\"");
  EXPECT_EQ(response.headers.get("X-Ipfs-Path"), "/ipfs/" + root.to_string());
}

TEST_F(GatewayTest, a_block_that_the_client_has_is_304) {
  const ipld::Cid root = add(write("f", as_bytes("hello")));
  const std::string tag = "\"" + root.to_string() + ".raw\"";
  const auto response = get("/ipfs/" + root.to_string(), "format=raw", {{"If-None-Match", tag}});
  EXPECT_EQ(response.status, 304);
  EXPECT_EQ(body_of(response), "");
}

TEST_F(GatewayTest, serves_a_file_whole_and_in_ranges) {
  const Bytes data = random_bytes(2 * kMiB + 100, 2);
  const ipld::Cid root = add(write("f", data));
  const std::string path = "/ipfs/" + root.to_string();
  const auto whole = get(path);
  EXPECT_EQ(whole.status, 200);
  EXPECT_TRUE(is_sent_from_its_place(whole));
  EXPECT_TRUE(body_of(whole) == as_text(data));
  const auto part = get(path, {}, {{"Range", "bytes=1048570-1048585"}});
  EXPECT_EQ(part.status, 206);
  EXPECT_EQ(body_of(part), as_text(ByteView(data).subspan(1048570, 16)));
  const auto tail = get(path, {}, {{"Range", "bytes=-10"}});
  EXPECT_EQ(body_of(tail), as_text(ByteView(data).last(10)));
  EXPECT_EQ(get(path, {}, {{"Range", "bytes=99999999-"}}).status, 416);
}

TEST_F(GatewayTest, a_file_of_two_levels_is_sent_from_its_place) {
  // 1024 leaves fill a node of this profile: one more makes two levels. Small leaves keep the file
  // small.
  blockstore::AddOptions options;
  options.profile.chunk_size = 1024;
  const Bytes data = random_bytes(1025 * 1024, 12);
  const auto added = store_->add(write("f", data), options);
  ASSERT_TRUE(added.has_value()) << added.error().to_string();
  const auto whole = get("/ipfs/" + added->cid.to_string());
  EXPECT_EQ(whole.status, 200);
  EXPECT_TRUE(is_sent_from_its_place(whole));
  EXPECT_TRUE(body_of(whole) == as_text(data));
}

TEST_F(GatewayTest, walks_folders_and_lists_them) {
  write("d/a b.txt", as_bytes("text"));
  write("d/sub/c.json", as_bytes("{}"));
  const ipld::Cid root = add(folder_ / "in" / "d");
  const std::string path = "/ipfs/" + root.to_string();
  const auto file = get(path + "/a%20b.txt");
  EXPECT_EQ(body_of(file), "text");
  EXPECT_EQ(file.headers.get("Content-Type"), "text/plain; charset=utf-8");
  EXPECT_EQ(body_of(get(path + "/sub/c.json")), "{}");
  EXPECT_EQ(get(path).headers.get("Location"), path + "/");
  const auto page = get(path + "/");
  EXPECT_EQ(page.headers.get("Content-Type"), "text/html; charset=utf-8");
  EXPECT_NE(body_of(page).find("a%20b.txt"), std::string::npos);
  const auto data = nlohmann::json::parse(body_of(get(path, "format=json")));
  ASSERT_EQ(data.at("entries").size(), 2U);
  EXPECT_EQ(data.at("entries")[0].at("name"), "a b.txt");
  EXPECT_EQ(data.at("entries")[1].at("kind"), "directory");
  const auto raw = get(path + "/a%20b.txt", "format=raw");
  EXPECT_EQ(body_of(raw), "text");
}

TEST_F(GatewayTest, what_is_not_here_and_what_is_private_look_the_same) {
  const ipld::Cid hidden = add(write("secret", random_bytes(kMiB + 1, 3)), true);
  const ipld::Cid absent = ipld::Cid::v1(ipld::Codec::dag_pb, ipld::sha2_256(as_bytes("absent")));
  for (const char* query : {"", "format=raw", "format=json"}) {
    const auto one = get("/ipfs/" + hidden.to_string(), query);
    const auto two = get("/ipfs/" + absent.to_string(), query);
    EXPECT_EQ(one.status, 404) << query;
    EXPECT_EQ(two.status, 404) << query;
    EXPECT_EQ(body_of(one), "/ipfs/" + hidden.to_string() + " is not here.\n");
    EXPECT_EQ(body_of(two), "/ipfs/" + absent.to_string() + " is not here.\n");
    EXPECT_EQ(one.headers.size(), two.headers.size());
  }
}

TEST_F(GatewayTest, leaves_of_a_private_file_are_private) {
  const Bytes data = random_bytes(2 * kMiB, 4);
  add(write("secret", data), true);
  const auto leaf = ipld::Cid::v1(ipld::Codec::raw, ipld::sha2_256(ByteView(data).first(kMiB)));
  EXPECT_EQ(get("/ipfs/" + leaf.to_string(), "format=raw").status, 404);
}

TEST_F(GatewayTest, errors_never_show_where_the_store_lies) {
  const ipld::Cid absent = ipld::Cid::v1(ipld::Codec::raw, ipld::sha2_256(as_bytes("absent")));
  for (const char* query : {"", "format=raw"}) {
    const std::string text = body_of(get("/ipfs/" + absent.to_string(), query));
    EXPECT_EQ(text.find(folder_.string()), std::string::npos) << text;
  }
}

TEST_F(GatewayTest, a_name_that_a_folder_lacks_is_404) {
  write("d/a", as_bytes("x"));
  const std::string path = "/ipfs/" + add(folder_ / "in" / "d").to_string();
  EXPECT_EQ(get(path + "/b").status, 404);
  EXPECT_EQ(get(path + "/a/below-a-file").status, 404);
  EXPECT_EQ(get(path + "/%2e%2e/%2e%2e/etc/passwd").status, 400);
}

TEST_F(GatewayTest, reads_only) {
  net::HttpRequest request;
  request.path = "/ipfs/bafkqaaa";
  for (const char* method : {"POST", "PUT", "DELETE", "PATCH", "BREW"}) {
    request.method = method;
    const auto response = ask(request);
    EXPECT_EQ(response.status, 405) << method;
    EXPECT_EQ(response.headers.get("Allow"), "GET, HEAD, OPTIONS");
  }
  request.method = "OPTIONS";
  EXPECT_EQ(ask(request).status, 204);
}

TEST_F(GatewayTest, of_blocks_alone_serves_nothing_else_and_nothing_private) {
  GatewayOptions options;
  options.only_blocks = true;
  options.hosts.clear();
  options.dnslinks = {{"site.example", "/ipfs/bafkqaaa"}};
  options.routing.enabled = true;
  remake(std::move(options));
  const Bytes data = random_bytes(2 * kMiB, 8);
  const std::string path = "/ipfs/" + add(write("open", data)).to_string();
  const std::string hidden =
      "/ipfs/" + add(write("hidden", random_bytes(kMiB, 9)), true).to_string();
  EXPECT_EQ(get(path, "format=raw").status, 200);
  EXPECT_EQ(cids_of_car(body_of(get(path, "format=car"))).size(), 3U);
  net::Headers accepts;
  accepts.add("Accept", "application/vnd.ipld.raw");
  EXPECT_EQ(get(path, {}, accepts).status, 200);
  for (const char* query : {"format=raw", "format=car"}) EXPECT_EQ(get(hidden, query).status, 404);
  for (const char* query : {"", "format=tar", "format=json", "format=dag-json", "format=cbor",
                            "format=ipns-record", "filename=a"}) {
    EXPECT_EQ(get(path, query).status, 406) << query;
    EXPECT_EQ(get(hidden, query).status, 406) << query;
  }
  const std::string name = "k51qzi5uqu5dlvj2baxnqndepeb86cbk3ng7n3i46uzyxzyqj2xjonzllnv0v8";
  for (const std::string& other :
       {std::string("/"), "/ipns/" + name, std::string("/routing/v1/x"), std::string("/metrics"),
        std::string("/api/v0/id"), std::string("/ipns/site.example"), std::string("//ipfs/x")}) {
    EXPECT_EQ(get(other, "format=raw").status, 404) << other;
  }
  EXPECT_EQ(get_at("site.example", "/").status, 404);
  net::HttpRequest request;
  request.path = path;
  for (const char* method : {"POST", "PUT", "OPTIONS", "CONNECT", "DELETE"}) {
    request.method = method;
    EXPECT_EQ(ask(request).status, 405) << method;
  }
}

TEST_F(GatewayTest, refuses_service_workers) {
  const ipld::Cid root = add(write("sw.js", as_bytes("x")));
  EXPECT_EQ(get("/ipfs/" + root.to_string(), {}, {{"Service-Worker", "script"}}).status, 400);
}

TEST_F(GatewayTest, a_symbolic_link_shows_its_target) {
  std::filesystem::create_directories(folder_ / "in" / "d");
  std::filesystem::create_symlink("../elsewhere", folder_ / "in" / "d" / "link");
  const ipld::Cid root = add(folder_ / "in" / "d");
  const auto response = get("/ipfs/" + root.to_string() + "/link");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.headers.get("Content-Type"), "inode/symlink");
  EXPECT_EQ(body_of(response), "../elsewhere");
}

TEST_F(GatewayTest, counts_what_it_answers) {
  get("/ipfs/bafkqaaa", "format=raw");
  get("/nowhere");
  const std::string text = metrics_.prometheus_text();
  EXPECT_NE(text.find("accel_gateway_requests_total{status=\"2xx\"} 1"), std::string::npos) << text;
  EXPECT_NE(text.find("accel_gateway_requests_total{status=\"4xx\"} 1"), std::string::npos);
}

// Over sockets: the server, our client, and curl.
class GatewaySocketTest : public GatewayTest {
 protected:
  void SetUp() override {
    auto server = net::HttpServer::listen(io_.executor(), net::TcpEndpoint{}, gateway_->handler());
    ASSERT_TRUE(server.has_value()) << server.error().message;
    server_ = std::move(*server);
  }
  void TearDown() override { server_.reset(); }

  net::Url url(const std::string& path) const {
    return net::parse_url(net::base_url(server_->local()) + path).value();
  }

  std::unique_ptr<net::HttpServer> server_;
};

TEST_F(GatewaySocketTest, our_client_reads_blocks_into_its_buffer) {
  const Bytes data = random_bytes(kMiB, 5);
  const ipld::Cid root = add(write("f", data));
  net::HttpClient client(io_.executor());
  Bytes block(kMiB);
  net::HttpCall call;
  call.headers = {{"Accept", "application/vnd.ipld.raw"}};
  const auto reply = sync_wait(
      io_.executor(),
      client.get_into(url("/ipfs/" + root.to_string() + "?format=raw"), std::move(call), block));
  ASSERT_TRUE(reply.has_value()) << reply.error().message;
  EXPECT_EQ(reply->body_bytes, kMiB);
  EXPECT_TRUE(ipld::verify_block(root, block).has_value());
}

TEST_F(GatewaySocketTest, a_referenced_file_is_streamed_and_verified) {
  const Bytes data = random_bytes(3 * kMiB + 7, 6);
  const auto path = write("f", data);
  blockstore::AddOptions options;
  options.reference = true;
  const auto added = store_->add(path, options);
  ASSERT_TRUE(added.has_value()) << added.error().to_string();
  EXPECT_FALSE(is_sent_from_its_place(get("/ipfs/" + added->cid.to_string())));
  net::HttpClient client(io_.executor());
  Bytes all(data.size());
  const net::Url at = url("/ipfs/" + added->cid.to_string());
  const auto reply = sync_wait(io_.executor(), client.get_into(at, {}, all));
  ASSERT_TRUE(reply.has_value()) << reply.error().message;
  EXPECT_TRUE(all == data);
  net::HttpCall part;
  part.headers = {{"Range", "bytes=1048570-1048589"}};
  const auto ranged = sync_wait(io_.executor(), client.request(at, std::move(part)));
  ASSERT_TRUE(ranged.has_value()) << ranged.error().message;
  EXPECT_EQ(ranged->status, 206);
  EXPECT_EQ(ranged->body, as_text(ByteView(data).subspan(1048570, 20)));
}

TEST_F(GatewaySocketTest, a_referenced_file_that_changed_is_never_served) {
  const auto path = write("f", random_bytes(2 * kMiB, 7));
  blockstore::AddOptions options;
  options.reference = true;
  const auto added = store_->add(path, options);
  ASSERT_TRUE(added.has_value());
  ASSERT_TRUE(write_file_atomic(path, random_bytes(2 * kMiB, 8)).has_value());
  net::HttpClient client(io_.executor());
  const net::Url at = url("/ipfs/" + added->cid.to_string());
  const auto reply = sync_wait(io_.executor(), client.request(at, {}));
  EXPECT_TRUE(!reply || reply->status >= 400);
}

TEST_F(GatewaySocketTest, curl_saves_the_file) {
  const Bytes data = random_bytes(5 * kMiB + 3, 9);
  write("d/data.bin", data);
  const ipld::Cid root = add(folder_ / "in" / "d");
  const auto out = folder_ / "out";
  const std::string command = "curl -sS --max-time 20 -o " + out.string() + " '" +
                              url("/ipfs/" + root.to_string() + "/data.bin").to_string() + "'";
  const int status = std::system(command.c_str());
  if (WEXITSTATUS(status) == 127) GTEST_SKIP() << "There is no curl here.";
  ASSERT_EQ(status, 0);
  EXPECT_TRUE(read_file(out, 100 * kMiB).value() == data);
}

}  // namespace
}  // namespace accel::gateway
