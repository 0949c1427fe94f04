// SPDX-License-Identifier: Apache-2.0
#include "telemetry/request_span.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "accel/node/node.hpp"
#include "protocols/grpc_server.hpp"
#include "protocols/kubo_rpc.hpp"
#include "protocols/oip_grpc.hpp"
#include "protocols/protocol_server.hpp"

namespace accel::server {
namespace {

constexpr std::string_view kApiPrefix = "/api/v1/";
// The statuses of gRPC that are a server's fault: UNKNOWN, DEADLINE_EXCEEDED, UNIMPLEMENTED,
// INTERNAL, UNAVAILABLE, DATA_LOSS.
constexpr std::array kGrpcFaults{2, 4, 12, 13, 14, 15};
constexpr int kFirstHttpFault = 500;

// One of them and no other: of several nobody knows which one counts.
std::string_view traceparent_in(const net::Headers& headers) {
  return headers.count("traceparent") == 1 ? headers.get_or("traceparent", "") : std::string_view();
}

void set_http_status(trace::Span& span, int status) {
  span.set("http.response.status_code", status);
  if (status >= kFirstHttpFault) span.fail(std::to_string(status), net::reason_phrase(status));
}

void set_grpc_status(trace::Span& span, const net::Headers& fields) {
  const std::string_view text = fields.get_or("grpc-status", "0");
  int status = 0;
  (void)std::from_chars(text.data(), text.data() + text.size(), status);
  span.set("rpc.grpc.status_code", status);
  if (std::ranges::find(kGrpcFaults, status) != kGrpcFaults.end())
    span.fail(std::to_string(status), fields.get_or("grpc-message", ""));
}

void set_status(trace::Span& span, const TracedRoute& route, int status,
                const net::Headers& fields) {
  if (route.is_grpc) {
    set_grpc_status(span, fields);
  } else {
    set_http_status(span, status);
  }
}

// What a streamed answer needs at its end.
struct OpenAnswer {
  trace::Span span;
  TracedRoute route;
  int status;
  std::shared_ptr<const net::Headers> trailers;
};

Task<void> write_traced(std::function<Task<void>(net::BodyWriter&)> write,
                        std::shared_ptr<OpenAnswer> answer, net::BodyWriter& writer) {
  auto writing = write(writer);
  const Status written = co_await std::move(writing);
  const bool has_trailers = answer->trailers != nullptr;
  set_status(answer->span, answer->route, answer->status,
             has_trailers ? *answer->trailers : net::Headers());
  if (!written) answer->span.fail(written.error());
  answer->span.end();
  co_return written;
}

}  // namespace

TracedRoute traced_route(const net::HttpRequest& request) {
  const std::string_view path = request.path;
  if (GrpcServer::serves(path)) {
    const oip::Rpc* const rpc = oip::find_rpc(path);
    const bool traced = rpc != nullptr && !rpc->open;
    return {traced ? std::string(path) : std::string(), true};
  }
  if (const Route* const route = ProtocolServer::find_route(request.method, path))
    return {route->open ? std::string() : std::string(route->path), false};
  if (path.starts_with(kApiPrefix)) {
    const auto* const method = node::Node::find_method(path.substr(kApiPrefix.size()));
    const bool traced = method != nullptr && method->access != node::Access::open;
    return {traced ? std::string(path) : std::string(), false};
  }
  const kubo::Command* const command = path.starts_with(kubo::kPrefix)
                                           ? kubo::find_command(path.substr(kubo::kPrefix.size()))
                                           : nullptr;
  return {command != nullptr ? std::string(path) : std::string(), false};
}

trace::Span start_request_span(trace::Tracer& tracer, const net::HttpRequest& request,
                               const TracedRoute& route, bool tls) {
  const std::string name =
      route.is_grpc ? route.route.substr(1) : fmt::format("{} {}", request.method, route.route);
  trace::Span span = tracer.start_request(name, traceparent_in(request.headers),
                                          request.headers.combined("tracestate"));
  if (!span) return span;
  if (route.is_grpc) {
    const std::size_t slash = name.rfind('/');
    span.set("rpc.system", "grpc");
    span.set("rpc.service", name.substr(0, slash));
    span.set("rpc.method", name.substr(slash + 1));
  } else {
    span.set("http.request.method", request.method);
    span.set("http.route", route.route);
    span.set("url.path", request.path);
    span.set("url.scheme", tls && !request.over_unix_socket ? "https" : "http");
  }
  span.set("network.transport", request.over_unix_socket ? "unix" : "tcp");
  const std::string_view agent = request.headers.get_or("User-Agent", "");
  if (!agent.empty()) span.set("user_agent.original", agent);
  return span;
}

void end_request_span(trace::Span span, const TracedRoute& route, net::HttpResponse& response) {
  if (!span) return;
  auto* const stream = std::get_if<net::StreamBody>(&response.body);
  if (stream == nullptr) {
    set_status(span, route, response.status,
               response.trailers ? *response.trailers : response.headers);
    return;
  }
  auto answer = std::make_shared<OpenAnswer>(
      OpenAnswer{std::move(span), route, response.status, response.trailers});
  stream->write = [write = std::move(stream->write), answer](net::BodyWriter& writer) {
    return write_traced(write, answer, writer);
  };
}

void end_request_span(trace::Span span, const TracedRoute& route, const Error& error) {
  if (!span) return;
  if (route.is_grpc) {
    span.set("rpc.grpc.status_code", net::grpc_status_of(error.code));
  } else {
    span.set("http.response.status_code", net::http_status_of(error.code));
  }
  span.fail(error);
}

}  // namespace accel::server
