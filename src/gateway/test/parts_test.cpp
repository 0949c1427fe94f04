// SPDX-License-Identifier: Apache-2.0
// The small pure parts: Accept, several ranges, _redirects, TAR heads, who a client is, options.
#include <gtest/gtest.h>

#include "accel/gateway/gateway.hpp"
#include "accept_header.hpp"
#include "client_limiter.hpp"
#include "multi_range.hpp"
#include "redirects_file.hpp"
#include "tar_format.hpp"

namespace accel::gateway {
namespace {

TEST(Accept, types_come_by_quality_with_their_parameters) {
  const auto items =
      parse_accept("text/html;q=0.8, Application/VND.ipld.car; Version=1; dups=\"y\", a/b;q=0");
  ASSERT_EQ(items.size(), 2U);
  EXPECT_EQ(items[0].type, "application/vnd.ipld.car");
  EXPECT_EQ(items[0].parameter("version"), "1");
  EXPECT_EQ(items[0].parameter("dups"), "y");
  EXPECT_EQ(items[0].parameter("order"), "");
  EXPECT_EQ(items[1].type, "text/html");
}

TEST(Accept, a_flood_of_types_is_cut) {
  std::string header = "a/b";
  for (int i = 0; i < 10'000; ++i) header += ",a/b;q=0.5;x=\"";
  EXPECT_LE(parse_accept(header).size(), kMaxAcceptItems);
}

TEST(Ranges, keep_their_order_and_skip_what_is_not_there) {
  const auto wanted = resolve_ranges("bytes=6-16,0-4,5000-", 100, 8);
  EXPECT_EQ(wanted.outcome, net::RangeOutcome::partial);
  ASSERT_EQ(wanted.ranges.size(), 2U);
  EXPECT_EQ(wanted.ranges[0], (net::ByteRange{6, 11}));
  EXPECT_EQ(wanted.ranges[1], (net::ByteRange{0, 5}));
}

TEST(Ranges, that_attack_are_ignored) {
  EXPECT_EQ(resolve_ranges("bytes=0-,0-,0-", 100, 8).outcome, net::RangeOutcome::whole);
  EXPECT_EQ(resolve_ranges("bytes=0-0,2-2,4-4", 100, 2).outcome, net::RangeOutcome::whole);
  EXPECT_EQ(resolve_ranges("bytes=0-0,x", 100, 8).outcome, net::RangeOutcome::whole);
  EXPECT_EQ(resolve_ranges("rows=0-0", 100, 8).outcome, net::RangeOutcome::whole);
  EXPECT_EQ(resolve_ranges("bytes=", 100, 8).outcome, net::RangeOutcome::whole);
  EXPECT_EQ(resolve_ranges("bytes=100-,200-", 100, 8).outcome, net::RangeOutcome::unsatisfiable);
}

std::string to_of(std::string_view file, std::vector<std::string> path) {
  const auto rules = parse_redirects(file);
  if (!rules) return rules.error().message;
  const auto match = match_redirects(*rules, path);
  return match ? fmt::format("{} {}", match->status, match->to) : "nothing";
}

TEST(Redirects, follow_the_first_rule_that_fits) {
  constexpr std::string_view kFile =
      "# comment\r\n\r\n/one /one.html\r\n/two\t/two.html  302\n/p/:year/:title /a/:title/:year\n"
      "/s/* /t/:splat 200\n/* /404.html 404\n";
  EXPECT_EQ(to_of(kFile, {"one"}), "301 /one.html");
  EXPECT_EQ(to_of(kFile, {"two"}), "302 /two.html");
  EXPECT_EQ(to_of(kFile, {"p", "2022", "a b"}), "301 /a/a%20b/2022");
  EXPECT_EQ(to_of(kFile, {"s", "x", "y"}), "200 /t/x/y");
  EXPECT_EQ(to_of(kFile, {"s"}), "200 /t/");
  EXPECT_EQ(to_of(kFile, {}), "404 /404.html");
  EXPECT_EQ(to_of("/a https://elsewhere.example/:x\n", {"a"}), "301 https://elsewhere.example/:x");
  EXPECT_EQ(to_of("/a /b", {"c"}), "nothing");
}

TEST(Redirects, that_are_wrong_are_refused_with_their_line) {
  for (const char* bad : {"/a /b 301!", "/a /b 999", "/a", "a /b", "/a*b /c", "/*/b /c", "/a b",
                          "/a http://x 200", "/a /b 301 x", "/%zz /b"}) {
    const auto rules = parse_redirects(std::string("/ok /x\n") + bad);
    ASSERT_FALSE(rules.has_value()) << bad;
    EXPECT_EQ(rules.error().code, Errc::invalid_argument);
    EXPECT_TRUE(rules.error().message.starts_with("line 2: ")) << rules.error().message;
  }
  EXPECT_EQ(parse_redirects(std::string(kMaxRedirectsBytes + 1, '\n')).error().code,
            Errc::resource_exhausted);
}

TEST(Redirects, a_target_that_grows_without_end_is_passed_over) {
  std::string rule = "/x/* /";
  while (rule.size() < 60'000) rule += ":splat";
  const auto rules = parse_redirects(rule + " 302\n/x/* /elsewhere 302");
  ASSERT_TRUE(rules) << rules.error().message;
  const auto match = match_redirects(*rules, {"x", std::string(15'000, 'y')});
  ASSERT_TRUE(match);
  EXPECT_EQ(match->to, "/elsewhere");
}

TEST(Redirects, nothing_that_breaks_a_header_gets_through) {
  EXPECT_EQ(to_of("/:x /a/:x\x01", {"b\r\nSet-Cookie: x"}), "301 /a/b%0D%0ASet-Cookie:%20x%01");
}

TEST(Tar, a_head_is_one_block_with_its_sum) {
  const std::string head = tar_head({"cid/a.txt", TarKind::file, 5});
  ASSERT_EQ(head.size(), kTarBlock);
  EXPECT_EQ(head.substr(0, 9), "cid/a.txt");
  EXPECT_EQ(head.substr(124, 11), "00000000005");
  EXPECT_EQ(head[156], '0');
  EXPECT_EQ(head.substr(257, 5), "ustar");
  unsigned sum = 0;
  for (std::size_t i = 0; i < head.size(); ++i) {
    sum += i >= 148 && i < 156 ? ' ' : static_cast<unsigned char>(head[i]);
  }
  EXPECT_EQ(head.substr(148, 6), fmt::format("{:06o}", sum));
}

TEST(Tar, long_names_large_files_and_foreign_letters_take_an_extended_head) {
  for (const TarEntry& entry : {TarEntry{"cid/" + std::string(200, 'x')}, TarEntry{"cid/\xc4\x85"},
                                TarEntry{"cid/big", TarKind::file, std::uint64_t{1} << 40U}}) {
    const std::string head = tar_head(entry);
    ASSERT_EQ(head.size(), 3 * kTarBlock);
    EXPECT_EQ(head[156], 'x');
  }
  EXPECT_NE(
      tar_head({"cid/big", TarKind::file, std::uint64_t{1} << 40U}).find("22 size=1099511627776\n"),
      std::string::npos);
}

TEST(Tar, the_length_of_a_pax_record_counts_itself) {
  // 99 bytes with its two digits; one letter more takes a third digit, too.
  const std::string head = tar_head({"cid/\xc4\x85" + std::string(85, 'x')});
  EXPECT_NE(head.find("\n", 512), std::string::npos);
  for (std::size_t length = 80; length < 100; ++length) {
    const std::string one = tar_head({"c/\xc4\x85" + std::string(length, 'x')}).substr(512, 512);
    const std::size_t end = one.find('\n');
    EXPECT_EQ(std::stoul(one), end + 1) << length;
  }
}

TEST(Tar, names_stay_inside) {
  EXPECT_EQ(join_inside("cid", "a"), "cid/a");
  EXPECT_EQ(join_inside("cid/foobar/directory", "../file"), "cid/foobar/file");
  for (const char* name :
       {"..", "../x", "a/../../x", "../../etc/passwd", "/etc", "", ".", "a/.."}) {
    EXPECT_EQ(join_inside("cid", name), std::nullopt) << name;
  }
  EXPECT_EQ(join_inside("cid/a", std::string("b\0c", 3)), std::nullopt);
}

TEST(Clients, are_their_addresses_and_loopback_is_not_counted) {
  EXPECT_EQ(client_of("192.0.2.7:5000"), "192.0.2.7");
  EXPECT_EQ(client_of("[2001:db8:1:2:3:4:5:6]:5000"), "2001:db8:1:2::/64");
  for (const char* local : {"127.0.0.1:1", "127.9.9.9:1", "[::1]:1", "unix", ""}) {
    EXPECT_EQ(client_of(local), "") << local;
  }
}

TEST(Clients, have_so_many_places_and_no_more) {
  ClientLimiter limiter(2);
  auto first = limiter.enter("192.0.2.7:1");
  auto second = limiter.enter("192.0.2.7:2");
  EXPECT_NE(first, nullptr);
  EXPECT_NE(second, nullptr);
  EXPECT_EQ(limiter.enter("192.0.2.7:3"), nullptr);
  EXPECT_NE(limiter.enter("192.0.2.8:3"), nullptr);
  EXPECT_NE(limiter.enter("127.0.0.1:3"), nullptr);
  first.reset();
  EXPECT_NE(limiter.enter("192.0.2.7:4"), nullptr);
  second.reset();
  EXPECT_EQ(limiter.clients(), 0U);
  EXPECT_NE(ClientLimiter(0).enter("192.0.2.7:1"), nullptr);
}

TEST(Options, are_read_or_refused_with_an_example) {
  EXPECT_TRUE(parse_known_host("localhost=subdomain")->subdomains);
  EXPECT_FALSE(parse_known_host(" Gateway.Example = path ")->subdomains);
  EXPECT_EQ(parse_known_host(" Gateway.Example = path ")->name, "gateway.example");
  for (const char* bad : {"", "localhost", "localhost=x", "=path", "a:80=path", "a/b=path"}) {
    EXPECT_FALSE(parse_known_host(bad).has_value()) << bad;
  }
  const auto links = parse_dnslinks({"Site.example:/ipfs/bafkqaaa/x", "b.c:/ipns/d.e"});
  ASSERT_TRUE(links.has_value());
  EXPECT_EQ(links->at("site.example"), "/ipfs/bafkqaaa/x");
  for (const char* bad : {"", "a.b", "a.b:", "a.b:/etc/passwd", ":/ipfs/x", "a/b:/ipfs/x"}) {
    EXPECT_FALSE(parse_dnslinks({bad}).has_value()) << bad;
  }
}

}  // namespace
}  // namespace accel::gateway
