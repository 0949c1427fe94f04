// SPDX-License-Identifier: Apache-2.0
#include "accel/server/api_server.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "accel/core/async/offload.hpp"
#include "accel/core/async/relay_loop.hpp"
#include "accel/core/clock.hpp"
#include "accel/core/json.hpp"
#include "accel/core/log.hpp"
#include "accel/core/random.hpp"
#include "accel/core/trace.hpp"
#include "accel/gateway/gateway.hpp"
#include "accel/net/http_server.hpp"
#include "accel/node/build_info.hpp"
#include "access.hpp"
#include "method_stream.hpp"
#include "page.hpp"
#include "protocols/grpc.hpp"
#include "protocols/grpc_server.hpp"
#include "protocols/kubo_rpc_server.hpp"
#include "protocols/protocol_server.hpp"
#include "request_counters.hpp"
#include "telemetry/request_span.hpp"
#include "telemetry/span_exporter.hpp"

namespace accel::server {
namespace {

using net::HttpRequest;
using net::HttpResponse;

constexpr std::string_view kApiPrefix = "/api/v1/";
constexpr std::uint64_t kMaxRequestBytes = 32U << 20U;   // Many inputs of a `run`.
constexpr std::uint64_t kMaxStrangerBytes = 64U << 10U;  // Of who may not run models.

// What a stranger may make the server hold, and a key that only looks: a small body; over HTTP/1.1
// of a size that is known beforehand, over HTTP/2 see ServerOptions::body_limit.
Status check_small_body(const HttpRequest& head) {
  const std::string_view text = head.headers.get_or("Content-Length", "0");
  std::uint64_t length = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), length);
  const bool known = parsed.ec == std::errc{} && !head.headers.has("Transfer-Encoding");
  if (known && length <= kMaxStrangerBytes) return {};
  return fail(Errc::invalid_argument,
              "Without a key that may run models a body has at most {} bytes, named by "
              "Content-Length.",
              kMaxStrangerBytes);
}

HttpResponse not_allowed(const char* methods, const std::string& words) {
  HttpResponse response = api_error(405, {Errc::invalid_argument, words, {}});
  response.headers.add("Allow", methods);
  return response;
}

HttpResponse no_such_route(std::string_view path) {
  constexpr std::array kBelowV1{"/chat/completions", "/completions", "/embeddings", "/models"};
  if (std::ranges::find(kBelowV1, path) != kBelowV1.end()) {
    return api_error({Errc::not_found,
                      fmt::format("No such route; OpenAI's begin with /v1: give the client a base "
                                  "URL that ends with /v1, for /v1{}.",
                                  path),
                      {}});
  }
  return api_error({Errc::not_found,
                    "No such route. POST /api/v1/<method>, GET /metrics, /healthz, /readyz, "
                    "/version, and those of api/openapi.yaml.",
                    {}});
}

bool may_send_much(const Visitor& visitor) {
  return security::may(visitor.caller.role, security::Role::inference);
}

Task<HttpResponse> ready(HttpResponse response) { co_return std::move(response); }

// Over HTTP/2, whose bodies need no length.
std::uint64_t most_body_bytes(const Visitor& visitor) {
  if (!may_send_much(visitor)) return kMaxStrangerBytes;
  const auto& key = visitor.caller.key;
  const std::uint64_t own = key ? key->key.limits.body_bytes : 0;
  return own == 0 ? kMaxRequestBytes : std::min(own, kMaxRequestBytes);
}

}  // namespace

net::ServerLimits api_limits() {
  // Not the other ones: a method that is quiet for long is no stall, as only reading and sending
  // count.
  net::ServerLimits limits;
  limits.max_body_bytes = kMaxRequestBytes;
  return limits;
}

namespace {

net::ServerLimits gateway_limits(const gateway::Gateway& gateway) {
  net::ServerLimits limits;
  limits.max_body_bytes = gateway.max_body_bytes();
  return limits;
}

}  // namespace

class ApiServer::Impl {
 public:
  Impl(node::Node& node, const node::Home& home, std::size_t workers)
      : node_(node),
        home_(home),
        io_("api"),
        pool_(workers, OffloadPool::kMaxQueuedJobs, "method") {}
  ~Impl() { stop(); }

