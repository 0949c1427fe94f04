// SPDX-License-Identifier: Apache-2.0
#pragma once
// URLs of the schemes that net speaks, percent-coding, and the parts of a request target.
// Used by the client, the server's callers and everything that stores a source's address. Plain
// values. Spec: RFC 3986 (no userinfo: credentials in URLs are refused), WHATWG only where curl and
// browsers agree with it.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "accel/core/result.hpp"

namespace accel::net {

inline constexpr std::size_t kMaxUrlBytes = 8 * 1024;
inline constexpr std::size_t kMaxPathSegments = 256;

// "http://host:port/path?query", "https://…", or "unix:/run/api.sock:/path?query".
struct Url {
  std::string scheme;      // "http", "https" or "unix", lower case.
  std::string host;        // Lower case; IPv6 without brackets; for unix the path of the socket.
  std::uint16_t port = 0;  // The scheme's default when the text names none; 0 for unix.
  std::string path = "/";  // Percent-encoded as it was written; never empty.
  std::string query;       // Without the '?'.

  std::string to_string() const;
  std::string origin()
      const;  // "http://host:port" or "unix:/run/api.sock": the key of a connection pool.
  std::string target() const;  // "/path?query", what a request line carries.
  std::string authority()
      const;  // "host" or "host:port" for the Host header; "localhost" for unix.

  bool operator==(const Url&) const = default;
};

// Errors: invalid_argument with the part that is wrong (scheme, host, port, userinfo, control
// characters, length).
Result<Url> parse_url(std::string_view text);
// A URL for a request over a Unix socket. target starts with '/'.
Result<Url> unix_url(std::string_view socket_path, std::string_view target);
// Resolves a Location value against the URL that answered it (RFC 3986 section 5, http and https
// only).
Result<Url> resolve_reference(const Url& base, std::string_view reference);

// Encodes everything but unreserved characters (and '/' when keep_slashes).
std::string percent_encode(std::string_view text, bool keep_slashes = false);
// Errors: invalid_argument for a '%' that two hex digits do not follow.
Result<std::string> percent_decode(std::string_view text);

// The decoded segments of an encoded path: "/a%20b/c" -> {"a b", "c"}; empty segments are dropped.
// Errors: invalid_argument for "." or ".." in any spelling, '/', NUL or a backslash-free control
// byte inside a segment, broken coding, too many segments: nothing that comes out can climb out of
// a folder.
Result<std::vector<std::string>> split_path(std::string_view encoded_path);

// The first value of a key in a query ("format=raw&x=1"), decoded; '+' is a space. nullopt when
// absent or badly coded.
std::optional<std::string> query_value(std::string_view query, std::string_view key);

}  // namespace accel::net
