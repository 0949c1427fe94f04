// SPDX-License-Identifier: Apache-2.0
// endpoints.{add, list, rm, test, stats}: the servers that requests may go to.
#include <algorithm>

#include "serving/remote_route.hpp"

namespace accel::node {
namespace {

using nlohmann::json;

// What may be shown of an endpoint: where its key lies, never the key.
json row_of(const endpoints::Endpoint& endpoint) {
  const auto timeout = std::chrono::duration_cast<std::chrono::milliseconds>(endpoint.timeout);
  json models = json::array();
  for (const endpoints::ServedModel& model : endpoint.models)
    models.push_back({{"name", model.name}, {"remote", model.remote}});
  json row{{"name", endpoint.name},
           {"kind", endpoint.kind},
           {"wire", endpoints::wire_name(endpoint.wire)},
           {"url", endpoint.url.to_string()},
           {"on_this_machine", endpoint.on_this_machine()},
           {"models", std::move(models)},
           {"key", nullptr},
           {"max_concurrent", endpoint.max_concurrent},
           {"requests_per_minute", endpoint.requests_per_minute},
           {"timeout_ms", timeout.count()}};
  if (!endpoint.key_env.empty()) row["key"] = "environment variable " + endpoint.key_env;
  if (!endpoint.key_file.empty()) row["key"] = "file " + endpoint.key_file;
  if (endpoint.price_input) row["price_input"] = *endpoint.price_input;
  if (endpoint.price_output) row["price_output"] = *endpoint.price_output;
  return row;
}

json row_of(const endpoints::EndpointStats& stats) {
  json row{{"name", stats.name},
           {"breaker", stats.state},
           {"requests", stats.requests},
           {"failures", stats.failures},
           {"refusals", stats.refusals},
           {"cancelled", stats.cancelled},
           {"outstanding", stats.outstanding},
           {"latency_ms", nullptr},
           {"p95_ms", nullptr},
           {"paused_ms", stats.paused_ms},
           {"prompt_tokens", stats.prompt_tokens},
           {"completion_tokens", stats.completion_tokens},
           {"cost", stats.cost},
           {"last_error", stats.last_error},
           {"provenance", "measured"},
           {"usage_provenance", "reported"}};
  if (stats.latency_ms) row["latency_ms"] = *stats.latency_ms;
  if (stats.p95_ms) row["p95_ms"] = *stats.p95_ms;
  return row;
}

std::optional<std::int64_t> whole_of(Params& params, const char* name) {
  if (!params.given(name)) return std::nullopt;
  return params.integer(name, 0);
}

std::optional<double> number_of(Params& params, const char* name) {
  if (!params.given(name)) return std::nullopt;
  return params.number(name, 0);
}

}  // namespace

Result<json> endpoints_add(ServingContext& call) {
  Params& params = call.context.params;
  endpoints::EndpointWords words;
  words.name = params.required_text("name");
  words.kind = params.required_text("kind");
  words.url = params.text("url", {});
  words.key_env = params.text("key_env", {});
  words.key_file = params.text("key_file", {});
  words.models = params.texts("models");
  words.max_concurrent = whole_of(params, "max_concurrent");
  words.requests_per_minute = whole_of(params, "requests_per_minute");
  words.timeout_ms = whole_of(params, "timeout_ms");
  words.price_input = number_of(params, "price_input");
  words.price_output = number_of(params, "price_output");
  const bool replace = params.flag("replace");
  ACCEL_CHECK(params.finish());
  ACCEL_TRY(endpoints::Endpoint endpoint, endpoints::make_endpoint(words));
  json row = row_of(endpoint);
  ACCEL_CHECK(call.serving.endpoints.add(call.context.services, std::move(endpoint), replace));
  const std::string policy = call.context.services.config().get<std::string>("endpoints.policy");
  row["policy"] = policy;
  row["usable"] = policy != "local" || row.at("on_this_machine") == true;
  return row;
}

Result<json> endpoints_list(ServingContext& call) {
  ACCEL_CHECK(call.context.params.finish());
  ACCEL_TRY(const auto list, call.serving.endpoints.list(call.context.services));
  json rows = json::array();
  for (const endpoints::Endpoint& endpoint : list) rows.push_back(row_of(endpoint));
  return json{{"endpoints", std::move(rows)},
              {"policy", call.context.services.config().get<std::string>("endpoints.policy")}};
}

Result<json> endpoints_rm(ServingContext& call) {
  const std::string name = call.context.params.required_text("name");
  ACCEL_CHECK(call.context.params.finish());
  ACCEL_CHECK(call.serving.endpoints.remove(call.context.services, name));
  return json{{"removed", name}};
}

// Asks for the models, which costs nothing anywhere.
Result<json> endpoints_test(ServingContext& call) {
  Context& context = call.context;
  RemoteWish wish = read_remote_wish(context);
  wish.endpoint = context.params.required_text("name");
  ACCEL_CHECK(context.params.finish());
  ACCEL_TRY(const auto route, named_route(call, {}, wish));
  ACCEL_TRY(endpoints::Multiplexer* const multiplexer,
            call.serving.endpoints.multiplexer(context.services));
  endpoints::Question question;
  question.request.operation = endpoints::Operation::listing;
  question.endpoint = wish.endpoint;
  question.may_leave = route && route->may_leave;
  ACCEL_TRY(endpoints::Reply reply, multiplexer->ask(std::move(question), {}, context.stop));
  json result{{"models", reply.answer.models}};
  tell_remote(reply, result);
  return result;
}

Result<json> endpoints_stats(ServingContext& call) {
  ACCEL_CHECK(call.context.params.finish());
  ACCEL_TRY(endpoints::Multiplexer* const multiplexer,
            call.serving.endpoints.multiplexer(call.context.services));
  json rows = json::array();
  for (const endpoints::EndpointStats& stats : multiplexer->stats()) rows.push_back(row_of(stats));
  return json{{"endpoints", std::move(rows)}};
}

}  // namespace accel::node
