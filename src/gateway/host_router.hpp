// SPDX-License-Identifier: Apache-2.0
#pragma once
// From the Host and path of a request to the content root that it means, or to the address where it
// should go. Pure, but for the look at DNSLinks that the caller gives. Nothing that a host name
// says leads anywhere but to content. Spec: ipfs/specs http-gateways/subdomain-gateway.md,
// dnslink-gateway.md.

#include <functional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "accel/gateway/gateway.hpp"
#include "accel/net/message.hpp"
#include "gateway_request.hpp"

namespace accel::gateway {

struct Redirect {
  int status = 301;
  std::string location;
};

// The decoded names behind /routing/v1.
struct RoutingPath {
  std::vector<std::string> parts;
};

using Routed = std::variant<Route, Redirect, Refused, RoutingPath>;

struct HostRules {
  const std::vector<KnownHost>& hosts;
  std::size_t max_segments = 64;
  std::function<bool(const std::string& domain)> has_dnslink;  // May block.
  bool routes = false;                                         // /routing/v1 is served.
};

Routed route_request(const net::HttpRequest& request, const HostRules& rules);
// Whether route_request() may ask has_dnslink: the host is a domain that is not known.
bool may_be_dnslink(const net::HttpRequest& request, const HostRules& rules);
// Whether the host stands for no content, as far as its name tells: trustless paths mean what they
// say there. Errs on the side of no.
bool is_path_host(const net::HttpRequest& request, const std::vector<KnownHost>& hosts);

}  // namespace accel::gateway
