// SPDX-License-Identifier: Apache-2.0
#pragma once
// The table of the routes of api/openapi.yaml, which a test compares with it. Pure. Used by
// ProtocolServer.

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "protocols/protocol.hpp"

namespace accel::server {

struct Route {
  std::string_view method;  // "GET", "POST"
  std::string_view path;    // "/v2/models/{model}/infer"
  Protocol protocol;
  bool open;  // Needs no token over TCP.
};
std::span<const Route> protocol_routes();

inline constexpr std::string_view kTranscriptions = "/v1/audio/transcriptions";

// The segment that stands where the route says {model}; empty for a route without. Nothing when the
// path is another one.
std::optional<std::string> match_route(const Route& route,
                                       const std::vector<std::string>& segments);
// By the beginning of a path, also of one that is no route.
Protocol protocol_of(std::string_view path);

}  // namespace accel::server