  Status start(const ServerOptions& options) {
    ACCEL_TRY(const std::string token, home_.token());
    if (options.telemetry) start_tracing(*options.telemetry);
    tls_ = options.api_tls.has_value();
    node_.gate().set_token(token);
    access_ = std::make_unique<Access>(
        node_.gate(), net::AllowedHosts{options.hosts, {}},
        Places{ProtocolServer::kTexts + ProtocolServer::kMaxQueued,
               ProtocolServer::kRuns + ProtocolServer::kMaxQueuedRuns, options.workers});
    protocols_ = std::make_unique<ProtocolServer>(node_, io_, options.max_request_time);
    max_request_time_ = options.max_request_time;
    const auto known = [this](std::string_view credential) -> Status {
      const auto caller = node_.gate().authenticate(credential);
      return caller ? Status{} : fail(Error(caller.error()));
    };
    grpc_ = std::make_unique<GrpcServer>(*protocols_, known);
    const auto handler = [this](HttpRequest request, std::stop_token stop) {
      return handle(std::move(request), std::move(stop));
    };
    const net::Endpoint socket = net::UnixEndpoint{home_.api_socket()};
    net::ServerOptions rules = rules_of(options.limits);
    if (options.kubo_rpc) {
      rpc_ = std::make_unique<KuboRpcServer>(node_, io_.executor(), home_.downloads());
      rules.streamed = rpc_->streamed_bodies(options.kubo_rpc_upload);
      rules.streamed.open = [this, open = rules.streamed.open](const HttpRequest& head) {
        return access_->open_counted(head, open);
      };
    }
    ACCEL_TRY(socket_, net::HttpServer::listen(io_.executor(), socket, handler, rules));
    rules.tls = options.api_tls;
    if (options.api) {
      ACCEL_TRY(api_, net::HttpServer::listen(io_.executor(), *options.api, handler, rules));
    }
    if (options.grpc) {
      ACCEL_TRY(grpc_server_,
                net::HttpServer::listen(io_.executor(), *options.grpc, handler, rules));
    }
    ACCEL_TRY(gateway::Gateway* const gateway, node_.gateway());
    if (options.gateway) {
      ACCEL_TRY(gateway_server_,
                net::HttpServer::listen(
                    io_.executor(), *options.gateway, gateway->handler(),
                    {.limits = gateway_limits(*gateway), .ready = gateway->ready_handler()}));
    }
    if (options.gateway_tls) {
      ACCEL_TRY(gateway_tls_server_,
                net::HttpServer::listen(io_.executor(), *options.gateway_tls, gateway->handler(),
                                        {.limits = gateway_limits(*gateway),
                                         .tls = options.tls,
                                         .ready = gateway->ready_handler()}));
    }
    announce();
    return {};
  }

  // Of the API's listeners: who is let in, how much of a body is held, and how refusals are told.
  net::ServerOptions rules_of(const net::ServerLimits& limits) {
    const auto check = [this](const HttpRequest& head) {
      const Status admitted = admit(head);
      if (!admitted) {  // Its handler, which counts, is never asked.
        counters_.count_refusal(head.path, net::http_status_of(admitted.error().code));
      }
      return admitted;
    };
    net::ServerOptions rules{limits, check};
    rules.live = &GrpcServer::is_live;
    rules.body_limit = [this](const HttpRequest& head) {
      return most_body_bytes(access_->visitor(head));
    };
    rules.hold_body = [this](const HttpRequest& head) { return access_->hold_body(head); };
    rules.known = [this](const HttpRequest& head) { return access_->visitor(head).is_known(); };
    rules.shape_http1 = [this](const HttpRequest& head, HttpResponse refusal,
                               std::optional<Errc> why) {
      HttpResponse response = in_words_of(head, std::move(refusal), why);
      if (head.method == "POST" && why == Errc::resource_exhausted && response.status == 429)
        response.headers.set("Retry-After", std::to_string(access_->seconds_to_wait(head)));
      return response;
    };
    rules.shape = [http1 = rules.shape_http1](const HttpRequest& head, HttpResponse refusal,
                                              std::optional<Errc> why) {
      return grpc::is_grpc(head) ? grpc::refusal_of(refusal, why)
                                 : http1(head, std::move(refusal), why);
    };
    return rules;
  }

