// SPDX-License-Identifier: Apache-2.0
// Records put to and asked of routers over real sockets.
#include "accel/routing/ipns.hpp"

#include <gtest/gtest.h>

#include <mutex>

#include "accel/core/async/io.hpp"
#include "accel/core/async/sync_wait.hpp"
#include "accel/net/http_server.hpp"

namespace accel::routing {
namespace {

constexpr const char* kName = "k51qzi5uqu5dhrtr5ksiopzb05oknyb6b1lcrzra791ltq7s2p9ogfjqzir8o9";

class RoutingIpns : public testing::Test {
 protected:
  RoutingIpns() {
    auto server = net::HttpServer::listen(io_.executor(), net::TcpEndpoint{},
                                          [this](net::HttpRequest request, std::stop_token) {
                                            return respond(this, std::move(request));
                                          });
    EXPECT_TRUE(server) << server.error().message;
    server_ = std::move(*server);
  }
  ~RoutingIpns() override { server_->stop(); }

  static Task<net::HttpResponse> respond(RoutingIpns* self, net::HttpRequest request) {
    const std::scoped_lock lock(self->mutex_);
    self->seen_ = std::move(request);
    co_return self->answer_;
  }
  void answers(int status, std::string body, const std::string& type) {
    const std::scoped_lock lock(mutex_);
    answer_ = net::text_response(status, std::move(body));
    answer_.headers.set("Content-Type", type);
  }
  net::HttpRequest seen() const {
    const std::scoped_lock lock(mutex_);
    return seen_;
  }
  IpnsCall call() const {
    return {net::base_url(server_->local()), ipld::IpnsName::parse(kName).value()};
  }
  Status put(Bytes record) {
    return sync_wait(client_io_.executor(), put_ipns_record(client_, call(), std::move(record)));
  }
  Result<Bytes> get() { return sync_wait(client_io_.executor(), get_ipns_record(client_, call())); }

  mutable std::mutex mutex_;
  net::HttpResponse answer_;
  net::HttpRequest seen_;
  IoThread io_{1, "router"};
  IoThread client_io_{1, "client"};
  net::HttpClient client_{client_io_.executor()};
  std::unique_ptr<net::HttpServer> server_;
};

TEST_F(RoutingIpns, a_record_is_put_under_its_name) {
  answers(200, "", "text/plain");
  ASSERT_TRUE(put(to_bytes("signed")));
  EXPECT_EQ(seen().method, "PUT");
  EXPECT_EQ(seen().path, std::string("/routing/v1/ipns/") + kName);
  EXPECT_EQ(seen().headers.get_or("Content-Type", ""), "application/vnd.ipfs.ipns-record");
  EXPECT_EQ(seen().body, "signed");
}

TEST_F(RoutingIpns, a_router_that_keeps_none_is_told_from_one_that_fails) {
  answers(501, "no", "text/plain");
  EXPECT_EQ(put({}).error().code, Errc::unsupported);
  answers(500, "broken", "text/plain");
  EXPECT_NE(put({}).error().code, Errc::unsupported);
}

TEST_F(RoutingIpns, a_record_is_given_as_bytes) {
  answers(200, "signed", "application/vnd.ipfs.ipns-record");
  EXPECT_EQ(get().value(), to_bytes("signed"));
  EXPECT_EQ(seen().headers.get_or("Accept", ""), "application/vnd.ipfs.ipns-record");
}

TEST_F(RoutingIpns, what_is_no_record_is_none) {
  answers(404, "none", "text/plain");
  EXPECT_EQ(get().error().code, Errc::not_found);
  answers(200, "no record of it", "text/plain");
  EXPECT_EQ(get().error().code, Errc::not_found);
  answers(200, std::string(20'000, 'x'), "application/vnd.ipfs.ipns-record");
  EXPECT_FALSE(get());
  answers(503, "later", "text/plain");
  EXPECT_EQ(get().error().code, Errc::unavailable);
}

TEST_F(RoutingIpns, a_router_is_named_by_a_url) {
  IpnsCall bad = call();
  bad.router = "http://host/?query";
  const auto got = sync_wait(client_io_.executor(), get_ipns_record(client_, bad));
  EXPECT_EQ(got.error().code, Errc::invalid_argument);
}

}  // namespace
}  // namespace accel::routing
