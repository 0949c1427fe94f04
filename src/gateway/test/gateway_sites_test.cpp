// SPDX-License-Identifier: Apache-2.0
// Hosts that stand for content, names and their records, over the fixtures of the official suite.
#include <gtest/gtest.h>

#include "accel/gateway/ipns_store.hpp"
#include "accel/gateway/name_resolver.hpp"
#include "accel/net/http_client.hpp"
#include "accel/net/http_server.hpp"
#include "gateway_fixture.hpp"

namespace accel::gateway {
namespace {

const std::filesystem::path kData = "test/data/gateway";
constexpr const char* kEd25519 = "12D3KooWLQzUv2FHWGVPXTXSZpdHs7oHbXub2G5WC8Tx4NQhyd2d";
constexpr const char* kEd25519Name =
    "k51qzi5uqu5dk3v4rmjber23h16xnr23bsggmqqil9z2gduiis5se8dht36dam";
constexpr const char* kRsa = "QmVujd5Vb7moysJj8itnGufN7MEtPRCNHkKpNuA4onsRa3";

class GatewaySites : public test::GatewayFixture {
 protected:
  void SetUp() override {
    const auto car = read_file(kData / "content.car", 10 * test::kMiB);
    ASSERT_TRUE(car.has_value()) << car.error().message;
    ipld::CarReader reader;
    reader.feed(*car);
    reader.finish();
    std::vector<std::pair<ipld::Cid, Bytes>> blocks;
    for (;;) {
      const auto block = reader.next();
      ASSERT_TRUE(block.has_value()) << block.error().message;
      if (!*block) break;
      if (!(*block)->cid.is_identity())
        blocks.emplace_back((*block)->cid, to_bytes((*block)->data));
    }
    const blockstore::Store::BlockList all(blocks.begin(), blocks.end());
    ASSERT_TRUE(store_->put_all(all).has_value());
    const auto links = read_text_file(kData / "dnslinks.txt", 1U << 16U);
    ASSERT_TRUE(links.has_value());
    std::vector<std::string> items;
    std::stringstream list(*links);
    for (std::string item; std::getline(list, item, ',');) items.push_back(item);
    GatewayOptions options;
    options.dnslinks = *parse_dnslinks(items);
    remake(std::move(options));
  }

