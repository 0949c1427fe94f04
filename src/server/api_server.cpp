// SPDX-License-Identifier: Apache-2.0
#include "accel/server/api_server.hpp"

#include <algorithm>

#include "accel/core/async/io.hpp"
#include "accel/core/async/offload.hpp"
#include "accel/core/async/sync_wait.hpp"
#include "accel/core/log.hpp"
#include "accel/gateway/trustless_gateway.hpp"
#include "accel/net/access.hpp"
#include "accel/net/http_server.hpp"
#include "accel/node/build_info.hpp"
#include "accel/server/api_frames.hpp"

namespace accel::server {
namespace {

using net::HttpRequest;
using net::HttpResponse;

constexpr std::string_view kApiPrefix = "/api/v1/";
constexpr std::uint64_t kMaxRequestBytes = 32U << 20U;            // Many inputs of a `run`.
constexpr auto kNoRequestTimeout = std::chrono::hours(24 * 365);  // A pull takes what it takes.

const node::MethodInfo* find_method(std::string_view name) {
  for (const node::MethodInfo& method : node::Node::methods()) {
    if (method.name == name) return &method;
  }
  return nullptr;
}

net::ServerLimits api_limits() {
  net::ServerLimits limits;
  limits.max_body_bytes = kMaxRequestBytes;
  limits.request_timeout = kNoRequestTimeout;
  limits.stall_timeout = kNoRequestTimeout;  // A quiet method is no stall; the client may leave.
  return limits;
}

}  // namespace

class ApiServer::Impl {
 public:
  Impl(node::Node& node, const node::Home& home, std::size_t workers)
      : node_(node),
        home_(home),
        io_(1, "api"),
        pool_(workers, OffloadPool::kMaxQueuedJobs, "method") {}
  ~Impl() { stop(); }

  Status start(const ServerOptions& options) {
    ACCEL_TRY(token_, home_.token());
    ACCEL_TRY(gateway_, node_.gateway());
    const auto handler = [this](HttpRequest request, std::stop_token stop) {
      return handle(std::move(request), std::move(stop));
    };
    const net::Endpoint socket = net::UnixEndpoint{home_.api_socket()};
    ACCEL_TRY(socket_, net::HttpServer::listen(io_.executor(), socket, handler, api_limits()));
    if (options.api) {
      ACCEL_TRY(api_, net::HttpServer::listen(io_.executor(), *options.api, handler, api_limits()));
    }
    if (options.gateway) {
      auto gateway_handler = gateway_->handler();
      ACCEL_TRY(gateway_server_, net::HttpServer::listen(io_.executor(), *options.gateway,
                                                         std::move(gateway_handler)));
    }
    return {};
  }

  void stop() {
    for (auto* server : {&gateway_server_, &api_, &socket_}) {
      if (*server) (*server)->stop();
    }
  }

  static std::string address_of(const std::unique_ptr<net::HttpServer>& server) {
    return server ? net::base_url(server->local()) : std::string();
  }
  std::string api_address() const { return address_of(api_); }
  std::string gateway_address() const { return address_of(gateway_server_); }

 private:
  Task<HttpResponse> handle(HttpRequest request, std::stop_token stop);
  HttpResponse plain_route(const HttpRequest& request) const;
  Status admit(const HttpRequest& request, const node::MethodInfo& method) const;
  HttpResponse start_method(HttpRequest request, std::stop_token stop);
  Task<void> run_method(std::string method, nlohmann::json params, std::stop_token stop,
                        net::BodyWriter& writer);

