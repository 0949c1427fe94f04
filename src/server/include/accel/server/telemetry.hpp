// SPDX-License-Identifier: Apache-2.0
#pragma once
// Where the traces of a daemon's requests go (OpenTelemetry, OTLP over HTTP with JSON), from the
// configuration and from the variables that this field's programs share. Used by the CLI's
// `daemon` and by ApiServer. Plain values.

#include <map>
#include <optional>
#include <string>

#include "accel/core/clock.hpp"
#include "accel/core/config.hpp"
#include "accel/net/headers.hpp"
#include "accel/net/url.hpp"

namespace accel::server {

struct TelemetryOptions {
  net::Url url;          // Of the receiver, "/v1/traces" included.
  net::Headers headers;  // Sent with each batch: a receiver's key.
  double sample_ratio = 1;
  std::string service_name = "ipfs-accelerate";
  std::size_t max_queue = 2048;                   // Spans that wait; more are dropped and counted.
  std::size_t max_batch = 512;                    // Spans of one request to the receiver.
  Duration interval = std::chrono::seconds(5);    // Between two of them, unless a batch is full.
  Duration timeout = std::chrono::seconds(10);    // Of one of them.
  Duration first_wait = std::chrono::seconds(1);  // Before the first of the retries.
};

// telemetry.otlp_endpoint, else OTEL_EXPORTER_OTLP_TRACES_ENDPOINT, else
// OTEL_EXPORTER_OTLP_ENDPOINT; headers from OTEL_EXPORTER_OTLP_TRACES_HEADERS or
// OTEL_EXPORTER_OTLP_HEADERS; OTEL_SERVICE_NAME; OTEL_SDK_DISABLED. Nothing: traces are off.
// Errors: invalid_argument (no URL, headers that are none or that would travel in clear, a protocol
// that we don't speak).
Result<std::optional<TelemetryOptions>> telemetry_options(
    const Config& config, const std::map<std::string, std::string>& environment);

}  // namespace accel::server
