// SPDX-License-Identifier: Apache-2.0
#include "accel/net/access.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>

#include "accel/net/url.hpp"

namespace accel::net {
namespace {

constexpr std::string_view kBearer = "bearer ";

// The Host header as a URL's authority: one place parses hosts. nullopt when it is none.
std::optional<Url> read_host_header(std::string_view host) {
  if (host.empty() || host.find_first_of("/?#@\\") != std::string_view::npos) return std::nullopt;
  auto url = parse_url("http://" + std::string(host));
  if (!url) return std::nullopt;
  return std::move(*url);
}

bool is_listed(const std::vector<std::string>& list, std::string_view value) {
  return std::ranges::any_of(
      list, [&](const std::string& item) { return equals_ignoring_case(item, value); });
}

// A page of the same host and port; its scheme may be https when a proxy in front of us ends TLS.
bool is_same_origin(const Url& host, std::string_view origin) {
  const auto page = parse_url(origin);
  if (!page || page->scheme == "unix" || page->target() != "/") return false;
  return page->host == host.host &&
         (page->port == host.port || page->authority() == host.authority());
}

}  // namespace

bool is_loopback_host(std::string_view host) {
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  const std::string name = to_lower_ascii(host);
  if (name == "localhost" || name.ends_with(".localhost") || name == "::1") return true;
  std::array<unsigned char, 4> v4{};
  return inet_pton(AF_INET, name.c_str(), v4.data()) == 1 && v4[0] == 127;
}

Status check_host_and_origin(const HttpRequest& request, const AllowedHosts& allowed) {
  if (request.over_unix_socket) return {};
  if (request.headers.count("Host") != 1) {
    return fail(Errc::invalid_argument, "A request needs exactly one Host header.");
  }
  const std::string_view sent = request.headers.get_or("Host", "");
  const auto host = read_host_header(sent);
  if (!host) return fail(Errc::invalid_argument, "The Host header is no host name or address.");
  if (!is_loopback_host(host->host) && !is_listed(allowed.hosts, host->host)) {
    return fail(Errc::permission_denied,
                "The host {} is not one that this API answers to; use 127.0.0.1 or localhost, or "
                "allow it by the setting api.hosts.",
                host->host);
  }
  if (!request.headers.has("Origin")) return {};
  const std::string_view origin = request.headers.get_or("Origin", "");
  const bool one = request.headers.count("Origin") == 1;
  if (one && (is_same_origin(*host, origin) || is_listed(allowed.origins, origin))) return {};
  return fail(Errc::permission_denied,
              "A page of another origin may not call this API; call it from a program, or from a "
              "page of this host and port.");
}

Result<std::string_view> bearer_token(const HttpRequest& request) {
  const std::string_view sent = request.headers.get_or("Authorization", "");
  const bool is_bearer = request.headers.count("Authorization") == 1 &&
                         sent.size() > kBearer.size() &&
                         equals_ignoring_case(sent.substr(0, kBearer.size()), kBearer);
  const std::string_view token = is_bearer ? trim_blanks(sent.substr(kBearer.size())) : "";
  if (!token.empty()) return token;
  return fail(
      Errc::unauthenticated,
      "This call needs the header \"Authorization: Bearer <key>\": an API key of this node, "
      "or the token in the file api.token of its home.");
}

}  // namespace accel::net
