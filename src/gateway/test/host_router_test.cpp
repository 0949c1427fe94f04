// SPDX-License-Identifier: Apache-2.0
#include "host_router.hpp"

#include <gtest/gtest.h>

#include "accel/ipld/ipns_name.hpp"
#include "dns_label.hpp"

namespace accel::gateway {
namespace {

constexpr const char* kV0 = "QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn";
constexpr const char* kV1 = "bafybeiczsscdsbs7ffqz55asqdf3smv6klcw3gofszvwlyarci47bgf354";
constexpr const char* kPeer = "12D3KooWRBy97UB99e3J6hiPesre1MZeuNQvfan4gBziswrRJsNK";
constexpr const char* kName = "k51qzi5uqu5dlvj2baxnqndepeb86cbk3ng7n3i46uzyxzyqj2xjonzllnv0v8";
// A hash of 64 bytes: in no base does it fit into a label.
const std::string kLong =
    ipld::Cid::v1(ipld::Codec::raw,
                  ipld::Multihash::wrap(ipld::HashCode::sha2_512, Bytes(64, 7)).value())
        .to_string();

struct Asked {
  std::string host;
  std::string path = "/";
  std::string query = {};
  net::Headers headers = {};
  std::string remote = "127.0.0.1:50000";
};

Routed route(Asked asked) {
  net::HttpRequest request;
  request.path = std::move(asked.path);
  request.query = std::move(asked.query);
  request.headers = std::move(asked.headers);
  request.headers.add("Host", std::move(asked.host));
  request.remote = std::move(asked.remote);
  const std::vector<KnownHost> hosts{{"localhost", true}, {"plain.example", false}};
  const HostRules rules{hosts, 8,
                        [](const std::string& domain) { return domain == "site.example.org"; }};
  return route_request(request, rules);
}

std::string location(Asked asked) {
  const Routed routed = route(std::move(asked));
  const auto* redirect = std::get_if<Redirect>(&routed);
  return redirect == nullptr ? "no redirect" : redirect->location;
}

Route route_of(Asked asked) {
  Routed routed = route(std::move(asked));
  EXPECT_TRUE(std::holds_alternative<Route>(routed));
  return std::holds_alternative<Route>(routed) ? std::get<Route>(std::move(routed)) : Route{};
}

Refused refusal(Asked asked) {
  const Routed routed = route(std::move(asked));
  const auto* refused = std::get_if<Refused>(&routed);
  return refused == nullptr ? Refused{0, "not refused"} : *refused;
}

std::string ipfs(const std::string& rest = "/") { return std::string("/ipfs/") + kV1 + rest; }

TEST(HostRouter, a_path_on_a_host_with_subdomains_is_sent_to_its_own_origin) {
  const std::string there = std::string("http://") + kV1 + ".ipfs.localhost:8080";
  EXPECT_EQ(location({"localhost:8080", ipfs()}), there + "/");
  EXPECT_EQ(location({"localhost:8080", ipfs("")}), there + "/");
  EXPECT_EQ(location({"LOCALHOST:8080", std::string("/ipfs/") + kV0 + "/a%20b/"}),
            std::string("http://") + kV1 + ".ipfs.LOCALHOST:8080/a%20b/");
}

TEST(HostRouter, the_rest_of_the_path_and_the_query_go_along) {
  EXPECT_EQ(location({"localhost", ipfs("/Portugal%252C+Espa%C3%B1a=x.txt"), "a=b"}),
            std::string("http://") + kV1 + ".ipfs.localhost/Portugal%252C+Espa%C3%B1a=x.txt?a=b");
}

TEST(HostRouter, a_reverse_proxy_may_name_host_and_scheme) {
  const std::string there = std::string("https://") + kV1 + ".ipfs.localhost/";
  EXPECT_EQ(location({"inner.example",
                      ipfs(),
                      {},
                      {{"X-Forwarded-Host", "localhost"}, {"X-Forwarded-Proto", "https"}}}),
            there);
  EXPECT_EQ(location({"localhost", ipfs(), {}, {{"X-Forwarded-Proto", "javascript"}}}),
            std::string("http://") + kV1 + ".ipfs.localhost/");
}

TEST(HostRouter, a_stranger_may_not_name_host_and_scheme) {
  const net::Headers forwarded{{"X-Forwarded-Host", "localhost"}, {"X-Forwarded-Proto", "https"}};
  EXPECT_EQ(location({"inner.example", ipfs(), {}, forwarded, "192.0.2.7:4711"}), "no redirect");
  EXPECT_EQ(location({"localhost", ipfs(), {}, forwarded, "192.0.2.7:4711"}),
            std::string("http://") + kV1 + ".ipfs.localhost/");
}

TEST(HostRouter, nobody_is_sent_to_a_host_that_is_not_known) {
  for (const char* host : {"evil.example", "localhost.evil.example", "evil\r\nX: 1", "a b"}) {
    const Route found = route_of({"127.0.0.1", ipfs(), {}, {{"X-Forwarded-Host", host}}});
    EXPECT_EQ(found.mount, Mount::path) << host;
  }
}

TEST(HostRouter, what_verifies_itself_needs_no_origin) {
  EXPECT_EQ(route_of({"localhost", ipfs(), "format=raw"}).mount, Mount::path);
  EXPECT_EQ(route_of({"localhost", ipfs(), "", {{"Accept", "application/vnd.ipld.car"}}}).mount,
            Mount::path);
}

TEST(HostRouter, a_subdomain_is_the_root_and_the_whole_path_lies_below) {
  const Route found = route_of({std::string(kV1) + ".ipfs.localhost:80", "/ipfs/x"});
  EXPECT_EQ(found.mount, Mount::subdomain);
  EXPECT_EQ(found.root, kV1);
  EXPECT_EQ(found.path, (std::vector<std::string>{"ipfs", "x"}));
  EXPECT_EQ(found.host, "localhost:80");
}

TEST(HostRouter, a_subdomain_in_another_spelling_moves_to_the_canonical_one) {
  EXPECT_EQ(location({ipld::to_base36(*ipld::Cid::parse(kV1)) + ".ipfs.localhost", "/a/"}),
            std::string("http://") + kV1 + ".ipfs.localhost/a/");
  const std::string dag_pb =
      ipld::to_base36(ipld::Cid::v1(ipld::Codec::dag_pb, ipld::IpnsName::parse(kPeer)->hash()));
  EXPECT_EQ(location({dag_pb + ".ipns.localhost"}),
            std::string("http://") + kName + ".ipns.localhost/");
}

TEST(HostRouter, labels_that_dns_cannot_carry_are_refused_with_the_reason) {
  for (const Asked& asked :
       {Asked{"localhost", "/ipfs/" + kLong}, Asked{kLong + ".ipfs.localhost"}}) {
    const Refused refused = refusal(asked);
    EXPECT_EQ(refused.status, 400);
    EXPECT_NE(refused.sentence.find("DNS label length limit of 63"), std::string::npos)
        << refused.sentence;
  }
}

TEST(HostRouter, names_take_their_canonical_form) {
  EXPECT_EQ(location({"127.0.0.1", std::string("/ipns/") + kPeer + "/a/"}),
            std::string("/ipns/") + kName + "/a/");
  EXPECT_EQ(location({"localhost", std::string("/ipns/") + kPeer}),
            std::string("http://") + kName + ".ipns.localhost/");
  EXPECT_EQ(location({"localhost", "/ipns/en.wiki-site.org/x/"}),
            "http://en-wiki--site-org.ipns.localhost/x/");
  EXPECT_EQ(route_of({"en-wiki--site-org.ipns.localhost"}).root, "en.wiki-site.org");
  EXPECT_EQ(route_of({"en.wiki-site.org.ipns.localhost"}).root, "en.wiki-site.org");
}

TEST(HostRouter, a_domain_with_a_dnslink_is_a_site) {
  const Route site = route_of({"Site.example.org:8080", "/ipfs/a"});
  EXPECT_EQ(site.mount, Mount::dnslink);
  EXPECT_EQ(site.space, Namespace::ipns);
  EXPECT_EQ(site.root, "site.example.org");
  EXPECT_EQ(site.path, (std::vector<std::string>{"ipfs", "a"}));
  EXPECT_EQ(route_of({"other.example.org", ipfs()}).mount, Mount::path);
  EXPECT_EQ(route_of({"plain.example", ipfs()}).mount, Mount::path);
  EXPECT_EQ(route_of({"127.0.0.1:8080", ipfs()}).mount, Mount::path);
  EXPECT_EQ(route_of({"[::1]:8080", ipfs()}).mount, Mount::path);
}

TEST(HostRouter, handlers_of_the_ipfs_scheme_are_led_to_a_path) {
  EXPECT_EQ(location({"127.0.0.1", "/ipfs/", std::string("uri=ipfs%3A%2F%2F") + kV1 + "%2Fa%20b"}),
            std::string("/ipfs/") + kV1 + "/a%20b");
  EXPECT_EQ(refusal({"127.0.0.1", "/ipfs/", "uri=https%3A%2F%2Fevil.example"}).status, 400);
  EXPECT_EQ(refusal({"127.0.0.1", "/ipfs/", "uri=ipfs%3A%2F%2F.."}).status, 400);
}

TEST(HostRouter, an_invalid_cid_is_said_before_any_redirect) {
  const Refused refused = refusal({"localhost", "/ipfs/QmInvalidCID"});
  EXPECT_EQ(refused.status, 400);
  EXPECT_TRUE(refused.sentence.starts_with("invalid path \"/ipfs/QmInvalidCID\""));
  EXPECT_EQ(refusal({"nonsense.ipfs.localhost"}).status, 400);
}

// "134744072#" would be a host of its own to a browser: 8.8.8.8.
TEST(HostRouter, a_name_that_ends_a_urls_host_is_redirected_nowhere) {
  for (const char* name : {"134744072#.x", "[::1]#.x", "evil@a.x", "a:80.x", "evil\\.x", "a?.x"}) {
    EXPECT_EQ(refusal({"localhost", std::string("/ipns/") + name + "/"}).status, 400) << name;
  }
  EXPECT_EQ(location({"localhost", "/ipns/en.wiki_pedia-x.org/"}),
            "http://en-wiki_pedia--x-org.ipns.localhost/");
}

TEST(DnsLabel, inlining_a_domain_can_be_undone) {
  for (const char* domain : {"a.b", "a-b.c", "a--b.c", "en.wikipedia-on-ipfs.org", "x-.y"}) {
    EXPECT_EQ(uninline_domain(inline_domain(domain)), domain) << domain;
  }
  EXPECT_EQ(inline_domain("en.wikipedia-on-ipfs.org"), "en-wikipedia--on--ipfs-org");
}

}  // namespace
}  // namespace accel::gateway
