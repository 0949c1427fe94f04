// SPDX-License-Identifier: Apache-2.0
#pragma once
// The span of one request of the API, in the words of OpenTelemetry's semantic conventions for
// HTTP and RPC servers. Used by ApiServer on its loop.

#include <string>

#include "accel/core/trace.hpp"
#include "accel/net/message.hpp"

namespace accel::server {

// What a request asks for.
struct TracedRoute {
  std::string route;  // "/v2/models/{model}/infer"; empty: none that is traced.
  bool is_grpc = false;
};
// Routes that only tell whether the node lives, and those of the page, are not traced.
TracedRoute traced_route(const net::HttpRequest& request);

trace::Span start_request_span(trace::Tracer& tracer, const net::HttpRequest& request,
                               const TracedRoute& route, bool tls);
// Ends it with the answer; with its last byte when that is streamed.
void end_request_span(trace::Span span, const TracedRoute& route, net::HttpResponse& response);
// Of a request that failed without an answer of its handler.
void end_request_span(trace::Span span, const TracedRoute& route, const Error& error);

}  // namespace accel::server
