// SPDX-License-Identifier: Apache-2.0
#include "protocols/protocol_server.hpp"

#include <algorithm>
#include <array>

#include "accel/core/async/sync_wait.hpp"
#include "accel/core/json.hpp"
#include "accel/core/log.hpp"
#include "accel/net/url.hpp"
#include "protocols/exchange.hpp"
#include "protocols/missing_route.hpp"
#include "protocols/oip_binary.hpp"
#include "protocols/routes.hpp"

namespace accel::server {
namespace {

using net::HttpRequest;
using net::HttpResponse;
using nlohmann::json;

constexpr std::string_view kRetryAfterSeconds = "1";

HttpResponse refusal(Protocol protocol, const Error& error) {
  // Clients take what is above 499 for a passing trouble and try again.
  const int status = error.code == Errc::unsupported ? 400 : net::http_status_of(error.code);
  HttpResponse response = json_reply(error_body(protocol, error), status);
  if (error.code == Errc::unauthenticated) response.headers.add("WWW-Authenticate", "Bearer");
  if (error.code == Errc::resource_exhausted)
    response.headers.add("Retry-After", std::string(kRetryAfterSeconds));
  return response;
}

bool takes_method(const Route& route, std::string_view method) {
  return route.method == method || (route.method == "GET" && method == "HEAD");
}

// Of the routes of a path, each method once; empty: there are none.
std::string allowed_methods(const std::vector<std::string>& segments) {
  std::string allowed;
  for (const std::string_view method : {"GET", "HEAD", "POST"}) {
    const auto takes = [&](const Route& route) {
      return takes_method(route, method) && match_route(route, segments);
    };
    if (!std::ranges::any_of(protocol_routes(), takes)) continue;
    allowed += fmt::format("{}{}", allowed.empty() ? "" : ", ", method);
  }
  return allowed;
}

HttpResponse no_route_for(const HttpRequest& request, const std::string& allowed) {
  const Protocol protocol = protocol_of(request.path);
  if (allowed.empty()) return refusal(protocol, no_route(request.method, request.path));
  const std::string words = fmt::format("This route takes {}.", allowed);
  HttpResponse response =
      json_reply(error_body(protocol, {Errc::invalid_argument, words, {}}), 405);
  response.headers.add("Allow", allowed);
  return response;
}

// By header, or by a member that is taken out: no protocol has it.
bool wants_explanation(const HttpRequest& request, json& body) {
  const auto member = body.find("explain");
  if (member == body.end()) return request.headers.get_or("X-Explain", "") == "true";
  const bool wanted = *member == true;
  if (member->is_boolean()) body.erase(member);
  return wanted;
}

// By a member that is taken out, or by header. Of tensors the parameters have their own.
Result<std::optional<Priority>> wanted_priority(const HttpRequest& request, const Route& route,
                                                json& body) {
  if (route.protocol != Protocol::oip && body.contains("priority")) return take_priority(body);
  return priority_of(request.headers);
}

Result<json> body_of(const HttpRequest& request, const Route& route) {
  if (route.path == kTranscriptions) return json::object();  // A form, read where it may take long.
  if (route.protocol == Protocol::oip) {
    // Clients send nothing where nothing is to be said.
    if (request.body.empty() && !route.path.ends_with("/infer")) return json::object();
    return oip::read_body(request.body, request.headers.get_or(oip::kHeaderLength, ""));
  }
  ACCEL_TRY(json body, parse_bounded_json(request.body, "The body"));
  if (body.is_object()) return body;
  return fail(Errc::invalid_argument, "The body must be a JSON object in UTF-8.");
}

}  // namespace

HttpResponse protocol_refusal(std::string_view path, const Error& error) {
  return refusal(protocol_of(path), error);
}

std::string client_of(const HttpRequest& request, const node::Caller& caller) {
  if (caller.key) return caller.who;
  const std::string& remote = request.remote;
  const bool local = remote.starts_with("127.") || remote.starts_with("[::1]");
  return local ? remote : remote.substr(0, remote.rfind(':'));
}

ProtocolServer::ProtocolServer(node::Node& node, RelayLoop& loop, Duration most)
    : node_(node), loop_(loop), most_(most), jobs_(loop.executor(), "texts") {}

ProtocolServer::~ProtocolServer() {
  jobs_.cancel();
  (void)sync_wait(loop_.executor(), jobs_.join());
}

const Route* ProtocolServer::find_route(std::string_view method, std::string_view path) {
  const auto segments = net::split_path(path);
  if (!segments) return nullptr;
  const auto routes = protocol_routes();
  const auto found = std::ranges::find_if(routes, [&](const Route& route) {
    return takes_method(route, method) && match_route(route, *segments);
  });
  return found == routes.end() ? nullptr : &*found;
}

bool ProtocolServer::serves(std::string_view path) {
  if (path.starts_with("/v1/") || path.starts_with("/v2/") || is_ollama_path(path))
    return true;  // Or it says what not.
  const auto segments = net::split_path(path);
  return segments && std::ranges::any_of(protocol_routes(), [&](const Route& route) {
           return match_route(route, *segments).has_value();
         });
}

Status ProtocolServer::admit(const HttpRequest& head, const Visitor& visitor) {
  if (visitor.is_known()) return {};
  const Route* const route = find_route(head.method, head.path);
  return route == nullptr || route->open ? Status{} : visitor.known();
}

Task<HttpResponse> ProtocolServer::handle(HttpRequest request, std::stop_token stop,
                                          Visitor visitor) {
  const Protocol protocol = protocol_of(request.path);
  Call call;
  call.stop = std::move(stop);
  const auto segments = net::split_path(request.path);
  if (segments) {
    for (const Route& route : protocol_routes()) {
      if (!takes_method(route, request.method)) continue;
      auto model = match_route(route, *segments);
      if (!model) continue;
      call.route = &route;
      call.model = *std::move(model);
    }
  }
  if (call.route == nullptr)
    co_return no_route_for(request, segments ? allowed_methods(*segments) : std::string());
  if (!call.route->open && !visitor.is_known()) co_return refusal(protocol, visitor.why);
  call.caller = std::move(visitor.caller);
  call.trace = std::move(visitor.trace);
  if (call.route->method == "POST") {
    const auto timeout = asked_timeout(request);
    if (!timeout) co_return refusal(protocol, timeout.error());
    call.deadline = deadline_after(*timeout);
    auto reading = read_body(request, *call.route);
    Result<json> body = co_await std::move(reading);
    if (!body) co_return refusal(protocol, body.error());
    call.body = std::move(*body);
    if (call.route->protocol != Protocol::oip) call.text = std::move(request.body);
    call.content_type = request.headers.get_or("Content-Type", "");
    call.client = client_of(request, call.caller);
    call.explain = wants_explanation(request, call.body);
    const auto priority = wanted_priority(request, *call.route, call.body);
    if (!priority) co_return refusal(protocol, priority.error());
    call.priority = *priority;
    call.via = request.headers.get_or("Via", "");
  }
  auto working = dispatch(std::move(call));
  Result<HttpResponse> response = co_await std::move(working);
  if (response) co_return response;
  co_return refusal(protocol, response.error());
}

// A large body elsewhere: others would wait for it.
Task<json> ProtocolServer::read_body(const HttpRequest& request, const Route& route) {
  if (request.body.size() <= kReadHere) co_return body_of(request, route);
  const auto job = [&](std::stop_token) { return body_of(request, route); };
  auto reading = quick_.run(job);
  co_return co_await std::move(reading);
}

Task<HttpResponse> ProtocolServer::dispatch(Call call) {
  switch (call.route->protocol) {
    case Protocol::openai:
      return openai(std::move(call));
    case Protocol::ollama:
      return ollama(std::move(call));
    default:
      return oip(std::move(call));
  }
}

TimedCall ProtocolServer::method_call(MethodRequest request, node::Caller caller) {
  const SteadyTime came = request.trace ? system_clock().now() : SteadyTime();
  const Deadline asked = earlier(request.deadline, deadline_after(request.timeout));
  const Deadline deadline = within(asked, request.method, most_);
  const Priority priority = place_in_line(request.method, request.params, caller);
  MethodCall call = [this, caller, came, deadline, request = std::move(request)](
                        const node::EventSink& on_event, std::stop_token stop) mutable {
    const trace::Scope in(request.trace);
    tell_time_left(deadline, request.method, request.params);
    if (request.trace) trace::record("wait for a thread", came, system_clock().now());
    Result<json> result =
        node_.call(request.method, request.params, on_event, std::move(stop), caller);
    if (!result && result.error().code != Errc::cancelled) {
      log::info(
          "server", "request failed",
          {log::field("method", request.method), log::field("error", result.error().to_string())});
    }
    return result;
  };
  return {std::move(call), deadline, priority};
}

OffloadPool& ProtocolServer::pool_of(std::string_view method) {
  if (method == "text.generate") return texts_;
  if (method == "models.load") return runs_;
  if (method == "content.pull") return pulls_;
  const bool quick = method.starts_with("models.") || method == "endpoints.list";
  return quick ? quick_ : runs_;  // models.list, .show, .loaded
}

Task<json> ProtocolServer::run(MethodRequest request, const Call& call) {
  call.join(request);
  return run(std::move(request), call.caller, call.stop);
}

Task<json> ProtocolServer::run(MethodRequest request, node::Caller caller, std::stop_token stop) {
  OffloadPool& pool = pool_of(request.method);
  const bool brief = node_.expects_brief(request.method, request.params);
  const TimedCall method = method_call(std::move(request), caller);
  std::stop_source source;
  const auto job = [&](std::stop_token job_stop) -> Result<json> {
    const auto request_stop = [&source] { source.request_stop(); };
    const std::stop_callback on_client(stop, request_stop);
    const std::stop_callback on_job(job_stop, request_stop);
    return method({}, source.get_token());
  };
  auto running =
      brief ? loop_.run_brief(pool, job, method.priority) : pool.run(job, method.priority);
  auto bounded = with_deadline(std::move(running), method.deadline);
  co_return co_await std::move(bounded);
}

}  // namespace accel::server
