// SPDX-License-Identifier: Apache-2.0
// URLs, references, paths and queries: what parses is written so that it parses to the same, and no
// path segment climbs.
#include "accel/net/url.hpp"

#include <cstdlib>

namespace {

void require(bool held) {
  if (!held) std::abort();
}

void check_path(std::string_view text) {
  const auto segments = accel::net::split_path(text);
  if (!segments) return;
  for (const std::string& segment : *segments) {
    require(segment != "." && segment != ".." && segment.find('/') == std::string::npos);
    require(accel::net::percent_decode(accel::net::percent_encode(segment)).value() == segment);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto url = accel::net::parse_url(text)) {
    require(accel::net::parse_url(url->to_string()).value() == *url);
    require(url->path.starts_with('/'));
  }
  static const accel::net::Url base = accel::net::parse_url("http://a/b/c?d").value();
  if (const auto url = accel::net::resolve_reference(base, text)) {
    require(url->scheme != "unix");
    require(accel::net::parse_url(url->to_string()).value() == *url);
  }
  check_path(text);
  (void)accel::net::query_value(text, "format");
  return 0;
}
