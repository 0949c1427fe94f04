// SPDX-License-Identifier: Apache-2.0
#include "accel/routing/http_address.hpp"

#include <gtest/gtest.h>

namespace accel::routing {
namespace {

std::string url_of(std::string_view text) {
  const auto url = url_of_multiaddr(text);
  return url ? url->to_string() : "no";
}

TEST(HttpAddress, reads_what_leads_to_an_http_server) {
  EXPECT_EQ(url_of("/ip4/127.0.0.1/tcp/8080/http"), "http://127.0.0.1:8080/");
  EXPECT_EQ(url_of("/ip6/2001:db8::1/tcp/443/tls/http"), "https://[2001:db8::1]/");
  EXPECT_EQ(url_of("/dns4/Example.org/tcp/443/https"), "https://example.org/");
  EXPECT_EQ(url_of("/dns/example.org/tcp/8443/tls/sni/example.org/http"),
            "https://example.org:8443/");
  EXPECT_EQ(url_of("/dns6/example.org/https"), "https://example.org/");
  EXPECT_EQ(url_of("/dns4/a.b/tcp/80/http/http-path/gate%2Fway"), "http://a.b/gate/way");
  EXPECT_EQ(
      url_of("/dns4/a.b/tcp/80/http/p2p/12D3KooWLQzUv2FHWGVPXTXSZpdHs7oHbXub2G5WC8Tx4NQhyd2d"),
      "http://a.b/");
}

TEST(HttpAddress, refuses_what_leads_elsewhere_or_nowhere) {
  for (const char* text :
       {"", "/", "ip4/127.0.0.1/tcp/80/http", "/ip4/127.0.0.1/tcp/4001",
        "/ip4/127.0.0.1/udp/4001/quic-v1", "/ip4/1.2.3/tcp/80/http", "/ip4/1.2.3.4/tcp/99999/http",
        "/ip4/1.2.3.4/tcp/80/http/ws", "/ip6/::g/tcp/80/http", "/dns4//tcp/80/http",
        "/dns4/a b/tcp/80/http", "/dns4/a@b/tcp/80/http", "/dns4/a/tcp/443/tls/sni/b/http",
        "/dns4/a/tcp/443/tls/ws", "/unix/tmp/socket/http", "/dns4/a/tcp/80/http/http-path/%zz",
        "/dns4/a/tcp/80/http/p2p"}) {
    EXPECT_EQ(url_of(text), "no") << text;
  }
  EXPECT_EQ(url_of("/dns4/" + std::string(600, 'a') + "/tcp/80/http"), "no");
  std::string many = "/dns4/a/tcp/80/http";
  for (int i = 0; i < 100; ++i) many += "/p2p/x";
  EXPECT_EQ(url_of(many), "no");
}

TEST(HttpAddress, of_a_url_reads_back_to_the_same_url) {
  for (const char* text : {"http://127.0.0.1:8080/", "https://example.org/", "https://[::1]:8443/",
                           "https://example.org/gate/way"}) {
    const auto url = net::parse_url(text);
    ASSERT_TRUE(url) << text;
    const auto address = multiaddr_of_url(*url);
    ASSERT_TRUE(address) << text;
    EXPECT_EQ(url_of(*address), text) << *address;
  }
  EXPECT_EQ(multiaddr_of_url(net::parse_url("https://127.0.0.1:9").value()).value(),
            "/ip4/127.0.0.1/tcp/9/tls/http");
  EXPECT_FALSE(multiaddr_of_url(net::parse_url("unix:/run/x:/").value()));
  EXPECT_FALSE(multiaddr_of_url(net::parse_url("http://a/" + std::string(600, 'b')).value()));
}

TEST(HttpAddress, knows_how_far_a_host_reaches) {
  for (const char* host : {"localhost", "a.localhost", "127.0.0.1", "127.9.9.9", "0.0.0.0", "::1",
                           "::", "::ffff:127.0.0.1"}) {
    EXPECT_EQ(reach_of_host(host), Reach::machine) << host;
  }
  for (const char* host :
       {"10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.1.1", "100.64.0.1",
        "fd00::1", "fe80::1", "::ffff:10.0.0.1", "printer", "nas.local", "x.internal"}) {
    EXPECT_EQ(reach_of_host(host), Reach::site) << host;
  }
  for (const char* host : {"8.8.8.8", "172.32.0.1", "100.128.0.1", "2001:db8::1", "example.org"}) {
    EXPECT_EQ(reach_of_host(host), Reach::everyone) << host;
  }
}

TEST(HttpAddress, knows_how_far_any_multiaddr_reaches) {
  EXPECT_EQ(reach_of_multiaddr("/ip4/127.0.0.1/udp/4001/quic-v1"), Reach::machine);
  EXPECT_EQ(reach_of_multiaddr("/ip6/fe80::1/tcp/4001"), Reach::site);
  EXPECT_EQ(reach_of_multiaddr("/dns4/example.org/tcp/4001"), Reach::everyone);
  EXPECT_EQ(reach_of_multiaddr("nonsense"), Reach::machine);
}

TEST(HttpAddress, a_router_names_nothing_nearer_than_itself) {
  EXPECT_TRUE(may_name(Reach::machine, Reach::machine));
  EXPECT_TRUE(may_name(Reach::machine, Reach::everyone));
  EXPECT_TRUE(may_name(Reach::site, Reach::site));
  EXPECT_FALSE(may_name(Reach::site, Reach::machine));
  EXPECT_FALSE(may_name(Reach::everyone, Reach::site));
}

}  // namespace
}  // namespace accel::routing
