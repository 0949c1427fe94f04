// SPDX-License-Identifier: Apache-2.0
#include "accel/net/url.hpp"

#include <gtest/gtest.h>

#include "accel/core/random.hpp"

namespace accel::net {
namespace {

Url url_of(std::string_view text) {
  auto url = parse_url(text);
  EXPECT_TRUE(url.has_value()) << text << ": " << url.error().message;
  return url.value_or(Url{});
}

TEST(Url, splits_scheme_host_port_path_and_query) {
  const Url url = url_of("http://Gateway.Example:8080/ipfs/bafy/a%20b?format=raw&x=1#part");
  EXPECT_EQ(url.scheme, "http");
  EXPECT_EQ(url.host, "gateway.example");
  EXPECT_EQ(url.port, 8080);
  EXPECT_EQ(url.path, "/ipfs/bafy/a%20b");
  EXPECT_EQ(url.query, "format=raw&x=1");
  EXPECT_EQ(url.target(), "/ipfs/bafy/a%20b?format=raw&x=1");
  EXPECT_EQ(url.origin(), "http://gateway.example:8080");
  EXPECT_EQ(url.to_string(), "http://gateway.example:8080/ipfs/bafy/a%20b?format=raw&x=1");
}

TEST(Url, fills_in_what_the_scheme_implies) {
  EXPECT_EQ(url_of("http://a").port, 80);
  EXPECT_EQ(url_of("https://a").port, 443);
  EXPECT_EQ(url_of("HTTPS://a:443").to_string(), "https://a/");
  EXPECT_EQ(url_of("http://a:").port, 80);
  EXPECT_EQ(url_of("http://a?x").target(), "/?x");
}

TEST(Url, reads_ipv6_in_brackets) {
  const Url url = url_of("http://[::1]:8080/x");
  EXPECT_EQ(url.host, "::1");
  EXPECT_EQ(url.authority(), "[::1]:8080");
  EXPECT_EQ(url_of("http://[2001:DB8::1]/").authority(), "[2001:db8::1]");
}

TEST(Url, reads_unix_sockets_with_and_without_a_target) {
  const Url plain = url_of("unix:/run/api.sock:/api/v1/status?x=1");
  EXPECT_EQ(plain.host, "/run/api.sock");
  EXPECT_EQ(plain.target(), "/api/v1/status?x=1");
  EXPECT_EQ(plain.origin(), "unix:/run/api.sock");
  EXPECT_EQ(plain.authority(), "localhost");
  EXPECT_EQ(plain.to_string(), "unix:/run/api.sock:/api/v1/status?x=1");
  EXPECT_EQ(url_of("unix:/run/api.sock").target(), "/");
  EXPECT_EQ(url_of("unix:///run/api.sock").host, "/run/api.sock");
  EXPECT_EQ(unix_url("/home/a b/api.sock", "/x")->host, "/home/a b/api.sock");
}

class BadUrl : public testing::TestWithParam<const char*> {};

TEST_P(BadUrl, is_refused_as_invalid_argument) {
  const auto url = parse_url(GetParam());
  ASSERT_FALSE(url.has_value()) << url->to_string();
  EXPECT_EQ(url.error().code, Errc::invalid_argument);
  EXPECT_TRUE(url.error().message.ends_with('.')) << url.error().message;
}

INSTANTIATE_TEST_SUITE_P(
    Url, BadUrl,
    testing::Values("", "http", "http:", "http:/a", "ftp://a/", "file:///etc/passwd", "//a/b",
                    "http://", "http:///x", "http://:80/", "http://a:0/", "http://a:65536/",
                    "http://a:8o/", "http://a:-1/", "http://a b/", "http://a/b c", "http://a/\n",
                    "http://a/\x7f", "http://user@a/", "http://user:secret@a/", "http://[::1/",
                    "http://[::zz]/", "http://[]/", "http://[127.0.0.1]/", "http://a_\xc3\xa9/",
                    "http://a%41/", "http://a\\b/", "http://a/..\\b", "unix:", "unix:api.sock",
                    "javascript:alert(1)", "http://a,b/", "http://[::1]x/", "http://[::1]:x/"));

TEST(Url, refuses_one_that_is_too_long) {
  EXPECT_FALSE(parse_url("http://a/" + std::string(kMaxUrlBytes, 'x')).has_value());
  EXPECT_FALSE(parse_url("http://" + std::string(254, 'a') + "/").has_value());
}

TEST(Url, never_repeats_a_password_in_its_error) {
  const auto url = parse_url("http://user:hunter2@a/");
  ASSERT_FALSE(url.has_value());
  EXPECT_EQ(url.error().message.find("hunter2"), std::string::npos);
}

TEST(UnixUrl, refuses_relative_paths_and_targets) {
  EXPECT_FALSE(unix_url("api.sock", "/x").has_value());
  EXPECT_FALSE(unix_url("/api.sock", "x").has_value());
  EXPECT_FALSE(unix_url("/api.sock", "/a b").has_value());
  EXPECT_FALSE(unix_url("/a:/b", "/x").has_value());
  EXPECT_FALSE(unix_url(std::string_view("/api\0.sock", 10), "/x").has_value());
}

struct ReferenceCase {
  const char* reference;
  const char* target;
};
class Reference : public testing::TestWithParam<ReferenceCase> {};

TEST_P(Reference, resolves_as_rfc_3986_section_5_4_says) {
  const Url base = url_of("http://a/b/c/d;p?q");
  const auto url = resolve_reference(base, GetParam().reference);
  ASSERT_TRUE(url.has_value()) << GetParam().reference << ": " << url.error().message;
  EXPECT_EQ(url->to_string(), GetParam().target) << GetParam().reference;
}

// RFC 3986 sections 5.4.1 and 5.4.2, without fragments, which are never sent.
INSTANTIATE_TEST_SUITE_P(
    Url, Reference,
    testing::Values(
        ReferenceCase{"http://g", "http://g/"}, ReferenceCase{"g", "http://a/b/c/g"},
        ReferenceCase{"./g", "http://a/b/c/g"}, ReferenceCase{"g/", "http://a/b/c/g/"},
        ReferenceCase{"/g", "http://a/g"}, ReferenceCase{"//g", "http://g/"},
        ReferenceCase{"?y", "http://a/b/c/d;p?y"}, ReferenceCase{"g?y", "http://a/b/c/g?y"},
        ReferenceCase{"#s", "http://a/b/c/d;p?q"}, ReferenceCase{"g#s", "http://a/b/c/g"},
        ReferenceCase{";x", "http://a/b/c/;x"}, ReferenceCase{"", "http://a/b/c/d;p?q"},
        ReferenceCase{".", "http://a/b/c/"}, ReferenceCase{"./", "http://a/b/c/"},
        ReferenceCase{"..", "http://a/b/"}, ReferenceCase{"../", "http://a/b/"},
        ReferenceCase{"../g", "http://a/b/g"}, ReferenceCase{"../..", "http://a/"},
        ReferenceCase{"../../g", "http://a/g"}, ReferenceCase{"../../../g", "http://a/g"},
        ReferenceCase{"/./g", "http://a/g"}, ReferenceCase{"/../g", "http://a/g"},
        ReferenceCase{"g.", "http://a/b/c/g."}, ReferenceCase{"..g", "http://a/b/c/..g"},
        ReferenceCase{"./../g", "http://a/b/g"}, ReferenceCase{"g/./h", "http://a/b/c/g/h"},
        ReferenceCase{"g/../h", "http://a/b/c/h"}, ReferenceCase{"  /g ", "http://a/g"}));

TEST(Reference, refuses_other_schemes_and_unix_sockets) {
  const Url base = url_of("http://a/");
  EXPECT_FALSE(resolve_reference(base, "file:///etc/passwd").has_value());
  EXPECT_FALSE(resolve_reference(base, "unix:/run/docker.sock:/x").has_value());
  EXPECT_FALSE(resolve_reference(base, "javascript:x").has_value());
  EXPECT_FALSE(resolve_reference(base, "/a b").has_value());
}

// Found by the fuzzer: the text of such a URL named another socket.
TEST(Url, slashes_before_a_sockets_path_are_one) {
  EXPECT_EQ(url_of("unix:////////run/a.sock").host, "/run/a.sock");
  EXPECT_EQ(unix_url("//run/a.sock", "/")->host, "/run/a.sock");
}

TEST(Reference, stays_on_the_socket_of_a_unix_url) {
  const Url base = *unix_url("/run/api.sock", "/a/b");
  EXPECT_EQ(resolve_reference(base, "/c")->to_string(), "unix:/run/api.sock:/c");
}

TEST(Percent, round_trips_every_byte) {
  std::string all;
  for (int i = 0; i < 256; ++i) all += static_cast<char>(i);
  EXPECT_EQ(percent_decode(percent_encode(all)).value(), all);
  EXPECT_EQ(percent_encode("a b/ä~"), "a%20b%2F%C3%A4~");
  EXPECT_EQ(percent_encode("a b/c", true), "a%20b/c");
}

TEST(Percent, refuses_broken_coding) {
  for (const char* text : {"%", "%4", "a%zz", "%4g", "abc%2"}) {
    EXPECT_FALSE(percent_decode(text).has_value()) << text;
  }
}

TEST(SplitPath, decodes_segments_and_drops_empty_ones) {
  const std::vector<std::string> expected{"ipfs", "bafy", "a b", "c"};
  EXPECT_EQ(split_path("/ipfs//bafy/a%20b/c/").value(), expected);
  EXPECT_TRUE(split_path("/").value().empty());
}

class Climbing : public testing::TestWithParam<const char*> {};

TEST_P(Climbing, is_refused_in_every_spelling) {
  const auto segments = split_path(GetParam());
  ASSERT_FALSE(segments.has_value());
  EXPECT_EQ(segments.error().code, Errc::invalid_argument);
}

INSTANTIATE_TEST_SUITE_P(SplitPath, Climbing,
                         testing::Values("/a/../b", "/a/%2e%2e/b", "/a/%2E./b", "/a/.%2e", "/./a",
                                         "/%2e", "/a%2fb", "/a%2Fb", "/a%00b", "/a%0ab", "/%7f",
                                         "/%", "/a%2", "/..%2f..%2fetc%2fpasswd"));

TEST(SplitPath, refuses_more_segments_than_its_limit) {
  std::string path;
  for (std::size_t i = 0; i < kMaxPathSegments; ++i) path += "/a";
  EXPECT_TRUE(split_path(path).has_value());
  EXPECT_FALSE(split_path(path + "/a").has_value());
}

TEST(QueryValue, finds_the_first_value_and_decodes_it) {
  EXPECT_EQ(query_value("format=raw&x=1", "format"), "raw");
  EXPECT_EQ(query_value("a=1&format=a%20b+c&format=x", "format"), "a b c");
  EXPECT_EQ(query_value("download", "download"), "");
  EXPECT_EQ(query_value("f%6frmat=raw", "format"), "raw");
  EXPECT_EQ(query_value("formats=raw", "format"), std::nullopt);
  EXPECT_EQ(query_value("", "format"), std::nullopt);
  EXPECT_EQ(query_value("format=%zz", "format"), std::nullopt);
  EXPECT_EQ(query_value("&&=&format=raw", "format"), "raw");
}

// Property: whatever parses is written so that it parses to the same again.
TEST(Url, text_of_a_parsed_url_parses_to_the_same) {
  const std::uint64_t seed = 20261121;
  SeededRandom random(seed);
  const std::string alphabet = "ab:/?#[]@%2e.-_0189~&=;unixhtps";
  int parsed = 0;
  for (int i = 0; i < 20'000; ++i) {
    std::string text = i % 3 == 0 ? "unix:/" : "http://";
    const std::size_t length = random.below(24);
    for (std::size_t k = 0; k < length; ++k) text += alphabet[random.below(alphabet.size())];
    const auto url = parse_url(text);
    if (!url) continue;
    ++parsed;
    const auto again = parse_url(url->to_string());
    ASSERT_TRUE(again.has_value()) << "seed " << seed << ": " << text;
    EXPECT_EQ(*again, *url) << "seed " << seed << ": " << text;
  }
  EXPECT_GT(parsed, 1000);
}

}  // namespace
}  // namespace accel::net
