// SPDX-License-Identifier: Apache-2.0
#include "protocols/exchange.hpp"

#include "accel/core/clock.hpp"
#include "accel/core/random.hpp"

namespace accel::server {

using net::HttpResponse;
using nlohmann::json;

HttpResponse json_reply(const json& body, int status) {
  return net::json_response(status,
                            body.dump(-1, ' ', false, json::error_handler_t::replace) + "\n");
}

std::uint64_t known_of(const json& result) {
  const json cached = result.value("cached", json());
  if (cached.is_boolean()) return cached.get<bool>() ? 1 : 0;
  return cached.is_number_unsigned() ? cached.get<std::uint64_t>() : 0;
}

HttpResponse with_known(HttpResponse response, std::uint64_t known) {
  if (known > 0) response.headers.set("X-Cached", std::to_string(known));
  return response;
}

HttpResponse with_fallback(HttpResponse response, const json& result) {
  const auto fell = result.find("fell_back");
  if (fell == result.end()) return response;
  response.headers.set("X-Fell-Back",
                       fmt::format(R"(from="{}", to="{}")", fell->value("from", std::string()),
                                   fell->value("to", std::string())));
  return response;
}

ReplyFacts facts_of(const json& body) {
  const WallTime now = system_clock().wall_now();
  const auto since = std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch());
  return {random_hex(system_random(), 12), body.value("model", std::string()), to_rfc3339(now),
          since.count()};
}

}  // namespace accel::server