  Status put_record(const std::string& name, const std::string& suffix = {}) {
    const auto bytes = read_file(kData / "ipns" / (name + suffix + ".ipns-record"), 1U << 16U);
    if (!bytes) return fail(Error(bytes.error()));
    const auto now = system_clock().wall_now();
    auto put = put_ipns_record(*store_, *ipld::IpnsName::parse(name), *bytes, now);
    return put ? Status{} : fail(Error(put.error()));
  }
};

TEST_F(GatewaySites, names_lead_to_content_by_key_of_every_kind) {
  for (const char* name : {kEd25519, kRsa}) {
    ASSERT_TRUE(put_record(name).has_value()) << name;
    const std::string canonical = ipld::IpnsName::parse(name)->to_string();
    const auto response = get("/ipns/" + canonical);
    EXPECT_EQ(response.status, 200) << body_of(response);
    EXPECT_EQ(body_of(response), "hello\n");
    EXPECT_EQ(response.headers.get("X-Ipfs-Path"), "/ipns/" + canonical);
    EXPECT_EQ(response.headers.get("Ipfs-Uri"), "ipns://" + canonical);
    const auto record = get("/ipns/" + canonical, "format=ipns-record");
    EXPECT_EQ(record.headers.get("Content-Type"), "application/vnd.ipfs.ipns-record");
    EXPECT_TRUE(ipld::read_ipns_record(*ipld::IpnsName::parse(name), as_bytes(body_of(record)))
                    .has_value());
  }
}

TEST_F(GatewaySites, records_that_prove_nothing_are_refused_and_their_names_lead_nowhere) {
  for (const auto& [name, suffix] : std::map<std::string, std::string>{
           {"k51qzi5uqu5dm4tm0wt8srkg9h9suud4wuiwjimndrkydqm81cqtlb5ak6p7ku", "_v1"},
           {"k51qzi5uqu5dlmit2tuwdvnx4sbnyqgmvbxftl0eo3f33wwtb9gr7yozae9kpw",
            "_v1-v2-broken-v1-value"},
           {"k51qzi5uqu5diamp7qnnvs1p1gzmku3eijkeijs3418j23j077zrkok63xdm8c",
            "_v1-v2-broken-signature-v2"}}) {
    const Status put = put_record(name, suffix);
    ASSERT_FALSE(put.has_value()) << name;
    EXPECT_EQ(put.error().code, Errc::corrupt) << put.error().message;
    EXPECT_EQ(get("/ipns/" + name).status, 502);
  }
  EXPECT_TRUE(put_record("k51qzi5uqu5dilgf7gorsh9vcqqq4myo6jd4zmqkuy9pxyxi5fua3uf7axph4y",
                         "_v1-v2-broken-signature-v1")
                  .has_value());
}

TEST_F(GatewaySites, an_expired_record_is_refused_with_the_reason) {
  class Later final : public Clock {
   public:
    SteadyTime now() const override { return system_clock().now(); }
    WallTime wall_now() const override { return WallTime::max(); }
  };
  ASSERT_TRUE(put_record(kEd25519).has_value());
  const Later later;
  GatewayOptions options;
  options.clock = &later;
  remake(std::move(options));
  const auto response = get(std::string("/ipns/") + kEd25519Name);
  EXPECT_EQ(response.status, 502);
  EXPECT_NE(body_of(response).find("expired at"), std::string::npos) << body_of(response);
}

TEST_F(GatewaySites, an_older_record_does_not_replace_a_newer_one) {
  ASSERT_TRUE(put_record(kEd25519).has_value());
  EXPECT_TRUE(put_record(kEd25519).has_value()) << "the same one again";
}

TEST_F(GatewaySites, a_domain_with_a_dnslink_is_served_at_its_own_root) {
  const auto page = get_at("dnslink-dir-listing.example.org", "/");
  EXPECT_EQ(page.status, 200);
  EXPECT_NE(body_of(page).find("<a href=\"/api\">api</a>"), std::string::npos) << body_of(page);
  EXPECT_EQ(body_of(get_at("dnslink-subpath.example.org", "/root3/root4/index.html")), "hello\n");
  EXPECT_EQ(get_at("dnslink-test.example.org", "/").headers.get("Cache-Control"),
            "public, max-age=60");
  ASSERT_TRUE(put_record(kEd25519).has_value());
  EXPECT_EQ(body_of(get_at("dnslink-over-ipns.example.org", "/")), "hello\n");
  EXPECT_EQ(body_of(get_at("dnslink--over--ipns-example-org.ipns.localhost", "/")), "hello\n");
}

TEST_F(GatewaySites, names_that_lead_round_in_a_circle_end) {
  GatewayOptions options;
  options.dnslinks = {{"a.example", "/ipns/b.example"}, {"b.example", "/ipns/a.example"}};
  remake(std::move(options));
  EXPECT_EQ(get_at("a.example", "/").status, 502);
}

TEST_F(GatewaySites, dns_is_asked_only_when_a_lookup_is_given) {
  int asked = 0;
  GatewayOptions options;
  options.lookup_txt = [&asked](const std::string& domain) -> Result<std::vector<std::string>> {
    ++asked;
    if (domain != "_dnslink.site.example") return fail(Errc::not_found, "none");
    return std::vector<std::string>{"v=spf1", "dnslink=/ipfs/bafkqabtimvwgy3yk"};
  };
  remake(std::move(options));
  EXPECT_EQ(body_of(get_at("site.example", "/")), "hello\n");
  EXPECT_EQ(body_of(get_at("site.example", "/")), "hello\n");
  EXPECT_EQ(asked, 1) << "answers are kept for a while";
  EXPECT_EQ(get_at("other.example", "/ipfs/bafkqabtimvwgy3yk").status, 200);
  EXPECT_EQ(get_at("127.0.0.1", "/ipfs/bafkqabtimvwgy3yk").status, 200);
  EXPECT_EQ(asked, 2);
}

TEST_F(GatewaySites, rules_of_a_site_hold_at_its_own_origin_only) {
  const std::string site = "dnslink-redirects-examples.example.org";
  const auto moved = get_at(site, "/redirect-one");
  EXPECT_EQ(moved.status, 301);
  EXPECT_EQ(moved.headers.get("Location"), "/one.html");
  const auto gone = get_at(site, "/gone/x");
  EXPECT_EQ(gone.status, 410);
  const auto shown = get_at(site, "/200-index");
  EXPECT_EQ(shown.status, 200);
  EXPECT_NE(body_of(shown).find("my index"), std::string::npos);
  EXPECT_EQ(get("/ipfs/QmYBhLYDwVFvxos9h8CGU2ibaY66QNgv8hpfewxaQrPiZj/redirect-one").status, 404);
}

TEST_F(GatewaySites, old_names_with_dots_are_joined_inside_of_an_archive_or_refused) {
  const std::string inside = "bafybeibfevfxlvxp5vxobr5oapczpf7resxnleb7tkqmdorc4gl5cdva3y";
  const auto archive = body_of(get("/ipfs/" + inside, "format=tar"));
  EXPECT_NE(archive.find(inside + "/foobar/file"), std::string::npos);
  EXPECT_EQ(archive.find(".."), std::string::npos);
  const auto outside =
      get("/ipfs/bafybeicaj7kvxpcv4neaqzwhrqqmdstu4dhrwfpknrgebq6nzcecfucvyu", "format=tar");
  EXPECT_EQ(outside.status, 422);
}

TEST_F(GatewaySites, a_sharded_folder_is_walked_listed_and_cut) {
  const std::string root = "/ipfs/bafybeidbclfqleg2uojchspzd4bob56dqetqjsj27gy2cq3klkkgxtpn4i";
  EXPECT_EQ(get(root + "/1.txt").status, 200);
  EXPECT_EQ(get(root + "/none.txt").status, 404);
  GatewayOptions options;
  options.limits.max_listed_entries = 10;
  remake(std::move(options));
  const std::string page = body_of(get(root + "/"));
  EXPECT_NE(page.find("Only 10 of the entries are shown."), std::string::npos) << page;
}

TEST_F(GatewaySites, connect_opens_a_tunnel_to_this_gateway_alone) {
  net::HttpRequest request;
  request.method = "CONNECT";
  request.target = "elsewhere.example:443";
  const auto response = ask(std::move(request));
  EXPECT_EQ(response.status, 200);
  EXPECT_TRUE(std::holds_alternative<std::monostate>(response.body));
}

TEST_F(GatewaySites, a_client_with_too_many_requests_is_told_to_wait) {
  GatewayOptions options;
  options.limits.max_requests_per_client = 1;
  remake(std::move(options));
  net::HttpRequest request;
  request.method = "GET";
  request.path = "/ipfs/bafkqabtimvwgy3yk";
  request.query = "format=car";
  request.remote = "192.0.2.1:5000";
  const auto first = ask(request);
  EXPECT_EQ(first.status, 200) << "its body holds the place until it is sent";
  const auto second = ask(request);
  EXPECT_EQ(second.status, 429);
  EXPECT_TRUE(second.headers.has("Retry-After"));
}

}  // namespace
}  // namespace accel::gateway
