// SPDX-License-Identifier: Apache-2.0
// Questions over real sockets to routers that answer well, badly or not at all.
#include "accel/routing/client.hpp"

#include <gtest/gtest.h>

#include <mutex>

#include "accel/core/async/io.hpp"
#include "accel/core/async/sync_wait.hpp"
#include "accel/net/http_server.hpp"

namespace accel::routing {
namespace {

using namespace std::chrono_literals;

constexpr const char* kPeer = "12D3KooWLQzUv2FHWGVPXTXSZpdHs7oHbXub2G5WC8Tx4NQhyd2d";
const ipld::Cid kCid = ipld::Cid::parse("QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn").value();

PeerRecord gateway(std::vector<std::string> addresses) {
  return {kPeer, std::move(addresses), {std::string(kGatewayProtocol)}};
}

class TestRouter {
 public:
  explicit TestRouter(std::function<net::HttpResponse(const net::HttpRequest&)> answer)
      : answer_(std::move(answer)) {
    auto server = net::HttpServer::listen(io_.executor(), net::TcpEndpoint{},
                                          [this](net::HttpRequest request, std::stop_token) {
                                            return respond(this, std::move(request));
                                          });
    EXPECT_TRUE(server) << server.error().message;
    server_ = std::move(*server);
  }
  ~TestRouter() { server_->stop(); }

  std::string url() const { return net::base_url(server_->local()); }
  std::string target() const {
    const std::scoped_lock lock(mutex_);
    return target_;
  }

 private:
  static Task<net::HttpResponse> respond(TestRouter* self, net::HttpRequest request) {
    const std::scoped_lock lock(self->mutex_);
    self->target_ = request.target;
    co_return self->answer_(request);
  }

  std::function<net::HttpResponse(const net::HttpRequest&)> answer_;
  mutable std::mutex mutex_;
  std::string target_;
  IoThread io_{1, "router"};
  std::unique_ptr<net::HttpServer> server_;
};

net::HttpResponse lines(const std::vector<PeerRecord>& records) {
  net::HttpResponse response = net::text_response(200, write_lines(records));
  response.headers.set("Content-Type", std::string(kLinesType));
  return response;
}

class RoutingClient : public testing::Test {
 protected:
  Result<FindReport> find(std::vector<std::string> routers, FindOptions options = {}) {
    return sync_wait(io_.executor(),
                     find_providers(client_, std::move(routers), kCid, std::move(options)));
  }

