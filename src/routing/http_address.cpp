// SPDX-License-Identifier: Apache-2.0
#include "accel/routing/http_address.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

#include "accel/net/headers.hpp"

namespace accel::routing {
namespace {

constexpr std::size_t kMaxParts = 16;

tl::unexpected<Error> not_http(std::string_view text, std::string_view why) {
  return fail(Errc::invalid_argument, "The address {} leads to no HTTP server: {}.",
              text.substr(0, kMaxAddressBytes), why);
}

bool is_ip(int family, const std::string& text) {
  std::array<std::uint8_t, sizeof(in6_addr)> bytes{};
  return ::inet_pton(family, text.c_str(), bytes.data()) == 1;
}

bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= 253 && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_';
  });
}

// Walks the parts of a multiaddr.
class Parts {
 public:
  explicit Parts(std::string_view text) {
    while (!text.empty() && parts_.size() <= kMaxParts) {
      text.remove_prefix(1);  // The slash.
      const std::size_t end = std::min(text.find('/'), text.size());
      parts_.emplace_back(text.substr(0, end));
      text.remove_prefix(end);
    }
  }

  bool too_many() const { return parts_.size() > kMaxParts; }
  bool at_end() const { return next_ == parts_.size(); }
  bool take(std::string_view name) {
    if (at_end() || parts_[next_] != name) return false;
    ++next_;
    return true;
  }
  // The value behind a name that was taken.
  std::optional<std::string> value() {
    if (at_end()) return std::nullopt;
    return std::string(parts_[next_++]);
  }
  std::optional<std::string> value_of(std::string_view name) {
    if (!take(name)) return std::nullopt;
    return value().value_or("");
  }

 private:
  std::vector<std::string_view> parts_;
  std::size_t next_ = 0;
};

// As it stands in a URL; nothing when it is no host.
std::optional<std::string> take_host(Parts& parts) {
  if (const auto ip = parts.value_of("ip4")) {
    return is_ip(AF_INET, *ip) ? ip : std::nullopt;
  }
  if (const auto ip = parts.value_of("ip6")) {
    if (!is_ip(AF_INET6, *ip)) return std::nullopt;
    return "[" + *ip + "]";
  }
  for (const std::string_view name : {"dns", "dns4", "dns6"}) {
    if (const auto host = parts.value_of(name)) return is_name(*host) ? host : std::nullopt;
  }
  return std::nullopt;
}

// The scheme, and the name that TLS must ask for.
std::optional<std::string> take_scheme(Parts& parts, std::string& sni) {
  if (parts.take("https")) return "https";
  if (parts.take("http")) return "http";
  if (!parts.take("tls")) return std::nullopt;
  if (const auto name = parts.value_of("sni")) sni = *name;
  if (parts.take("http") || parts.take("https")) return "https";
  return std::nullopt;
}

Reach reach_of_ip4(const std::uint8_t* ip) {
  if (ip[0] == 127 || ip[0] == 0) return Reach::machine;
  const bool is_private = ip[0] == 10 || (ip[0] == 172 && (ip[1] & 0xF0U) == 16) ||
                          (ip[0] == 192 && ip[1] == 168) || (ip[0] == 169 && ip[1] == 254) ||
                          (ip[0] == 100 && (ip[1] & 0xC0U) == 64);
  return is_private ? Reach::site : Reach::everyone;
}

Reach reach_of_ip6(const in6_addr& address) {
  if (IN6_IS_ADDR_LOOPBACK(&address) || IN6_IS_ADDR_UNSPECIFIED(&address)) return Reach::machine;
  if (IN6_IS_ADDR_V4MAPPED(&address) || IN6_IS_ADDR_V4COMPAT(&address)) {
    return reach_of_ip4(&address.s6_addr[12]);
  }
  const bool is_private = (address.s6_addr[0] & 0xFEU) == 0xFC || IN6_IS_ADDR_LINKLOCAL(&address);
  return is_private ? Reach::site : Reach::everyone;
}

}  // namespace

Result<net::Url> url_of_multiaddr(std::string_view text) {
  if (text.size() > kMaxAddressBytes) return not_http(text, "it is too long");
  if (!text.starts_with('/')) return not_http(text, "it begins with no slash");
  Parts parts(text);
  if (parts.too_many()) return not_http(text, "it has too many parts");
  const auto host = take_host(parts);
  if (!host) return not_http(text, "it begins with no ip4, ip6 or dns and a host");
  const std::string port = parts.value_of("tcp").value_or("");
  std::string sni;
  const auto scheme = take_scheme(parts, sni);
  if (!scheme) return not_http(text, "it has no http, https or tls/http");
  if (!sni.empty() && !net::equals_ignoring_case(sni, *host)) {
    return not_http(text, "its sni is another host");
  }
  std::string path = "/";
  if (const auto encoded = parts.value_of("http-path")) {
    auto decoded = net::percent_decode(*encoded);
    if (!decoded) return not_http(text, "its http-path is badly coded");
    path += net::percent_encode(std::move(*decoded), /*keep_slashes=*/true);
  }
  if (parts.take("p2p") && !parts.value()) return not_http(text, "its p2p names no peer");
  if (!parts.at_end()) return not_http(text, "it goes on behind http");
  const std::string with_port = port.empty() ? *host : *host + ":" + port;
  return net::parse_url(fmt::format("{}://{}{}", *scheme, with_port, path));
}

Result<std::string> multiaddr_of_url(const net::Url& url) {
  if (url.scheme == "unix" || !url.query.empty()) {
    return fail(Errc::invalid_argument, "{} has no multiaddr.", url.to_string());
  }
  std::string_view kind = "dns";
  if (is_ip(AF_INET, url.host)) kind = "ip4";
  if (is_ip(AF_INET6, url.host)) kind = "ip6";
  std::string text = fmt::format("/{}/{}/tcp/{}/{}", kind, url.host, url.port,
                                 url.scheme == "https" ? "tls/http" : "http");
  ACCEL_TRY(std::string path, net::percent_decode(url.path));
  while (path.ends_with('/')) path.pop_back();
  if (!path.empty()) text += "/http-path/" + net::percent_encode(path.substr(1));
  if (text.size() > kMaxAddressBytes) {
    return fail(Errc::invalid_argument, "{} makes too long a multiaddr.", url.origin());
  }
  return text;
}

Reach reach_of_host(std::string_view host) {
  const std::string name = net::to_lower_ascii(host);
  in6_addr ip6{};
  std::array<std::uint8_t, 4> ip4{};
  if (::inet_pton(AF_INET, name.c_str(), ip4.data()) == 1) return reach_of_ip4(ip4.data());
  if (::inet_pton(AF_INET6, name.c_str(), &ip6) == 1) return reach_of_ip6(ip6);
  if (name == "localhost" || name.ends_with(".localhost")) return Reach::machine;
  const bool is_local = name.find('.') == std::string::npos || name.ends_with(".local") ||
                        name.ends_with(".internal") || name.ends_with(".home.arpa");
  return is_local ? Reach::site : Reach::everyone;
}

Reach reach_of_multiaddr(std::string_view text) {
  Parts parts(text.starts_with('/') ? text : std::string_view());
  const auto kind = parts.value();
  const auto host = parts.value();
  return kind && host ? reach_of_host(*host) : Reach::machine;
}

bool may_name(Reach from, Reach to) { return from <= to; }

}  // namespace accel::routing