  void start_tracing(const TelemetryOptions& options) {
    exporter_ = std::make_unique<SpanExporter>(options, counters_.metrics());
    tracer_ = trace::Tracer::make(
        system_clock(), system_random(), options.sample_ratio,
        [queue = exporter_->queue()](trace::SpanRecord span) { queue->put(std::move(span)); });
  }

  void announce() {
    std::vector<std::string> urls;
    for (const std::string& url : {gateway_tls_address(), gateway_address()}) {
      if (!url.empty()) urls.push_back(url);
    }
    node_.announce_gateways(urls);
  }

  void stop() {
    if (grpc_) grpc_->stop();
    for (auto* server : {&gateway_tls_server_, &gateway_server_, &grpc_server_, &api_, &socket_}) {
      if (*server) (*server)->stop();
    }
  }

  static std::string address_of(const std::unique_ptr<net::HttpServer>& server) {
    return server ? server->base_url() : std::string();
  }
  std::string api_address() const { return address_of(api_); }
  std::string grpc_address() const {
    const std::string url = address_of(grpc_server_ ? grpc_server_ : api_);
    const std::size_t host = url.find("://");
    return host == std::string::npos ? url : url.substr(host + 3);
  }
  std::string gateway_address() const { return address_of(gateway_server_); }
  std::string gateway_tls_address() const { return address_of(gateway_tls_server_); }

 private:
  Task<HttpResponse> handle(HttpRequest request, std::stop_token stop);
  Task<HttpResponse> handle_traced(HttpRequest request, std::stop_token stop);
  Task<HttpResponse> answer(HttpRequest request, std::stop_token stop, trace::LinkPtr link);
  Task<HttpResponse> route(HttpRequest request, std::stop_token stop, Visitor visitor);
  HttpResponse plain_route(const HttpRequest& request, const Visitor& visitor);
  HttpResponse plain_page(const HttpRequest& request, const Visitor& visitor);
  Status admit(const HttpRequest& head) const;
  static Status check_method(const HttpRequest& head, const Visitor& visitor);
  Task<HttpResponse> start_method(HttpRequest request, std::stop_token stop, Visitor visitor);

  node::Node& node_;
  node::Home home_;
  RequestCounters counters_;
  std::unique_ptr<SpanExporter> exporter_;  // Outlives what is traced; null: nothing is.
  std::shared_ptr<trace::Tracer> tracer_;   // Owners: this, and all spans. Null with exporter_.
  bool tls_ = false;
  Duration max_request_time_{};
  std::unique_ptr<Access> access_;  // Outlives the listeners: declared before.
  RelayLoop io_;
  OffloadPool pool_;
  std::unique_ptr<KuboRpcServer> rpc_;         // The same; null when nobody asked for it.
  std::unique_ptr<ProtocolServer> protocols_;  // Outlives the listeners: declared before.
  std::unique_ptr<GrpcServer> grpc_;           // The same; it uses protocols_.
  std::unique_ptr<net::HttpServer> socket_;
  std::unique_ptr<net::HttpServer> api_;
  std::unique_ptr<net::HttpServer> grpc_server_;
  std::unique_ptr<net::HttpServer> gateway_server_;
  std::unique_ptr<net::HttpServer> gateway_tls_server_;
};

Task<HttpResponse> ApiServer::Impl::handle(HttpRequest request, std::stop_token stop) {
  return tracer_ ? handle_traced(std::move(request), std::move(stop))
                 : answer(std::move(request), std::move(stop), nullptr);
}