  IoThread io_{1, "client"};
  net::HttpClient client_{io_.executor()};
};

TEST_F(RoutingClient, reads_both_forms_of_an_answer_and_asks_for_version_1) {
  TestRouter one([](const auto&) { return lines({gateway({"/ip4/1.2.3.4/tcp/80/http"})}); });
  TestRouter two([](const auto&) {
    return net::json_response(200, write_json(RecordList::providers, {gateway({"/dns4/a/https"})}));
  });
  const auto report = find({one.url(), two.url() + "/behind/"});
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->providers.size(), 2U);
  EXPECT_TRUE(report->troubles.empty());
  const std::string cid = kCid.as_v1().to_string();
  EXPECT_EQ(one.target(), "/routing/v1/providers/" + cid);
  EXPECT_EQ(two.target(), "/behind/routing/v1/providers/" + cid);
}

TEST_F(RoutingClient, takes_404_as_nobody_and_tells_other_troubles) {
  TestRouter none([](const auto&) { return net::text_response(404, "not found"); });
  TestRouter broken([](const auto&) { return net::text_response(500, "broken"); });
  TestRouter liar([](const auto&) { return net::json_response(200, "[[["); });
  const auto report =
      find({none.url(), broken.url(), liar.url(), "http://127.0.0.1:9"}, {.timeout = 5s});
  ASSERT_TRUE(report);
  EXPECT_TRUE(report->providers.empty());
  EXPECT_EQ(report->troubles.size(), 3U);
}

TEST_F(RoutingClient, filters_what_the_router_does_not) {
  TestRouter router([](const auto&) {
    return lines({{kPeer, {}, {"transport-bitswap"}}, gateway({"/dns4/a.b/https"})});
  });
  const auto report = find({router.url()}, {.protocols = {std::string(kGatewayProtocol)}});
  ASSERT_TRUE(report);
  ASSERT_EQ(report->providers.size(), 1U);
  EXPECT_EQ(report->providers.front().peer.addresses.front(), "/dns4/a.b/https");
  EXPECT_NE(router.target().find("filter-protocols=transport-ipfs-gateway-http"),
            std::string::npos);
}

TEST_F(RoutingClient, has_enough_at_some_point) {
  TestRouter router([](const auto&) {
    return lines(std::vector<PeerRecord>(5000, gateway({"/dns4/a.b/https"})));
  });
  const auto report = find({router.url()}, {.limits = {.max_records = 10}});
  ASSERT_TRUE(report);
  EXPECT_EQ(report->providers.size(), 10U);
  EXPECT_TRUE(report->troubles.empty());
  const auto flooded = find({router.url()}, {.limits = {.max_bytes = 1000}});
  ASSERT_TRUE(flooded);
  EXPECT_EQ(flooded->troubles.size(), 1U);
}

TEST_F(RoutingClient, refuses_routers_that_are_no_urls_and_too_many) {
  EXPECT_EQ(find({"nonsense"}).error().code, Errc::invalid_argument);
  EXPECT_EQ(find({"http://a/?x=1"}).error().code, Errc::invalid_argument);
  EXPECT_EQ(find(std::vector<std::string>(17, "http://127.0.0.1:9")).error().code,
            Errc::invalid_argument);
}

std::vector<std::string> urls_of(const std::string& router, std::vector<PeerRecord> records) {
  FindReport report;
  for (PeerRecord& record : records) report.providers.push_back({std::move(record), router});
  std::vector<std::string> urls;
  for (const FoundGateway& gateway : gateways_of(report)) urls.push_back(gateway.url);
  return urls;
}

TEST(FoundGateways, are_one_address_of_each_provider_https_first) {
  EXPECT_EQ(urls_of("https://router.example",
                    {gateway({"/dns4/a.b/tcp/80/http", "/dns4/a.b/tcp/443/https"}),
                     gateway({"/dns4/a.b/https"}),
                     gateway({"/ip4/8.8.8.8/tcp/8080/http"}),
                     {kPeer, {"/dns4/c.d/https"}, {"transport-bitswap"}},
                     gateway({"/ip4/8.8.8.8/udp/4001/quic-v1"})}),
            (std::vector<std::string>{"https://a.b", "http://8.8.8.8:8080"}));
  std::vector<PeerRecord> many;
  for (int i = 0; i < 50; ++i) many.push_back(gateway({fmt::format("/dns4/h{}.org/https", i)}));
  EXPECT_EQ(urls_of("https://router.example", many).size(), kMaxGateways);
}

TEST(FoundGateways, are_never_nearer_than_the_router_that_names_them) {
  const std::vector<PeerRecord> near{gateway({"/ip4/127.0.0.1/tcp/80/http"}),
                                     gateway({"/dns4/localhost/tcp/80/http"}),
                                     gateway({"/ip4/192.168.1.1/tcp/80/http"})};
  EXPECT_TRUE(urls_of("https://router.example", near).empty());
  EXPECT_EQ(urls_of("http://192.168.1.2", near).size(), 1U);
  EXPECT_EQ(urls_of("http://127.0.0.1:8080", near).size(), 3U);
  FindReport report{{{near[0], "http://127.0.0.1:8080"}}, {}};
  EXPECT_FALSE(gateways_of(report).at(0).network_only);
  report.providers = {{gateway({"/dns4/a.b/https"}), "https://router.example"}};
  EXPECT_TRUE(gateways_of(report).at(0).network_only);
}

}  // namespace
}  // namespace accel::routing
