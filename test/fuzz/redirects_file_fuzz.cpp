// SPDX-License-Identifier: Apache-2.0
// A _redirects file behind a path in its first line: what matches fits a header.
#include <algorithm>

#include "../../src/gateway/redirects_file.hpp"
#include "../../src/gateway/tar_format.hpp"
#include "accel/net/url.hpp"

namespace gw = accel::gateway;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t end = std::min(input.find('\n'), input.size());
  const std::string_view path = input.substr(0, end);
  const auto joined = gw::join_inside("root", path);
  if (joined && (!joined->starts_with("root/") || joined->find("/../") != std::string::npos)) {
    __builtin_trap();
  }
  const auto names = accel::net::split_path(path);
  const auto rules = gw::parse_redirects(input.substr(std::min(end + 1, input.size())));
  if (!names || !rules) return 0;
  const auto match = gw::match_redirects(*rules, *names);
  if (!match) return 0;
  const auto breaks = [](char c) { return c <= ' ' || c >= 0x7f; };
  if (std::ranges::any_of(match->to, breaks)) __builtin_trap();
  return 0;
}