  node::Node& node_;
  node::Home home_;
  std::string token_;
  gateway::TrustlessGateway* gateway_ = nullptr;
  IoThread io_;
  OffloadPool pool_;
  std::unique_ptr<net::HttpServer> socket_;
  std::unique_ptr<net::HttpServer> api_;
  std::unique_ptr<net::HttpServer> gateway_server_;
};

Task<HttpResponse> ApiServer::Impl::handle(HttpRequest request, std::stop_token stop) {
  if (const Status allowed = net::check_host_and_origin(request, {}); !allowed) {
    co_return net::error_response(allowed.error());
  }
  if (request.path.starts_with("/ipfs/")) {
    auto answer = gateway_->handle(std::move(request), std::move(stop));
    co_return co_await std::move(answer);
  }
  if (!request.path.starts_with(kApiPrefix)) co_return plain_route(request);
  co_return start_method(std::move(request), std::move(stop));
}

HttpResponse ApiServer::Impl::plain_route(const HttpRequest& request) const {
  if (request.method != "GET" && request.method != "HEAD") {
    return net::text_response(405, "This route answers GET.\n");
  }
  if (request.path == "/metrics") return net::text_response(200, node_.metrics_text());
  if (request.path == "/healthz" || request.path == "/readyz")
    return net::text_response(200, "ok\n");
  if (request.path == "/version") {
    return net::json_response(200, nlohmann::json{{"version", node::kVersion}}.dump() + "\n");
  }
  return net::text_response(
      404, "No such route. POST /api/v1/<method>, GET /ipfs/<cid>, /metrics, /healthz.\n");
}

// Over the home's socket the file's mode 0600 is the permission; over TCP it takes the token.
Status ApiServer::Impl::admit(const HttpRequest& request, const node::MethodInfo& method) const {
  if (request.over_unix_socket || method.access == node::Access::open) return {};
  const Status token = net::check_bearer_token(request, token_);
  if (token) return {};
  return fail(Error{token.error().code,
                    fmt::format("{} takes the token of {} over TCP: Authorization: Bearer <token>.",
                                method.name, home_.api_token().string()),
                    token.error().message});
}

HttpResponse ApiServer::Impl::start_method(HttpRequest request, std::stop_token stop) {
  if (request.method != "POST")
    return net::text_response(405, "Methods take POST with a JSON body.\n");
  const std::string name = request.path.substr(kApiPrefix.size());
  const node::MethodInfo* method = find_method(name);
  if (method == nullptr) {
    return net::error_response(Error{Errc::not_found, fmt::format("No method \"{}\".", name), {}});
  }
  if (const Status admitted = admit(request, *method); !admitted) {
    return net::error_response(admitted.error());
  }
  const std::string_view body = request.body.empty() ? "{}" : std::string_view(request.body);
  nlohmann::json params = nlohmann::json::parse(body, nullptr, /*allow_exceptions=*/false);
  if (!params.is_object()) {
    return net::error_response(
        Error{Errc::invalid_argument, "The body must be a JSON object.", {}});
  }
  net::StreamBody stream;
  stream.write = [this, name, params = std::move(params), stop](net::BodyWriter& writer) {
    return run_method(name, params, stop, writer);
  };
  HttpResponse response;
  response.headers.set("Content-Type", "application/x-ndjson");
  response.body = std::move(stream);
  return response;
}

// The method runs on the pool; each frame it makes waits until the client has taken it.
Task<void> ApiServer::Impl::run_method(std::string method, nlohmann::json params,
                                       std::stop_token stop, net::BodyWriter& writer) {
  const Executor executor = co_await asio::this_coro::executor;
  const auto send = [&writer, executor](std::string frame) {
    return sync_wait(executor, writer.write(std::move(frame)));
  };
  const auto on_event = [&send](const node::Event& event) {
    // A client that has gone stops the method through its token; nothing to do here.
    (void)send(event.progress != nullptr ? progress_frame(*event.progress)
                                         : bytes_frame(event.bytes));
  };
  const auto job = [&](std::stop_token) -> Status {
    const Result<nlohmann::json> result = node_.call(method, params, on_event, stop);
    if (!result && result.error().code != Errc::cancelled) {
      log::info("server", "method failed",
                {log::field("method", method), log::field("error", result.error().to_string())});
    }
    return send(result ? result_frame(*result) : error_frame(result.error()));
  };
  auto ran = pool_.run(job);
  co_return co_await std::move(ran);
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
std::string ApiServer::gateway_address() const { return impl_->gateway_address(); }
void ApiServer::stop() { impl_->stop(); }

}  // namespace accel::server
