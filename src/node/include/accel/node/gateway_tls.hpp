// SPDX-License-Identifier: Apache-2.0
#pragma once
// The certificate that the gateway speaks TLS with. Used by cli for `daemon --gateway-tls`. Blocks
// (files); thread-safe.

#include "accel/core/config.hpp"
#include "accel/net/http_server.hpp"
#include "accel/node/home.hpp"

namespace accel::node {

// gateway.tls_certificate and gateway.tls_key, or, when neither is set, a pair that is made in
// home/tls/ on first use and again before it expires: for localhost, and vouched for by nobody
// else. Errors: invalid_argument (only one of the two is set), permission_denied, io, internal.
Result<net::ServerTls> gateway_tls(const Home& home, const Config& config);

}  // namespace accel::node
