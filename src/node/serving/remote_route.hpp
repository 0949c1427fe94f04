// SPDX-License-Identifier: Apache-2.0
#pragma once
// Whether a request goes to an endpoint: by its own words, or because it can't be answered here.
// Used by the methods that run models. What may leave this machine is bounded twice: by
// endpoints.policy, and by the request, which may only be stricter.

#include <optional>
#include <string>

#include "accel/endpoints/multiplexer.hpp"
#include "serving/serving.hpp"

namespace accel::node {

struct RemoteWish {
  std::string endpoint;  // Its name; empty: none is named.
  std::string policy;    // "local", "prefer-local", "any"; empty: as endpoints.policy says.
  std::optional<SteadyTime> deadline = {};  // Of the request.
  std::string via = {};                     // The nodes that it came through.
};
// The parameters "endpoint", "endpoint_policy", "via" and "timeout_ms", which is what is left of a
// request's time now: whoever called stops the method then, and an endpoint must be done before.
RemoteWish read_remote_wish(Context& context);

struct RemoteRoute {
  std::string model;         // Without "@endpoint".
  std::string endpoint;      // Empty: whichever serves it.
  bool only_listed = false;  // Only endpoints that name the model.
  bool may_leave = false;
  std::optional<SteadyTime> deadline = {};
  std::string via = {};  // With this node.
};

// An endpoint that the request names, in `wish` or as MODEL@ENDPOINT. Nothing: it names none.
// Errors: invalid_argument (the policy), not_found (MODEL@ENDPOINT names none that there is, or the
// request came through here before), and of reading the list.
Result<std::optional<RemoteRoute>> named_route(ServingContext& call, const std::string& model,
                                               const RemoteWish& wish);

// After `error` came of the attempt to answer here, of which nothing was handed on. Nothing: it is
// the last word. A model that is not here goes to whoever serves it, one that had no place here to
// an endpoint that names it.
std::optional<RemoteRoute> route_after(ServingContext& call, const std::string& model,
                                       const RemoteWish& wish, const Error& error);

// What an endpoint said where nothing is known here, either: the first error stays the first.
Error joined(Error here, const Error& there);

// As results tell it: "endpoint" {…}, "latency_ms", the usage with "usage_provenance",
// "provenance".
void tell_remote(const endpoints::Reply& reply, nlohmann::json& result);

}  // namespace accel::node
