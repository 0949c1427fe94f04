// SPDX-License-Identifier: Apache-2.0
#pragma once
// The certificates that the gateway and the API speak TLS with. Used by cli for `daemon`. Blocks
// (files); thread-safe.

#include <optional>

#include "accel/core/config.hpp"
#include "accel/net/http_server.hpp"
#include "accel/node/home.hpp"

namespace accel::node {

// gateway.tls_certificate and gateway.tls_key, or, when neither is set, a pair that is made in
// home/tls/ on first use and again before it expires: for localhost, and vouched for by nobody
// else. Errors: invalid_argument (only one of the two is set), permission_denied, io, internal.
Result<net::ServerTls> gateway_tls(const Home& home, const Config& config);

// api.tls_certificate, api.tls_key and api.client_ca; nothing when none is set. There is none made
// by itself: clients of the API are to know whom they give their key. Errors: invalid_argument (one
// is set and another is missing).
Result<std::optional<net::ServerTls>> api_tls(const Config& config);

}  // namespace accel::node
