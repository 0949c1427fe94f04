// SPDX-License-Identifier: Apache-2.0
#pragma once
// A folder as a page for people or as JSON for programs. Pure. Names come from strangers:
// everything is escaped. The page's markers (the words "Index of", the class ipfs-hash, links to
// "..") are those that users of other gateways look for.

#include <string>

#include "content.hpp"
#include "gateway_request.hpp"

namespace accel::gateway {

std::string listing_html(const GatewayRequest& request, const FoundFolder& folder);
// {"cid", "path", "truncated", "entries": [{"name", "cid", "kind", "bytes"}]}
std::string listing_json(const GatewayRequest& request, const FoundFolder& folder);

}  // namespace accel::gateway
