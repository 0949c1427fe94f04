// SPDX-License-Identifier: Apache-2.0
// Delegated Routing V1 over a real store.
#include <nlohmann/json.hpp>

#include "accel/gateway/ipns_store.hpp"
#include "gateway_fixture.hpp"

namespace accel::gateway::test {
namespace {

using nlohmann::json;

constexpr const char* kPeer = "12D3KooWLQzUv2FHWGVPXTXSZpdHs7oHbXub2G5WC8Tx4NQhyd2d";
const std::filesystem::path kRecords = "test/data/gateway/ipns";
constexpr const char* kNear = "/ip4/127.0.0.1/tcp/8080/http";
constexpr const char* kFar = "/dns4/example.org/tcp/443/tls/http";
constexpr const char* kAbsent = "bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy";
const std::string kRecordType = "application/vnd.ipfs.ipns-record";

class Routing : public GatewayFixture {
 protected:
  Routing() { serve(); }

  void serve(std::function<Status(const ipld::IpnsName&, ByteView)> put = {}) {
    GatewayOptions options;
    options.routing.enabled = true;
    options.routing.providers = [] {
      return std::vector<routing::PeerRecord>{
          {kPeer, {kNear, kFar}, {std::string(routing::kGatewayProtocol)}}};
    };
    options.routing.put_record = std::move(put);
    remake(std::move(options));
  }

  net::HttpResponse ask_from(const std::string& remote, const std::string& path,
                             const std::string& query = {}, net::Headers headers = {}) {
    net::HttpRequest request;
    request.method = "GET";
    request.path = "/routing/v1/" + path;
    request.query = query;
    request.headers = std::move(headers);
    request.remote = remote;
    return ask(std::move(request));
  }

  std::vector<std::string> addresses(const net::HttpResponse& response, const char* list) {
    const json answer = json::parse(body_of(response));
    std::vector<std::string> all;
    for (const json& record : answer.at(list)) {
      for (const json& address : record.at("Addrs")) all.push_back(address);
    }
    return all;
  }

  net::HttpResponse put_record(const std::string& name, std::string body, std::string type) {
    net::HttpRequest request;
    request.method = "PUT";
    request.path = "/routing/v1/ipns/" + name;
    request.headers.add("Content-Type", std::move(type));
    request.body = std::move(body);
    request.remote = "127.0.0.1:1";
    return ask(std::move(request));
  }

