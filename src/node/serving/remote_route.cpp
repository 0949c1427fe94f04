// SPDX-License-Identifier: Apache-2.0
#include "serving/remote_route.hpp"

#include <algorithm>
#include <array>

#include "names/names.hpp"

namespace accel::node {
namespace {

using nlohmann::json;

constexpr std::int64_t kMostMs = std::chrono::milliseconds(std::chrono::hours(24)).count();
constexpr std::ptrdiff_t kMostHops = 8;
constexpr std::size_t kMostViaBytes = 1024;
constexpr std::array<std::string_view, 3> kPolicies{"local", "prefer-local", "any"};

// The stricter of the node's word and the request's.
Result<std::size_t> policy_of(ServingContext& call, const RemoteWish& wish) {
  const auto place = [](std::string_view word) {
    return static_cast<std::size_t>(std::ranges::find(kPolicies, word) - kPolicies.begin());
  };
  const std::size_t most =
      place(call.context.services.config().get<std::string>("endpoints.policy"));
  if (wish.policy.empty()) return most;
  const std::size_t wanted = place(wish.policy);
  if (wanted < kPolicies.size()) return std::min(most, wanted);
  return fail(Errc::invalid_argument, "endpoint_policy must be one of {}.",
              fmt::join(kPolicies, ", "));
}

// A model that is private here is nobody else's to hear of, nor are the prompts that it is for.
Result<bool> is_private(ServingContext& call, const std::string& model) {
  ACCEL_TRY(const blockstore::Store* const store, call.context.services.store());
  const auto target = resolve_target(*store, model);
  if (!target) return false;
  return store->is_private(target->root);
}

// Endpoints that lead back here would ask each other until all their places are taken.
Result<std::string> next_via(ServingContext& call, const std::string& via) {
  const std::string& own = call.serving.endpoints.via();
  if (via.empty()) return own;
  if (via.find(own) != via.npos) {
    return fail(Errc::not_found,
                "The request came back to this node: an endpoint of it, or of one that it asks, "
                "leads here.");
  }
  if (std::ranges::count(via, ',') + 1 < kMostHops && via.size() <= kMostViaBytes)
    return via + ", " + own;
  return fail(Errc::not_found, "The request came through {} nodes, and no more may be asked.",
              kMostHops);
}

Result<RemoteRoute> route_of(ServingContext& call, RemoteRoute route, const RemoteWish& wish) {
  ACCEL_TRY(route.via, next_via(call, wish.via));
  ACCEL_TRY(const std::size_t policy, policy_of(call, wish));
  ACCEL_TRY(const bool secret, is_private(call, route.model));
  route.may_leave = policy > 0 && !secret;
  route.deadline = wish.deadline;
  return route;
}

// A model may have an '@' of its own, where an endpoint was given it by that name, or in a path
// below a root. An endpoint without names takes any, which tells nothing.
Result<bool> is_known_whole(ServingContext& call, const std::string& model,
                            const std::vector<endpoints::Endpoint>& list) {
  const auto serves = [&](const endpoints::Endpoint& one) {
    return one.lists(model) || one.takes_any();
  };
  if (std::ranges::any_of(list, serves)) return true;
  ACCEL_TRY(const blockstore::Store* const store, call.context.services.store());
  return resolve_target(*store, model).has_value();
}

tl::unexpected<Error> no_endpoint(const std::string& name,
                                  const std::vector<endpoints::Endpoint>& list) {
  std::vector<std::string_view> names;
  for (const endpoints::Endpoint& one : list) names.push_back(one.name);
  if (names.empty()) {
    return fail(Errc::not_found,
                "There is no endpoint \"{}\", nor any other: `ipfs-accelerate endpoints add` names "
                "one.",
                name);
  }
  return fail(Errc::not_found, "There is no endpoint \"{}\"; there are {}.", name,
              fmt::join(names, ", "));
}

void put_count(json& result, const char* name, std::optional<std::uint64_t> count) {
  if (count) result[name] = *count;
}

}  // namespace

RemoteWish read_remote_wish(Context& context) {
  Params& params = context.params;
  RemoteWish wish{params.text("endpoint", {}), params.text("endpoint_policy", {})};
  wish.via = params.text("via", {});
  if (params.given("timeout_ms")) {
    const auto left = std::chrono::milliseconds(params.integer_in("timeout_ms", 1, 1, kMostMs));
    wish.deadline = context.services.clock().now() + left;
  }
  return wish;
}

Result<std::optional<RemoteRoute>> named_route(ServingContext& call, const std::string& model,
                                               const RemoteWish& wish) {
  if (!wish.endpoint.empty()) return route_of(call, {model, wish.endpoint}, wish);
  const std::size_t at = model.rfind('@');
  const bool of_hub = model.starts_with("hf:") || model.starts_with("ollama:") ||
                      model.starts_with("s3:");  // "@REVISION", or '@' in a key.
  if (at == model.npos || at == 0 || of_hub) return std::nullopt;
  ACCEL_TRY(const auto list, call.serving.endpoints.list(call.context.services));
  const std::string name = model.substr(at + 1);
  if (std::ranges::find(list, name, &endpoints::Endpoint::name) != list.end())
    return route_of(call, {model.substr(0, at), name}, wish);
  ACCEL_TRY(const bool known, is_known_whole(call, model, list));
  if (known) return std::nullopt;
  return no_endpoint(name, list);
}

std::optional<RemoteRoute> route_after(ServingContext& call, const std::string& model,
                                       const RemoteWish& wish, const Error& error) {
  const bool absent = error.code == Errc::not_found;
  const bool no_room = inference::is_for_want_of_room(error) || error.code == Errc::unavailable;
  if (!absent && !no_room) return std::nullopt;
  const auto list = call.serving.endpoints.list(call.context.services);
  if (!list || list->empty()) return std::nullopt;
  // What a model that is here does not find is nobody else's business.
  const auto store = call.context.services.store();
  if (absent && store && resolve_target(**store, model)) return std::nullopt;
  const auto policy = policy_of(call, wish);
  if (!policy || (no_room && *policy + 1 < kPolicies.size())) return std::nullopt;
  RemoteRoute route{model, {}, /*only_listed=*/!absent};
  auto made = route_of(call, std::move(route), wish);
  return made ? std::optional(*std::move(made)) : std::nullopt;
}

Error joined(Error here, const Error& there) {
  const bool nobody = there.code == Errc::not_found || there.code == Errc::permission_denied;
  if (!nobody) return there;
  here.cause = there.message;
  return here;
}

void tell_remote(const endpoints::Reply& reply, json& result) {
  const endpoints::Told& told = reply.told;
  json endpoint{{"name", told.endpoint},     {"kind", told.kind},
                {"model", told.model},       {"on_this_machine", told.on_this_machine},
                {"attempts", told.attempts}, {"hedged", told.hedged},
                {"wait_ms", told.wait_ms}};
  if (!reply.answer.model.empty()) endpoint["answered_as"] = reply.answer.model;
  result["endpoint"] = std::move(endpoint);
  result["first_ms"] = told.first_ms;
  result["latency_ms"] = told.total_ms;
  result["provenance"] = "measured";
  const endpoints::Usage& usage = reply.answer.usage;
  put_count(result, "prompt_tokens", usage.prompt_tokens);
  put_count(result, "completion_tokens", usage.completion_tokens);
  put_count(result, "cached_tokens", usage.cached_tokens);
  if (usage.prompt_tokens || usage.completion_tokens) result["usage_provenance"] = "reported";
  if (told.cost) result["cost"] = *told.cost;
  if (!reply.answer.not_sent.empty()) result["not_sent"] = reply.answer.not_sent;
}

}  // namespace accel::node
