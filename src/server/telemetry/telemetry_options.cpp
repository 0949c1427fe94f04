// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "accel/net/access.hpp"
#include "accel/server/telemetry.hpp"

namespace accel::server {
namespace {

using Environment = std::map<std::string, std::string>;

constexpr std::string_view kTracesPath = "/v1/traces";

std::string variable(const Environment& environment, const char* name) {
  const auto found = environment.find(name);
  return found == environment.end() ? std::string() : found->second;
}

std::string first_of(const Environment& environment, const char* name, const char* otherwise) {
  std::string value = variable(environment, name);
  return value.empty() ? variable(environment, otherwise) : value;
}

// A base, to which the signal's path belongs, unless it is there already.
Result<net::Url> traces_url(const std::string& base) {
  ACCEL_TRY(net::Url url, net::parse_url(base));
  while (url.path.ends_with('/')) url.path.pop_back();
  if (!url.path.ends_with(kTracesPath)) url.path += kTracesPath;
  return url;
}

bool is_header_name(std::string_view name) {
  const auto is_part = [](char c) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    return letter || c == '-' || c == '_' || c == '.';
  };
  return !name.empty() && std::ranges::all_of(name, is_part);
}

bool is_header_value(std::string_view value) {
  return std::ranges::all_of(value, [](char c) { return c >= 0x20 && c <= 0x7e; });
}

// "api-key=abc,other=x%20y", as OpenTelemetry writes them. The values are secrets: no error quotes
// them.
Result<net::Headers> headers_of(std::string_view text) {
  net::Headers headers;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(','), text.size());
    const std::string_view member = net::trim_blanks(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (member.empty()) continue;
    const std::size_t equals = member.find('=');
    const std::string_view name = net::trim_blanks(member.substr(0, equals));
    const auto value = equals == std::string_view::npos
                           ? Result<std::string>(fail(Errc::invalid_argument, "No value."))
                           : net::percent_decode(net::trim_blanks(member.substr(equals + 1)));
    if (!value || !is_header_name(name) || !is_header_value(*value))
      return fail(Errc::invalid_argument,
                  "OTEL_EXPORTER_OTLP_HEADERS is no list of NAME=VALUE, joined by commas.");
    headers.set(std::string(name), *value);
  }
  return headers;
}

Status check_protocol(const Environment& environment) {
  const std::string protocol =
      first_of(environment, "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL");
  if (protocol != "grpc") return {};  // Who takes http/protobuf takes http/json.
  return fail(Errc::invalid_argument,
              "Traces are sent by http/json, and OTEL_EXPORTER_OTLP_PROTOCOL wants grpc.");
}

}  // namespace

Result<std::optional<TelemetryOptions>> telemetry_options(const Config& config,
                                                          const Environment& environment) {
  if (variable(environment, "OTEL_SDK_DISABLED") == "true") return std::nullopt;
  TelemetryOptions options;
  const auto configured = config.get<std::string>("telemetry.otlp_endpoint");
  const std::string exact = variable(environment, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT");
  const std::string base = variable(environment, "OTEL_EXPORTER_OTLP_ENDPOINT");
  if (config.origin("telemetry.otlp_endpoint") != ConfigOrigin::default_value) {
    if (configured.empty()) return std::nullopt;  // Set to nothing: off, whatever else is set.
    ACCEL_TRY(options.url, traces_url(configured));
  } else if (!exact.empty()) {
    ACCEL_CHECK(check_protocol(environment));
    ACCEL_TRY(options.url, net::parse_url(exact));
  } else if (!base.empty()) {
    ACCEL_CHECK(check_protocol(environment));
    ACCEL_TRY(options.url, traces_url(base));
  } else {
    return std::nullopt;
  }
  ACCEL_TRY(options.headers, headers_of(first_of(environment, "OTEL_EXPORTER_OTLP_TRACES_HEADERS",
                                                 "OTEL_EXPORTER_OTLP_HEADERS")));
  if (!options.headers.empty() && options.url.scheme == "http" &&
      !net::is_loopback_host(options.url.host)) {
    return fail(Errc::invalid_argument,
                "The headers for {} would travel in clear; use https, or leave them out.",
                options.url.origin());
  }
  options.sample_ratio = config.get<double>("telemetry.sample_ratio");
  const std::string name = variable(environment, "OTEL_SERVICE_NAME");
  if (!name.empty()) options.service_name = name;
  return options;
}

}  // namespace accel::server
