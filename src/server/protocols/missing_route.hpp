// SPDX-License-Identifier: Apache-2.0
#pragma once
// What is said where a protocol has a route and this node has not: what does its work here. Pure.
// Used by ProtocolServer.

#include <string>
#include <string_view>

#include "protocols/protocol.hpp"

namespace accel::server {

// Whether clients of Ollama mean its API by a path; /api/v0 and /api/v1 are Kubo's and the node's.
bool is_ollama_path(std::string_view path);
// Of a request that matches no route. Error: not_found.
Error no_route(std::string_view method, std::string_view path);

}  // namespace accel::server
