// SPDX-License-Identifier: Apache-2.0
#include "accel/net/endpoint.hpp"

#include <charconv>

namespace accel::net {
namespace {

std::string host_and_port(const TcpEndpoint& tcp) {
  const bool bracketed = tcp.host.find(':') != std::string::npos;
  return fmt::format("{}{}{}:{}", bracketed ? "[" : "", tcp.host, bracketed ? "]" : "", tcp.port);
}

}  // namespace

std::string to_string(const Endpoint& endpoint) {
  if (const auto* local = std::get_if<UnixEndpoint>(&endpoint))
    return "unix:" + local->path.string();
  return host_and_port(std::get<TcpEndpoint>(endpoint));
}

std::string base_url(const Endpoint& endpoint) {
  const bool tcp = std::holds_alternative<TcpEndpoint>(endpoint);
  return (tcp ? "http://" : "") + to_string(endpoint);
}

Result<Endpoint> parse_endpoint(std::string_view text) {
  if (text.starts_with("unix:/")) return UnixEndpoint{std::string(text.substr(5))};
  const std::size_t colon = text.rfind(':');
  const bool bare = colon == std::string_view::npos;
  if (bare && (text.empty() || text.find_first_not_of("0123456789") != std::string_view::npos)) {
    return fail(Errc::invalid_argument,
                "The address \"{}\" has no port; write 127.0.0.1:8080 or unix:/path.", text);
  }
  TcpEndpoint tcp;
  const std::string_view digits = bare ? text : text.substr(colon + 1);
  const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), tcp.port);
  if (parsed.ec != std::errc{} || parsed.ptr != digits.data() + digits.size()) {
    return fail(Errc::invalid_argument, "The address \"{}\" has no port between 0 and 65535.",
                text);
  }
  std::string_view host = bare ? std::string_view() : text.substr(0, colon);
  const bool bracketed = host.starts_with('[') && host.ends_with(']');
  if (!bracketed && host.find(':') != std::string_view::npos) {
    return fail(Errc::invalid_argument, "Write the IPv6 address of \"{}\" in brackets: [::1]:8080.",
                text);
  }
  if (bracketed) host = host.substr(1, host.size() - 2);
  if (!host.empty()) tcp.host = std::string(host);
  return tcp;
}

}  // namespace accel::net
