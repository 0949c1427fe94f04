// SPDX-License-Identifier: Apache-2.0
#pragma once
// Spans as OTLP writes them in JSON: opentelemetry-proto 1.x, trace/v1/trace.proto, with the rules
// of the OTLP specification, "JSON Protobuf Encoding" (ids in hex, 64-bit numbers as text, enums as
// numbers). Pure. Used by SpanExporter.

#include <span>
#include <string>

#include "accel/core/trace.hpp"

namespace accel::server::otlp {

// Who sends the spans.
struct Resource {
  std::string service_name;
  std::string service_version;
  std::string instance_id;
};

// The body of POST /v1/traces. Texts that are no UTF-8 are mended.
std::string traces_request(std::span<const trace::SpanRecord> spans, const Resource& resource);

// How many spans a receiver refused although it answered 200 (partialSuccess); 0 for a body that
// says nothing of it.
std::uint64_t rejected_spans(std::string_view reply);

}  // namespace accel::server::otlp