Task<HttpResponse> ApiServer::Impl::handle_traced(HttpRequest request, std::stop_token stop) {
  const TracedRoute route = traced_route(request);
  trace::Span span;
  if (!route.route.empty()) span = start_request_span(*tracer_, request, route, tls_);
  auto answering = answer(std::move(request), std::move(stop), span.link());
  Result<HttpResponse> response = co_await std::move(answering);
  if (response) {
    end_request_span(std::move(span), route, *response);
  } else {
    end_request_span(std::move(span), route, response.error());
  }
  co_return response;
}

Task<HttpResponse> ApiServer::Impl::answer(HttpRequest request, std::stop_token stop,
                                           trace::LinkPtr link) {
  const SteadyTime started = system_clock().now();
  const std::string path = request.path;
  Access::Entry entry = access_->enter(request);
  if (entry.refusal) {
    counters_.count(path, entry.refusal->status, system_clock().now() - started);
    co_return *std::move(entry.refusal);
  }
  entry.visitor.trace = std::move(link);
  auto routing = route(std::move(request), std::move(stop), entry.visitor);
  Result<HttpResponse> response = co_await std::move(routing);
  if (response) Access::leave(entry, *response);
  const int status = response ? response->status : net::http_status_of(response.error().code);
  counters_.count(path, status, system_clock().now() - started);
  co_return response;
}

// No coroutine of its own, whose frame would hold the request once more.
Task<HttpResponse> ApiServer::Impl::route(HttpRequest request, std::stop_token stop,
                                          Visitor visitor) {
  if (GrpcServer::serves(request.path))
    return grpc_->handle(std::move(request), std::move(stop), std::move(visitor));
  if (ProtocolServer::serves(request.path))
    return protocols_->handle(std::move(request), std::move(stop), std::move(visitor));
  if (rpc_ && KuboRpcServer::serves(request.path))
    return rpc_->handle(std::move(request), std::move(stop), std::move(visitor));
  if (!request.path.starts_with(kApiPrefix)) return ready(plain_route(request, visitor));
  return start_method(std::move(request), std::move(stop), std::move(visitor));
}

HttpResponse ApiServer::Impl::plain_route(const HttpRequest& request, const Visitor& visitor) {
  if (request.method == "GET" || request.method == "HEAD") return plain_page(request, visitor);
  return plain_page(request, visitor).status == 404
             ? no_such_route(request.path)
             : not_allowed("GET, HEAD", "This route answers GET.");
}

HttpResponse ApiServer::Impl::plain_page(const HttpRequest& request, const Visitor& visitor) {
  if (request.path == "/metrics") {
    const Status allowed = visitor.needs(security::Role::read, "/metrics");
    if (!allowed) return api_error(allowed.error());
    return net::text_response(200, node_.metrics_text() + counters_.text());
  }
  if (request.path == "/healthz" || request.path == "/readyz")
    return net::text_response(200, "ok\n");
  if (request.path == "/version") {
    const nlohmann::json facts{{"version", node::kVersion}, {"api", api_address()}};
    return net::json_response(200, facts.dump() + "\n");
  }
  if (auto page = page_response(request.path)) return *std::move(page);
  return no_such_route(request.path);
}

// Asked before a body is read. Over the home's socket the file's mode 0600 is the permission; over
// TCP it takes a key.
Status ApiServer::Impl::admit(const HttpRequest& head) const {
  if (head.over_unix_socket) return {};
  ACCEL_CHECK(access_->check_host(head));
  const Visitor visitor = access_->visitor(head);
  ACCEL_CHECK(Access::check_large(head, visitor));
  if (GrpcServer::serves(head.path)) {
    // A live body over HTTP/2 needs no length and is bounded by GrpcServer; over HTTP/1.1 it is
    // held.
    const bool held = head.headers.has("Content-Length") || head.headers.has("Transfer-Encoding");
    if (held && !may_send_much(visitor)) ACCEL_CHECK(check_small_body(head));
    return GrpcServer::admit(head, visitor);
  }
  if (rpc_ && KuboRpcServer::serves(head.path)) {
    ACCEL_CHECK(KuboRpcServer::check_browser(head));
    ACCEL_CHECK(visitor.known());
    return KuboRpcServer::check_upload(head, visitor);
  }
  if (ProtocolServer::serves(head.path)) ACCEL_CHECK(ProtocolServer::admit(head, visitor));
  if (head.path.starts_with(kApiPrefix)) ACCEL_CHECK(check_method(head, visitor));
  return may_send_much(visitor) ? Status{} : check_small_body(head);
}

