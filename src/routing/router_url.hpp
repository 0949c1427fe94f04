// SPDX-License-Identifier: Apache-2.0
#pragma once
// Where a router answers. Private to routing. Pure.

#include <string>

#include "accel/net/url.hpp"

namespace accel::routing {

// "http://host:port", a path in front of /routing is kept. Errors: invalid_argument.
Result<net::Url> router_url(const std::string& text);

}  // namespace accel::routing
