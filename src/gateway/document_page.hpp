// SPDX-License-Identifier: Apache-2.0
#pragma once
// A dag-json or dag-cbor block as a page for people. Pure.

#include <string>

#include "gateway_request.hpp"

namespace accel::gateway {

// Says why when the block cannot be read.
std::string document_page(const GatewayRequest& request, const ipld::Cid& cid, ByteView block);

}  // namespace accel::gateway
