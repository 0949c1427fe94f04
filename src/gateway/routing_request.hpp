// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a request below /routing/v1 asks. Pure: text in, values or a refusal out. Used by
// RoutingAnswers, tests and the fuzzer. Spec: ipfs/specs src/routing/http-routing-v1.md, IPIP-484.

#include <variant>

#include "accel/ipld/cid.hpp"
#include "accel/ipld/ipns_name.hpp"
#include "accel/routing/records.hpp"
#include "gateway_request.hpp"

namespace accel::gateway {

// The form of a list of peers.
struct ListForm {
  routing::Filters filters = {};
  bool as_lines = false;  // The client named ndjson.
};
struct ProvidersQuestion {
  ipld::Cid cid;
  ListForm form = {};
};
struct PeersQuestion {
  ipld::IpnsName peer;  // Peer ids and IPNS names are the same hashes.
  ListForm form = {};
};
struct RecordQuestion {
  ipld::IpnsName name;
};
struct RecordOffer {
  ipld::IpnsName name;
};
using RoutingQuestion =
    std::variant<ProvidersQuestion, PeersQuestion, RecordQuestion, RecordOffer, Refused>;

// parts: the decoded names behind /routing/v1.
RoutingQuestion parse_routing_request(const net::HttpRequest& request,
                                      const std::vector<std::string>& parts);

}  // namespace accel::gateway
