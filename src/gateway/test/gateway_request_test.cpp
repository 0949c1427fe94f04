// SPDX-License-Identifier: Apache-2.0
#include "gateway_request.hpp"

#include <gtest/gtest.h>

#include "host_router.hpp"

namespace accel::gateway {
namespace {

constexpr const char* kCid = "bafkreifzjut3te7nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e";

net::HttpRequest request_of(std::string path, std::string query = {}, std::string accept = {}) {
  net::HttpRequest request;
  request.method = "GET";
  request.path = std::move(path);
  request.query = std::move(query);
  if (!accept.empty()) request.headers.add("Accept", std::move(accept));
  return request;
}

std::string ipfs(const std::string& rest = {}) { return std::string("/ipfs/") + kCid + rest; }

// Routed as on a host that nobody named.
tl::expected<GatewayRequest, Refused> parse(const net::HttpRequest& request) {
  const std::vector<KnownHost> hosts;
  const HostRules rules{hosts, 8, [](const std::string&) { return false; }};
  Routed routed = route_request(request, rules);
  if (const auto* refused = std::get_if<Refused>(&routed)) return tl::unexpected(*refused);
  if (const auto* moved = std::get_if<Redirect>(&routed)) {
    return tl::unexpected(Refused{moved->status, moved->location});
  }
  return parse_gateway_request(request, std::get<Route>(std::move(routed)));
}

int status_of(const net::HttpRequest& request) {
  const auto parsed = parse(request);
  return parsed ? 200 : parsed.error().status;
}

TEST(GatewayRequest, reads_cid_path_and_options) {
  const auto parsed = parse(request_of(ipfs("/a%20b//c/"), "filename=x%20y.txt&download=true"));
  ASSERT_TRUE(parsed.has_value()) << parsed.error().sentence;
  EXPECT_EQ(parsed->root.to_string(), kCid);
  EXPECT_EQ(parsed->route.path, (std::vector<std::string>{"a b", "c"}));
  EXPECT_EQ(parsed->content_path, ipfs("/a%20b/c/"));
  EXPECT_EQ(parsed->filename, "x y.txt");
  EXPECT_TRUE(parsed->download);
  EXPECT_EQ(parsed->format, Format::automatic);
  EXPECT_TRUE(parsed->route.trailing_slash);
}

Format format_of(std::string query, std::string accept) {
  const auto parsed = parse(request_of(ipfs(), std::move(query), std::move(accept)));
  EXPECT_TRUE(parsed.has_value());
  return parsed ? parsed->format : Format::automatic;
}

TEST(GatewayRequest, query_wins_over_accept) {
  EXPECT_EQ(format_of("format=raw", ""), Format::raw);
  EXPECT_EQ(format_of("", "application/vnd.ipld.raw"), Format::raw);
  EXPECT_EQ(format_of("", "text/html, application/vnd.ipld.raw;q=0.5"), Format::automatic);
  EXPECT_EQ(format_of("", "text/html;q=0.5, application/vnd.ipld.raw"), Format::raw);
  EXPECT_EQ(format_of("", "application/vnd.ipld.raw;q=0"), Format::automatic);
  EXPECT_EQ(format_of("", "*/*"), Format::automatic);
  EXPECT_EQ(format_of("format=raw", "application/vnd.ipld.car"), Format::raw);
  EXPECT_EQ(format_of("format=json", ""), Format::json);
  EXPECT_EQ(format_of("", "application/json"), Format::json);
}

TEST(GatewayRequest, formats_that_are_not_served_are_said_to_be) {
  EXPECT_EQ(status_of(request_of(ipfs(), "format=zip")), 406);
  EXPECT_EQ(status_of(request_of(ipfs(), "format=%3Cscript%3E")), 406);
  EXPECT_EQ(status_of(request_of(ipfs(), "", "application/vnd.ipld.car;version=2")), 400);
  EXPECT_EQ(status_of(request_of(ipfs(), "format=car", "application/vnd.ipld.car;order=x")), 400);
}

CarParams car_of(std::string query, std::string accept = {}) {
  const auto parsed = parse(request_of(ipfs(), std::move(query), std::move(accept)));
  EXPECT_TRUE(parsed.has_value()) << parsed.error().sentence;
  return parsed ? parsed->car : CarParams{};
}

TEST(GatewayRequest, reads_what_a_car_is_to_hold) {
  using blockstore::DagScope;
  using blockstore::EntityBytes;
  EXPECT_EQ(car_of("format=car").scope, DagScope::all);
  EXPECT_EQ(car_of("format=car&dag-scope=block").scope, DagScope::block);
  EXPECT_EQ(car_of("format=car&entity-bytes=0:*").scope, DagScope::entity);
  EXPECT_EQ(car_of("format=car&entity-bytes=5:9").bytes, (EntityBytes{5, 9}));
  EXPECT_EQ(car_of("format=car&entity-bytes=-5:*").bytes, (EntityBytes{-5, {}}));
  EXPECT_EQ(car_of("format=car&entity-bytes=512:-256").bytes, (EntityBytes{512, -256}));
  for (const char* bad :
       {"5", "a:b", "*:5", "9:5", "-1:-5", "5:", ":", "1:2:3", "99999999999999999999:*"}) {
    EXPECT_EQ(status_of(request_of(ipfs(), std::string("format=car&entity-bytes=") + bad)), 400)
        << bad;
  }
  EXPECT_EQ(status_of(request_of(ipfs(), "format=car&dag-scope=half")), 400);
}

TEST(GatewayRequest, the_query_wins_over_the_parameters_of_accept) {
  const std::string accept = "application/vnd.ipld.car; version=1; order=dfs; dups=y";
  EXPECT_TRUE(car_of("", accept).duplicates);
  EXPECT_TRUE(car_of("format=car", accept).duplicates);
  EXPECT_FALSE(car_of("format=car&car-dups=n", accept).duplicates);
  EXPECT_FALSE(car_of("format=car").duplicates);
}

class BadPath : public testing::TestWithParam<std::pair<const char*, int>> {};

TEST_P(BadPath, is_refused) {
  EXPECT_EQ(status_of(request_of(GetParam().first)), GetParam().second) << GetParam().first;
}

INSTANTIATE_TEST_SUITE_P(GatewayRequest, BadPath,
                         testing::Values(std::pair{"/", 404}, std::pair{"/ipfs", 400},
                                         std::pair{"/ipfs/", 400}, std::pair{"/etc/passwd", 404},
                                         std::pair{"/ipfs/nonsense", 400},
                                         std::pair{"/ipfs/../etc/passwd", 400},
                                         std::pair{"/ipfs/bafkqaaa/%2e%2e/%2e%2e/etc/passwd", 400},
                                         std::pair{"/ipfs/bafkqaaa/..%2f..%2fetc%2fpasswd", 400},
                                         std::pair{"/ipfs/bafkqaaa/a%00b", 400},
                                         std::pair{"/ipfs/bafkqaaa/%zz", 400},
                                         std::pair{"/ipfs/bafkqaaa/1/2/3/4/5/6/7/8/9", 400},
                                         std::pair{"*", 404}, std::pair{"", 404}));

TEST(GatewayRequest, reads_cid_v0_and_other_bases) {
  EXPECT_EQ(status_of(request_of("/ipfs/QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn")), 200);
  EXPECT_EQ(status_of(request_of("/ipfs/bafkqaaa")), 200);
}

}  // namespace
}  // namespace accel::gateway
