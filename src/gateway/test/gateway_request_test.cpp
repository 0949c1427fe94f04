// SPDX-License-Identifier: Apache-2.0
#include "gateway_request.hpp"

#include <gtest/gtest.h>

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

int status_of(const net::HttpRequest& request) {
  const auto parsed = parse_gateway_request(request, 8);
  return parsed ? 200 : parsed.error().status;
}

TEST(GatewayRequest, reads_cid_path_and_options) {
  const auto parsed =
      parse_gateway_request(request_of(ipfs("/a%20b//c/"), "filename=x%20y.txt&download=true"), 8);
  ASSERT_TRUE(parsed.has_value()) << parsed.error().sentence;
  EXPECT_EQ(parsed->root.to_string(), kCid);
  EXPECT_EQ(parsed->path, (std::vector<std::string>{"a b", "c"}));
  EXPECT_EQ(parsed->content_path, ipfs("/a%20b/c"));
  EXPECT_EQ(parsed->filename, "x y.txt");
  EXPECT_TRUE(parsed->download);
  EXPECT_EQ(parsed->format, Format::file);
}

Format format_of(std::string query, std::string accept) {
  const auto parsed =
      parse_gateway_request(request_of(ipfs(), std::move(query), std::move(accept)), 8);
  EXPECT_TRUE(parsed.has_value());
  return parsed ? parsed->format : Format::file;
}

TEST(GatewayRequest, query_wins_over_accept) {
  EXPECT_EQ(format_of("format=raw", ""), Format::raw);
  EXPECT_EQ(format_of("", "application/vnd.ipld.raw"), Format::raw);
  EXPECT_EQ(format_of("", "text/html, application/vnd.ipld.raw;q=0.5"), Format::raw);
  EXPECT_EQ(format_of("", "application/vnd.ipld.raw;q=0"), Format::file);
  EXPECT_EQ(format_of("", "*/*"), Format::file);
  EXPECT_EQ(format_of("format=raw", "application/vnd.ipld.car"), Format::raw);
  EXPECT_EQ(format_of("format=json", ""), Format::json);
  EXPECT_EQ(format_of("", "application/json"), Format::json);
}

TEST(GatewayRequest, formats_that_are_not_served_are_said_to_be) {
  EXPECT_EQ(status_of(request_of(ipfs(), "format=car")), 406);
  EXPECT_EQ(status_of(request_of(ipfs(), "format=%3Cscript%3E")), 406);
  EXPECT_EQ(status_of(request_of(ipfs(), "", "application/vnd.ipld.car;version=1")), 406);
  EXPECT_EQ(status_of(request_of("/ipns/example.org")), 501);
}

class BadPath : public testing::TestWithParam<std::pair<const char*, int>> {};

TEST_P(BadPath, is_refused) {
  EXPECT_EQ(status_of(request_of(GetParam().first)), GetParam().second) << GetParam().first;
}

INSTANTIATE_TEST_SUITE_P(
    GatewayRequest, BadPath,
    testing::Values(std::pair{"/", 404}, std::pair{"/ipfs", 400}, std::pair{"/ipfs/", 400},
                    std::pair{"/etc/passwd", 404}, std::pair{"/ipfs/nonsense", 400},
                    std::pair{"/ipfs/../etc/passwd", 400},
                    std::pair{"/ipfs/bafkqaaa/%2e%2e/%2e%2e/etc/passwd", 400},
                    std::pair{"/ipfs/bafkqaaa/..%2f..%2fetc%2fpasswd", 400},
                    std::pair{"/ipfs/bafkqaaa/a%00b", 400}, std::pair{"/ipfs/bafkqaaa/%zz", 400},
                    std::pair{"/ipfs/bafkqaaa/1/2/3/4/5/6/7/8/9", 400}, std::pair{"*", 404}));

TEST(GatewayRequest, reads_cid_v0_and_other_bases) {
  EXPECT_EQ(status_of(request_of("/ipfs/QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn")), 200);
  EXPECT_EQ(status_of(request_of("/ipfs/bafkqaaa")), 200);
}

}  // namespace
}  // namespace accel::gateway
