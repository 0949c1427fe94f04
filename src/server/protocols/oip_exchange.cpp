// SPDX-License-Identifier: Apache-2.0
// ProtocolServer's part for the Open Inference Protocol over REST: which method answers a route,
// and how.
#include "accel/node/build_info.hpp"
#include "protocols/exchange.hpp"
#include "protocols/oip.hpp"
#include "protocols/oip_binary.hpp"

namespace accel::server {
namespace {

using net::HttpResponse;
using nlohmann::json;

HttpResponse tensor_reply(json body) {
  oip::WrittenBody written = oip::write_body(std::move(body));
  if (!written.binary) return net::json_response(200, std::move(written.bytes));
  HttpResponse response;
  response.headers.set("Content-Type", "application/octet-stream");
  response.headers.set(std::string(oip::kHeaderLength), std::to_string(written.json_bytes));
  response.body = std::move(written.bytes);
  return response;
}

}  // namespace

Task<HttpResponse> ProtocolServer::oip(Call call) {
  const std::string_view path = call.route->path;
  if (path == "/v2") co_return json_reply(oip::server_reply(node::kVersion));
  if (path == "/v2/health/live") co_return json_reply({{"live", true}});
  if (path == "/v2/health/ready") co_return json_reply({{"ready", true}});
  if (path.starts_with("/v2/repository/")) {
    auto answer = oip_repository(std::move(call));
    co_return co_await std::move(answer);
  }
  const bool stats = path.ends_with("/stats");
  MethodRequest request{stats ? "models.stats" : "model.signature"};
  if (!call.model.empty()) request.params["model"] = call.model;
  json id;
  if (path.ends_with("/infer")) {
    if (call.body.contains("id")) id = call.body.at("id");
    ACCEL_CO_TRY(request, oip::infer_request(std::move(call.body), call.model));
    call.tell(request);
  }
  auto running = run(std::move(request), call);
  Result<json> result = co_await std::move(running);
  if (!result) co_return fail(result.error());
  if (path.ends_with("/infer")) {
    json explained;
    call.explain_in(explained, *result);
    const std::uint64_t known = known_of(*result);
    json body = oip::infer_reply(id, call.model, std::move(*result));
    if (!explained.is_null()) body.update(explained);
    co_return with_known(tensor_reply(std::move(body)), known);
  }
  if (stats) co_return json_reply(oip::stats_reply(*result));
  if (path.ends_with("/ready")) co_return json_reply({{"name", call.model}, {"ready", true}});
  co_return json_reply(oip::metadata_reply(call.model, *result));
}

Task<HttpResponse> ProtocolServer::oip_repository(Call call) {
  const std::string_view path = call.route->path;
  const bool index = path.ends_with("/index");
  MethodRequest request{index                     ? "models.list"
                        : path.ends_with("/load") ? "model.signature"
                                                  : "models.unload"};
  if (!index) request.params["model"] = call.model;
  auto running = run(std::move(request), call);
  const Result<json> result = co_await std::move(running);
  if (!result) co_return fail(result.error());
  if (!index) co_return json_reply(json::object());
  auto looking = run(MethodRequest{"models.loaded"}, call);
  const Result<json> loaded = co_await std::move(looking);
  if (!loaded) co_return fail(loaded.error());
  ACCEL_CO_TRY(const json rows, oip::index_reply(call.body, *result, *loaded));
  co_return json_reply(rows);
}

}  // namespace accel::server
