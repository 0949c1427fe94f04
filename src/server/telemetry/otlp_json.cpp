// SPDX-License-Identifier: Apache-2.0
#include "telemetry/otlp_json.hpp"

#include <charconv>
#include <nlohmann/json.hpp>

#include "accel/core/json.hpp"

namespace accel::server::otlp {
namespace {

using nlohmann::json;

// Of the semantic conventions whose names the attributes have.
constexpr std::string_view kSchema = "https://opentelemetry.io/schemas/1.37.0";
constexpr std::string_view kScope = "ipfs-accelerate";
constexpr int kStatusError = 2;
// Flags of a span: the trace's in the low byte, and that it is known whether the parent is another
// process's.
constexpr unsigned kHasIsRemote = 0x100, kIsRemote = 0x200;

std::string nanoseconds(WallTime time) {
  const auto since = std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch());
  return std::to_string(since.count());
}

struct ValueWriter {
  json operator()(bool value) const { return {{"boolValue", value}}; }
  json operator()(std::int64_t value) const { return {{"intValue", std::to_string(value)}}; }
  json operator()(double value) const { return {{"doubleValue", value}}; }
  json operator()(const std::string& value) const { return {{"stringValue", value}}; }
  json operator()(const std::vector<std::string>& values) const {
    json list = json::array();
    for (const std::string& value : values) list.push_back({{"stringValue", value}});
    return {{"arrayValue", {{"values", std::move(list)}}}};
  }
};

json attribute(std::string_view key, const trace::AttributeValue& value) {
  return {{"key", key}, {"value", std::visit(ValueWriter{}, value)}};
}

json span_of(const trace::SpanRecord& record) {
  const bool remote = record.parent && record.kind == trace::SpanKind::server;
  json span{{"traceId", record.context.trace_id_hex()},
            {"spanId", record.context.span_id_hex()},
            {"flags", 1U | kHasIsRemote | (remote ? kIsRemote : 0U)},
            {"name", record.name},
            {"kind", static_cast<int>(record.kind)},
            {"startTimeUnixNano", nanoseconds(record.begin)},
            {"endTimeUnixNano", nanoseconds(record.end)}};
  if (!record.context.state.empty()) span["traceState"] = record.context.state;
  if (record.parent) {
    trace::SpanContext parent;
    parent.span_id = *record.parent;
    span["parentSpanId"] = parent.span_id_hex();
  }
  json& attributes = span["attributes"] = json::array();
  for (const auto& [key, value] : record.attributes) attributes.push_back(attribute(key, value));
  if (record.failure) span["status"] = {{"code", kStatusError}, {"message", *record.failure}};
  return span;
}

}  // namespace

std::string traces_request(std::span<const trace::SpanRecord> spans, const Resource& resource) {
  json list = json::array();
  for (const trace::SpanRecord& record : spans) list.push_back(span_of(record));
  json attributes = json::array({attribute("service.name", resource.service_name),
                                 attribute("service.version", resource.service_version),
                                 attribute("service.instance.id", resource.instance_id),
                                 attribute("telemetry.sdk.name", std::string(kScope)),
                                 attribute("telemetry.sdk.language", std::string("cpp")),
                                 attribute("telemetry.sdk.version", resource.service_version)});
  json scope{{"name", kScope}, {"version", resource.service_version}};
  json scoped{{"scope", std::move(scope)}, {"spans", std::move(list)}, {"schemaUrl", kSchema}};
  json one{{"resource", {{"attributes", std::move(attributes)}}},
           {"scopeSpans", json::array({std::move(scoped)})},
           {"schemaUrl", kSchema}};
  const json request{{"resourceSpans", json::array({std::move(one)})}};
  return request.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::uint64_t rejected_spans(std::string_view reply) {
  const auto body = parse_bounded_json(reply, "The receiver's answer");
  if (!body || !body->is_object()) return 0;
  const auto partial = body->find("partialSuccess");
  if (partial == body->end() || !partial->is_object()) return 0;
  const auto count = partial->find("rejectedSpans");
  if (count == partial->end()) return 0;
  if (count->is_number_unsigned()) return count->get<std::uint64_t>();
  if (!count->is_string()) return 0;
  const auto& text = count->get_ref<const std::string&>();  // As JSON has 64-bit numbers.
  std::uint64_t number = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
  return read.ec == std::errc{} ? number : 0;
}

}  // namespace accel::server::otlp
