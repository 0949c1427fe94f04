// SPDX-License-Identifier: Apache-2.0
#pragma once
// Asks delegated routers who provides a CID. Used by node for pull and `routing findprovs`.
// Threads: a coroutine of a serial executor; the client must outlive it. Nothing that a router says
// is trusted: blocks are verified by whoever fetches them, addresses nearer than the router are
// left out (http_address.hpp). Spec: ipfs/specs src/routing/http-routing-v1.md.

#include <stop_token>
#include <string>
#include <vector>

#include "accel/core/async/task.hpp"
#include "accel/core/clock.hpp"
#include "accel/ipld/cid.hpp"
#include "accel/net/http_client.hpp"
#include "accel/routing/records.hpp"

namespace accel::routing {

inline constexpr std::size_t kMaxRouters = 16;   // Of one question; each may take a connection.
inline constexpr std::size_t kMaxGateways = 16;  // That one answer may lead a pull to.

struct FindOptions {
  std::vector<std::string> protocols = {};      // Only peers that speak one of these; none: all.
  Duration timeout = std::chrono::seconds(10);  // For each router; all are asked at once.
  ReplyLimits limits = {};
  std::stop_token stop = {};
};

struct FoundProvider {
  PeerRecord peer;
  std::string router;  // The URL of who said so.
};
struct RouterTrouble {
  std::string router;
  Error error;
};
struct FindReport {
  std::vector<FoundProvider> providers = {};
  std::vector<RouterTrouble> troubles = {};
};

// "http://host:port", a path in front of /routing is kept. A router that fails becomes a trouble.
// Errors: invalid_argument (no URL, too many of them), cancelled.
Task<FindReport> find_providers(net::HttpClient& client, std::vector<std::string> routers,
                                ipld::Cid cid, FindOptions options);

// A gateway that a router named.
struct FoundGateway {
  std::string url;
  bool network_only = true;  // Never on this machine: the router is elsewhere.
};
// Of each provider that speaks the gateway protocol one address that its router may name, https
// first; without repetitions, at most kMaxGateways.
std::vector<FoundGateway> gateways_of(const FindReport& report);

}  // namespace accel::routing
