// SPDX-License-Identifier: Apache-2.0
#pragma once
// IPNS records at a delegated router: kept there, and asked for. Used by node's name methods.
// Threads: coroutines of a serial executor; the client must outlive them. What a router gives is
// bytes: the caller verifies them. Spec: ipfs/specs src/routing/http-routing-v1.md ("IPNS API").

#include <stop_token>
#include <string>

#include "accel/core/async/task.hpp"
#include "accel/core/clock.hpp"
#include "accel/ipld/ipns_name.hpp"
#include "accel/net/http_client.hpp"

namespace accel::routing {

struct IpnsCall {
  std::string router;  // "http://host:port", a path in front of /routing is kept.
  ipld::IpnsName name;
  Duration timeout = std::chrono::seconds(10);
  std::stop_token stop = {};
};

// Errors: invalid_argument (no URL), what the router answers (unsupported where it keeps none),
// and those of HttpClient.
Task<void> put_ipns_record(net::HttpClient& client, IpnsCall call, Bytes record);
// Errors: not_found (the router knows none), and as above.
Task<Bytes> get_ipns_record(net::HttpClient& client, IpnsCall call);

}  // namespace accel::routing
