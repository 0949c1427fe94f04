// SPDX-License-Identifier: Apache-2.0
#pragma once
// A folder as a page for people or as JSON for programs. Pure. Names come from strangers:
// everything is escaped.

#include <string>

#include "content.hpp"
#include "gateway_request.hpp"

namespace accel::gateway {

std::string listing_html(const GatewayRequest& request, const FoundFolder& folder);
// {"cid", "path", "truncated", "entries": [{"name", "cid", "kind", "bytes"}]}
std::string listing_json(const GatewayRequest& request, const FoundFolder& folder);
std::string escape_html(std::string_view text);

}  // namespace accel::gateway
