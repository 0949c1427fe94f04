// SPDX-License-Identifier: Apache-2.0
#pragma once
// The answers of /routing/v1. What is private is treated as absent. Private to gateway.

#include "accel/core/async/offload.hpp"
#include "accel/core/clock.hpp"
#include "accel/gateway/routing_rules.hpp"
#include "content.hpp"
#include "routing_request.hpp"

namespace accel::gateway {

// Whether the text after the host is a path of the routing API.
bool is_routing_path(const std::vector<std::string>& segments);

class RoutingAnswers {
 public:
  RoutingAnswers(const blockstore::Store& store, OffloadPool& pool, RoutingRules rules,
                 const Clock& clock)
      : store_(store), pool_(pool), rules_(std::move(rules)), clock_(clock) {}

  bool enabled() const { return rules_.enabled; }
  // Every outcome is a response. `http` must live until the task ends.
  Task<net::HttpResponse> answer(const net::HttpRequest& http, std::vector<std::string> parts);

 private:
  net::HttpResponse providers_of(const net::HttpRequest& http, const ProvidersQuestion& question);
  net::HttpResponse peer(const net::HttpRequest& http, const PeersQuestion& question);
  Task<net::HttpResponse> record(const net::HttpRequest& http, ipld::IpnsName name);
  Task<net::HttpResponse> keep(const net::HttpRequest& http, ipld::IpnsName name);
  std::vector<routing::PeerRecord> shown_to(const net::HttpRequest& http) const;
  net::HttpResponse list(routing::RecordList what, std::vector<routing::PeerRecord> records,
                         const ListForm& form) const;

  const blockstore::Store& store_;
  OffloadPool& pool_;
  RoutingRules rules_;
  const Clock& clock_;
};

}  // namespace accel::gateway