// A method that there is none of is told to everybody.
Status ApiServer::Impl::check_method(const HttpRequest& head, const Visitor& visitor) {
  const std::string_view name = std::string_view(head.path).substr(kApiPrefix.size());
  const auto least = security::least_role(name);
  return least ? visitor.needs(*least, name) : Status{};
}

Task<HttpResponse> ApiServer::Impl::start_method(HttpRequest request, std::stop_token stop,
                                                 Visitor visitor) {
  if (request.method != "POST")
    co_return not_allowed("POST", "Methods take POST with a JSON body.");
  const std::string name = request.path.substr(kApiPrefix.size());
  if (node::Node::find_method(name) == nullptr) {
    co_return api_error(Error{Errc::not_found, fmt::format("No method \"{}\".", name), {}});
  }
  const Status allowed = check_method(request, visitor);
  if (!allowed) co_return api_error(allowed.error());
  const std::string_view body = request.body.empty() ? "{}" : std::string_view(request.body);
  const auto read = [body](std::stop_token) { return parse_bounded_json(body, "The body"); };
  auto elsewhere = pool_.run(read);  // Runs when it is waited for: large bodies alone are.
  Result<nlohmann::json> params = fail(Errc::internal, "The body was not read.");
  if (body.size() <= ProtocolServer::kReadHere) {
    params = read({});
  } else {
    params = co_await std::move(elsewhere);
  }
  if (!params) co_return api_error(params.error());
  if (!params->is_object()) {
    co_return api_error(Error{Errc::invalid_argument, "The body must be a JSON object.", {}});
  }
  const auto timeout = asked_timeout(request);
  if (!timeout) co_return api_error(timeout.error());
  const Deadline told = deadline_after(told_timeout(name, *params));
  const Deadline deadline =
      within(earlier(deadline_after(*timeout), told), name, max_request_time_);
  // A key is one client in every queue, whatever it says.
  if (visitor.caller.key && (name == "run" || name == "model.infer"))
    (*params)["client"] = visitor.caller.who;
  const Priority priority = place_in_line(name, *params, visitor.caller);
  MethodCall call = [this, name, deadline, caller = std::move(visitor.caller),
                     link = std::move(visitor.trace), params = std::move(*params)](
                        const node::EventSink& on_event, std::stop_token method_stop) mutable {
    const trace::Scope in(link);
    tell_time_left(deadline, name, params);
    auto result = node_.call(name, params, on_event, std::move(method_stop), caller);
    if (!result && result.error().code != Errc::cancelled) {
      log::info("server", "method failed",
                {log::field("method", name), log::field("error", result.error().to_string())});
    }
    return result;
  };
  net::StreamBody stream;
  stream.write = [this, method = TimedCall(std::move(call), deadline, priority),
                  stop](net::BodyWriter& writer) {
    return stream_method(pool_, method, stop, writer);
  };
  HttpResponse response;
  response.headers.set("Content-Type", "application/x-ndjson");
  response.body = std::move(stream);
  co_return response;
}

ApiServer::ApiServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ApiServer::~ApiServer() = default;

Result<std::unique_ptr<ApiServer>> ApiServer::start(node::Node& node, const node::Home& home,
                                                    const ServerOptions& options) {
  auto impl = std::make_unique<Impl>(node, home, options.workers);
  ACCEL_CHECK(impl->start(options));
  return std::unique_ptr<ApiServer>(
      new ApiServer(std::move(impl)));  // tidy: raw-new: private constructor
}

std::string ApiServer::api_address() const { return impl_->api_address(); }
std::string ApiServer::grpc_address() const { return impl_->grpc_address(); }
std::string ApiServer::gateway_address() const { return impl_->gateway_address(); }
std::string ApiServer::gateway_tls_address() const { return impl_->gateway_tls_address(); }
void ApiServer::stop() { impl_->stop(); }

}  // namespace accel::server
