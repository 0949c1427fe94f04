// SPDX-License-Identifier: Apache-2.0
// endpoints.json of a home: {"format": 1, "endpoints": [{what `endpoints add` was told}]}. No key
// is ever in it.
#include <set>

#include "accel/core/json.hpp"
#include "accel/endpoints/endpoint.hpp"
#include "wire/reading.hpp"

namespace accel::endpoints {
namespace {

using nlohmann::json;

constexpr int kFormat = 1;

tl::unexpected<Error> corrupt(std::string_view what) {
  return fail(Errc::corrupt, "The list of endpoints (endpoints.json) {}.", what);
}

std::optional<std::int64_t> whole_of(const json& row, const char* name) {
  const json& found = member_of(row, name);
  return found.is_number_integer() ? std::optional(found.get<std::int64_t>()) : std::nullopt;
}

std::optional<double> price_of(const json& row, const char* name) {
  const json& found = member_of(row, name);
  return found.is_number() ? std::optional(found.get<double>()) : std::nullopt;
}

EndpointWords words_of(const json& row) {
  EndpointWords words;
  words.name = text_of(row, "name");
  words.kind = text_of(row, "kind");
  words.url = text_of(row, "url");
  words.key_env = text_of(row, "key_env");
  words.key_file = text_of(row, "key_file");
  for (const json& model : list_of(row, "models")) {
    words.models.push_back(text_of(model, "name") + "=" + text_of(model, "remote"));
  }
  words.max_concurrent = whole_of(row, "max_concurrent");
  words.requests_per_minute = whole_of(row, "requests_per_minute");
  words.timeout_ms = whole_of(row, "timeout_ms");
  words.price_input = price_of(row, "price_input");
  words.price_output = price_of(row, "price_output");
  return words;
}

json row_of(const Endpoint& endpoint) {
  const auto timeout = std::chrono::duration_cast<std::chrono::milliseconds>(endpoint.timeout);
  json row{{"name", endpoint.name},
           {"kind", endpoint.kind},
           {"url", endpoint.url.to_string()},
           {"max_concurrent", endpoint.max_concurrent},
           {"requests_per_minute", endpoint.requests_per_minute},
           {"timeout_ms", timeout.count()},
           {"models", json::array()}};
  for (const ServedModel& model : endpoint.models)
    row["models"].push_back({{"name", model.name}, {"remote", model.remote}});
  if (!endpoint.key_env.empty()) row["key_env"] = endpoint.key_env;
  if (!endpoint.key_file.empty()) row["key_file"] = endpoint.key_file;
  if (endpoint.price_input) row["price_input"] = *endpoint.price_input;
  if (endpoint.price_output) row["price_output"] = *endpoint.price_output;
  return row;
}

}  // namespace

Result<std::vector<Endpoint>> parse_endpoints(std::string_view text) {
  const auto parsed = parse_bounded_json(text, "The list");
  if (!parsed || !parsed->is_object()) return corrupt("is no JSON object");
  const auto format = whole_of(*parsed, "format");
  if (!format || *format < 1) return corrupt("has no format");
  if (*format > kFormat)
    return fail(Errc::unsupported,
                "The list of endpoints has format {}, which a newer version made.", *format);
  std::vector<Endpoint> endpoints;
  std::set<std::string> names;
  for (const json& row : list_of(*parsed, "endpoints")) {
    auto endpoint = make_endpoint(words_of(row));
    if (!endpoint) return corrupt("has an entry that is refused: " + endpoint.error().message);
    if (!names.insert(endpoint->name).second) return corrupt("has a name twice");
    if (endpoints.size() == kMaxEndpoints) return corrupt("has too many entries");
    endpoints.push_back(*std::move(endpoint));
  }
  return endpoints;
}

std::string print_endpoints(std::span<const Endpoint> endpoints) {
  json list = json::array();
  for (const Endpoint& endpoint : endpoints) list.push_back(row_of(endpoint));
  const json file{{"format", kFormat}, {"endpoints", std::move(list)}};
  return file.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

}  // namespace accel::endpoints
