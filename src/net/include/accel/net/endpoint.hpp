// SPDX-License-Identifier: Apache-2.0
#pragma once
// Where a server listens. Used by HttpServer and its callers. Plain values.

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <variant>

#include "accel/core/result.hpp"

namespace accel::net {

// Loopback unless told otherwise; port 0 lets the kernel choose.
struct TcpEndpoint {
  std::string host = "127.0.0.1";  // A numeric address or "localhost".
  std::uint16_t port = 0;
  bool operator==(const TcpEndpoint&) const = default;
};

// A socket file with mode 0600. A file that nobody listens on (left by a crash) is replaced;
// anything else is kept.
struct UnixEndpoint {
  std::filesystem::path path;
  bool operator==(const UnixEndpoint&) const = default;
};

using Endpoint = std::variant<TcpEndpoint, UnixEndpoint>;

std::string to_string(
    const Endpoint& endpoint);  // "127.0.0.1:8080", "[::1]:8080", "unix:/run/api.sock"
std::string base_url(const Endpoint& endpoint);  // "http://127.0.0.1:8080", "unix:/run/api.sock"
// Whether a process listens behind the socket file, which a crash leaves behind. One connect() that
// never waits; a path of any length.
bool can_connect(const UnixEndpoint& endpoint);
// "127.0.0.1:8080", "[::1]:0", "localhost:8080", ":8080" or "8080" (loopback), "unix:/path".
// Errors: invalid_argument.
Result<Endpoint> parse_endpoint(std::string_view text);

}  // namespace accel::net