  static constexpr const char* kLocal = "127.0.0.1:5000";
};

TEST_F(Routing, names_this_gateway_for_what_it_has) {
  const auto cid = add(write("a", random_bytes(100, 1)));
  const auto response = ask_from(kLocal, "providers/" + cid.to_string());
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.headers.get_or("Content-Type", ""), "application/json");
  EXPECT_EQ(response.headers.get_or("Vary", ""), "Accept");
  EXPECT_EQ(response.headers.get_or("Access-Control-Allow-Origin", ""), "*");
  EXPECT_TRUE(response.headers.get_or("Cache-Control", "").starts_with("public, max-age=300, "));
  EXPECT_TRUE(response.headers.has("Last-Modified"));
  const json answer = json::parse(body_of(response));
  EXPECT_EQ(answer.at("Providers").size(), 1U);
  EXPECT_EQ(answer["Providers"][0]["Schema"], "peer");
  EXPECT_EQ(answer["Providers"][0]["ID"], kPeer);
  EXPECT_EQ(answer["Providers"][0]["Protocols"][0], "transport-ipfs-gateway-http");
}

TEST_F(Routing, names_nobody_for_what_is_private_or_absent_and_tells_no_difference) {
  const auto secret = add(write("s", random_bytes(100, 2)), /*is_private=*/true);
  const auto hidden = ask_from(kLocal, "providers/" + secret.to_string());
  const auto absent = ask_from(kLocal, std::string("providers/") + kAbsent);
  EXPECT_EQ(body_of(hidden), "{\"Providers\":[]}");
  EXPECT_EQ(body_of(hidden), body_of(absent));
  EXPECT_EQ(hidden.status, 200);
  EXPECT_EQ(hidden.headers.get_or("Cache-Control", ""), absent.headers.get_or("Cache-Control", ""));
  EXPECT_TRUE(absent.headers.get_or("Cache-Control", "").starts_with("public, max-age=15, "));
}

TEST_F(Routing, streams_lines_only_to_those_who_ask_for_them) {
  const auto cid = add(write("a", random_bytes(100, 1))).to_string();
  const auto lines = ask_from(kLocal, "providers/" + cid, {},
                              {{"Accept", "application/x-ndjson, application/json;q=0.8"}});
  EXPECT_EQ(lines.headers.get_or("Content-Type", ""), "application/x-ndjson");
  EXPECT_TRUE(body_of(lines).starts_with("{\"Addrs\""));
  EXPECT_TRUE(body_of(lines).ends_with("}\n"));
  const auto any = ask_from(kLocal, "providers/" + cid, {}, {{"Accept", "*/*"}});
  EXPECT_EQ(any.headers.get_or("Content-Type", ""), "application/json");
}

TEST_F(Routing, gives_each_client_the_addresses_that_it_can_reach) {
  const auto path = "providers/" + add(write("a", random_bytes(100, 1))).to_string();
  EXPECT_EQ(addresses(ask_from(kLocal, path), "Providers").size(), 2U);
  EXPECT_EQ(addresses(ask_from("[::1]:9", path), "Providers").size(), 2U);
  const std::vector<std::string> far{kFar};
  EXPECT_EQ(addresses(ask_from("8.8.8.8:1", path), "Providers"), far);
  EXPECT_EQ(addresses(ask_from("192.168.1.1:1", path), "Providers"), far);
  EXPECT_EQ(addresses(ask_from(kLocal, path, {}, {{"X-Forwarded-For", "8.8.8.8"}}), "Providers"),
            far);
}

TEST_F(Routing, filters_as_it_is_asked) {
  const auto path = "providers/" + add(write("a", random_bytes(100, 1))).to_string();
  const std::vector<std::string> far{kFar};
  EXPECT_EQ(addresses(ask_from(kLocal, path, "filter-addrs=tls"), "Providers"), far);
  EXPECT_TRUE(
      addresses(ask_from(kLocal, path, "filter-protocols=transport-bitswap"), "Providers").empty());
  EXPECT_EQ(ask_from(kLocal, path, "filter-protocols=" + std::string(70, 'a')).status, 422);
}

TEST_F(Routing, knows_itself_as_a_peer) {
  const std::string spelled =
      "peers/" + ipld::IpnsName::parse(kPeer).value().to_string();  // k51…: the same peer.
  EXPECT_EQ(addresses(ask_from(kLocal, spelled), "Peers").size(), 2U);
  const auto other = ask_from(kLocal, "peers/QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N");
  EXPECT_EQ(body_of(other), "{\"Peers\":[]}");
}

TEST_F(Routing, refuses_what_is_no_question) {
  EXPECT_EQ(ask_from(kLocal, "providers/nonsense").status, 422);
  EXPECT_EQ(ask_from(kLocal, "peers/nonsense").status, 422);
  EXPECT_EQ(ask_from(kLocal, "ipns/nonsense", {}, {{"Accept", kRecordType}}).status, 400);
  EXPECT_EQ(ask_from(kLocal, "elsewhere").status, 400);
  EXPECT_EQ(ask_from(kLocal, "").status, 400);
  EXPECT_EQ(ask_from(kLocal, "providers/" + std::string(kAbsent) + "/more").status, 400);
  EXPECT_EQ(ask_from(kLocal, "dht/closest/peers/" + std::string(kPeer)).status, 501);
  net::HttpRequest request;
  request.method = "PUT";
  request.path = "/routing/v1/providers/" + std::string(kAbsent);
  EXPECT_EQ(ask(request).status, 501);
  request.method = "POST";
  request.path = "/ipfs/" + std::string(kAbsent);
  EXPECT_EQ(ask(request).status, 405);
}

TEST_F(Routing, is_no_path_of_a_site_nor_of_a_gateway_that_does_not_route) {
  const auto cid = add(write("a", random_bytes(100, 1))).to_string();
  EXPECT_EQ(get_at(cid + ".ipfs.localhost", "/routing/v1/providers/" + cid).status, 404);
  EXPECT_EQ(get_at("localhost:8080", "/routing/v1/providers/" + cid).status, 200);
  remake();
  EXPECT_EQ(ask_from(kLocal, "providers/" + cid).status, 404);
}

TEST_F(Routing, says_that_there_is_no_record_without_404) {
  const std::string path = "ipns/" + ipld::IpnsName::parse(kPeer).value().to_string();
  const auto none = ask_from(kLocal, path, {}, {{"Accept", kRecordType}});
  EXPECT_EQ(none.status, 200);
  EXPECT_TRUE(none.headers.get_or("Content-Type", "").starts_with("text/plain"));
  EXPECT_EQ(ask_from(kLocal, path).status, 406);
  EXPECT_EQ(ask_from(kLocal, path, {}, {{"Accept", "text/html"}}).status, 406);
}

TEST_F(Routing, gives_a_record_as_it_was_kept_and_once) {
  const std::string text = "k51qzi5uqu5dlxdsdu5fpuu7h69wu4ohp32iwm9pdt9nq3y5rpn3ln9j12zfhe";
  const auto bytes = read_file(kRecords / (text + ".ipns-record"), 1U << 16U).value();
  const auto name = ipld::IpnsName::parse(text).value();
  ASSERT_TRUE(put_ipns_record(*store_, name, bytes, system_clock().wall_now()));
  const auto record = ask_from(kLocal, "ipns/" + text, {}, {{"Accept", kRecordType}});
  EXPECT_EQ(record.headers.get_or("Content-Type", ""), kRecordType);
  EXPECT_EQ(body_of(record), as_text(bytes));
  EXPECT_TRUE(record.headers.has("Expires"));
  const std::string etag(record.headers.get_or("Etag", ""));
  const auto again =
      ask_from(kLocal, "ipns/" + text, {}, {{"Accept", kRecordType}, {"If-None-Match", etag}});
  EXPECT_EQ(again.status, 304);
}

TEST_F(Routing, takes_records_only_where_it_may_and_as_what_they_are) {
  EXPECT_EQ(put_record(kPeer, "x", kRecordType).status, 501);
  std::string kept;
  serve([&](const ipld::IpnsName& name, ByteView record) -> Status {
    if (as_text(record) == "bad") return fail(Errc::corrupt, "It is not signed.");
    if (as_text(record) == "full") return fail(Errc::resource_exhausted, "No room.");
    kept = name.to_string() + " " + std::string(as_text(record));
    return {};
  });
  EXPECT_EQ(put_record(kPeer, "x", "text/plain").status, 406);
  EXPECT_EQ(put_record("nonsense", "x", kRecordType).status, 400);
  EXPECT_EQ(put_record(kPeer, "bad", kRecordType).status, 400);
  EXPECT_EQ(put_record(kPeer, "full", kRecordType).status, 429);
  EXPECT_EQ(put_record(kPeer, "x", kRecordType).status, 200);
  EXPECT_EQ(kept, ipld::IpnsName::parse(kPeer).value().to_string() + " x");
}

}  // namespace
}  // namespace accel::gateway::test
