// SPDX-License-Identifier: Apache-2.0
// Host, target, Accept and Range of a request: "host\ntarget\naccept\nrange". Whatever comes, no
// redirect leads to a host that is not known, and no answer holds what breaks a header.
#include <algorithm>
#include <array>

#include "../../src/gateway/host_router.hpp"
#include "../../src/gateway/multi_range.hpp"

namespace gw = accel::gateway;

namespace {

void require(bool holds) {
  if (!holds) __builtin_trap();
}

bool fits_a_header(std::string_view text) {
  return std::ranges::none_of(text, [](char c) { return c == '\r' || c == '\n' || c == '\0'; });
}

void check_redirect(const std::string& location) {
  require(fits_a_header(location));
  if (location.starts_with("/")) {
    require(!location.starts_with("//"));
    return;
  }
  const std::size_t start = location.find("://");
  require(start != std::string::npos);
  const std::string host = location.substr(start + 3, location.find('/', start + 3) - start - 3);
  require(accel::net::to_lower_ascii(host.substr(0, host.find(':'))).ends_with(".localhost"));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  std::array<std::string_view, 4> lines;
  for (std::string_view& line : lines) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  accel::net::HttpRequest request;
  const std::size_t question = lines[1].find('?');
  request.path = lines[1].substr(0, question);
  if (question != std::string_view::npos) request.query = lines[1].substr(question + 1);
  if (!fits_a_header(request.query)) return 0;  // As the request parser makes sure.
  request.headers.add("Host", std::string(lines[0]));
  request.headers.add("Accept", std::string(lines[2]));
  const std::vector<gw::KnownHost> hosts{{"localhost", true}};
  const auto has_dnslink = [](const std::string& domain) { return domain.starts_with("site."); };
  const gw::Routed routed = gw::route_request(request, {hosts, 16, has_dnslink});
  if (const auto* redirect = std::get_if<gw::Redirect>(&routed)) check_redirect(redirect->location);
  if (const auto* route = std::get_if<gw::Route>(&routed)) {
    require(route->path.size() <= 18);
    if (const auto parsed = gw::parse_gateway_request(request, *route)) {
      require(fits_a_header(parsed->content_path));
    }
  }
  const auto ranges = gw::resolve_ranges(lines[3], 1000, 8);
  for (const auto& range : ranges.ranges) require(range.first + range.length <= 1000);
  return 0;
}
