// SPDX-License-Identifier: Apache-2.0
#include "accel/net/url.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "accel/net/headers.hpp"

namespace accel::net {
namespace {

constexpr std::size_t kMaxHostBytes = 253;  // RFC 1035: a name's text form.
constexpr std::size_t kMaxSocketPathBytes =
    4096;  // PATH_MAX; longer than sun_path is handled when connecting.

std::uint16_t default_port(std::string_view scheme) { return scheme == "https" ? 443 : 80; }

bool is_ipv6(const std::string& host) {
  std::array<unsigned char, 16> binary{};
  return inet_pton(AF_INET6, host.c_str(), binary.data()) == 1;
}

bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
}

// A URL holds visible ASCII only; what else it carries must be percent-encoded.
Status check_characters(std::string_view text) {
  if (text.size() > kMaxUrlBytes) {
    return fail(Errc::invalid_argument, "A URL of {} bytes is longer than the limit of {}.",
                text.size(), kMaxUrlBytes);
  }
  const bool clean = std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7f; });
  if (!clean) {
    return fail(Errc::invalid_argument,
                "The URL holds a blank, a control character or non-ASCII text; percent-encode it.");
  }
  return {};
}

Status read_host(std::string_view text, std::string_view whole, Url& url) {
  if (text.starts_with('[')) {
    url.host = to_lower_ascii(text.substr(1, text.size() - 2));
    if (!text.ends_with(']') || !is_ipv6(url.host)) {
      return fail(Errc::invalid_argument, "The URL {} has no valid IPv6 address in its brackets.",
                  whole);
    }
    return {};
  }
  url.host = to_lower_ascii(text);
  if (url.host.empty() || url.host.size() > kMaxHostBytes ||
      !std::ranges::all_of(url.host, is_name_character)) {
    return fail(Errc::invalid_argument, "The URL {} has no valid host name.", whole);
  }
  return {};
}

Status read_port(std::string_view digits, std::string_view whole, Url& url) {
  if (digits.empty()) return {};
  const char* end = digits.data() + digits.size();
  const auto parsed = std::from_chars(digits.data(), end, url.port);
  if (parsed.ec != std::errc{} || parsed.ptr != end || url.port == 0) {
    return fail(Errc::invalid_argument, "The URL {} has a port that is not between 1 and 65535.",
                whole);
  }
  return {};
}

Status read_authority(std::string_view authority, std::string_view whole, Url& url) {
  if (authority.find('@') != std::string_view::npos) {
    return fail(Errc::invalid_argument,
                "A URL with a user name or password in it is refused; send a header instead.");
  }
  url.port = default_port(url.scheme);
  const std::size_t bracket = authority.rfind(']');
  const std::size_t colon = authority.rfind(':');
  const bool has_port =
      colon != std::string_view::npos && (bracket == std::string_view::npos || colon > bracket);
  ACCEL_CHECK(read_host(authority.substr(0, has_port ? colon : authority.size()), whole, url));
  if (has_port) ACCEL_CHECK(read_port(authority.substr(colon + 1), whole, url));
  return {};
}

// rest begins with '/', '?' or '#', or is empty. The fragment is never sent, so it is dropped.
void read_target(std::string_view rest, Url& url) {
  rest = rest.substr(0, rest.find('#'));
  const std::size_t question = rest.find('?');
  url.path = std::string(rest.substr(0, question));
  if (url.path.empty()) url.path = "/";
  if (question != std::string_view::npos) url.query = std::string(rest.substr(question + 1));
}

Result<Url> parse_unix(std::string_view rest, std::string_view whole) {
  while (rest.starts_with("//")) rest.remove_prefix(1);  // "unix:///run/api.sock" is common too.
  const std::size_t separator = rest.find(":/");
  const std::string_view socket = rest.substr(0, separator);
  if (!socket.starts_with('/') || socket.size() > kMaxSocketPathBytes) {
    return fail(Errc::invalid_argument,
                "The URL {} names no socket; write unix:/path/of/socket:/target.", whole);
  }
  Url url{.scheme = "unix", .host = std::string(socket), .path = "/", .query = {}};
  if (separator != std::string_view::npos) read_target(rest.substr(separator + 1), url);
  return url;
}

}  // namespace

std::string Url::authority() const {
  if (scheme == "unix") return "localhost";
  const bool bracketed = host.find(':') != std::string::npos;
  std::string text = bracketed ? "[" + host + "]" : host;
  if (port != default_port(scheme)) text += ":" + std::to_string(port);
  return text;
}

std::string Url::origin() const {
  if (scheme == "unix") return "unix:" + host;
  return scheme + "://" + authority();
}

std::string Url::target() const { return query.empty() ? path : path + "?" + query; }

std::string Url::to_string() const {
  return scheme == "unix" ? origin() + ":" + target() : origin() + target();
}

Result<Url> parse_url(std::string_view text) {
  ACCEL_CHECK(check_characters(text));
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) {
    return fail(Errc::invalid_argument, "The URL {} has no scheme; begin it with http://.", text);
  }
  Url url;
  url.scheme = to_lower_ascii(text.substr(0, colon));
  std::string_view rest = text.substr(colon + 1);
  if (url.scheme == "unix") return parse_unix(rest, text);
  if ((url.scheme != "http" && url.scheme != "https") || !rest.starts_with("//")) {
    return fail(Errc::invalid_argument, "The URL {} is none of http://, https:// and unix:/.",
                text);
  }
  rest.remove_prefix(2);
  const std::size_t end = std::min(rest.find_first_of("/?#"), rest.size());
  ACCEL_CHECK(read_authority(rest.substr(0, end), text, url));
  read_target(rest.substr(end), url);
  if (url.path.find('\\') != std::string::npos) {
    return fail(Errc::invalid_argument, "The URL {} has a backslash in its path.", text);
  }
  return url;
}

Result<Url> unix_url(std::string_view socket_path, std::string_view target) {
  ACCEL_CHECK(check_characters(target));
  while (socket_path.starts_with("//")) socket_path.remove_prefix(1);
  if (!socket_path.starts_with('/') || !target.starts_with('/')) {
    return fail(Errc::invalid_argument, "A socket's path and its target begin with '/': {} {}.",
                socket_path, target);
  }
  if (socket_path.size() > kMaxSocketPathBytes ||
      socket_path.find('\0') != std::string_view::npos) {
    return fail(Errc::invalid_argument, "A socket's path is too long or holds a NUL byte.");
  }
  if (socket_path.find(":/") != std::string_view::npos) {
    return fail(Errc::invalid_argument,
                "The path {} of a socket must not hold \":/\", which ends it in a URL.",
                socket_path);
  }
  Url url{.scheme = "unix", .host = std::string(socket_path), .path = "/", .query = {}};
  read_target(target, url);
  return url;
}

}  // namespace accel::net
