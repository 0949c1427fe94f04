// SPDX-License-Identifier: Apache-2.0
#include "protocols/kubo_rpc_server.hpp"

#include <charconv>

#include "accel/core/async/sync_wait.hpp"
#include "accel/core/async/with_timeout.hpp"
#include "accel/core/log.hpp"
#include "accel/net/access.hpp"
#include "accel/net/url.hpp"
#include "protocols/kubo_uploads.hpp"
#include "protocols/text_stream.hpp"

namespace accel::server {
namespace {

using kubo::Answer;
using net::HttpRequest;
using net::HttpResponse;
using nlohmann::json;

HttpResponse refusal(const Error& error) {
  HttpResponse response = net::json_response(kubo::error_status(error), kubo::error_reply(error));
  return response;
}

HttpResponse text_answer(Answer answer, std::string body) {
  HttpResponse response = net::json_response(200, std::move(body));
  if (answer != Answer::json) response.headers.set("X-Chunked-Output", "1");
  return response;
}

// Whose page a Referer names: "http://host:port".
std::string origin_of(std::string_view referer) {
  const auto url = net::parse_url(referer);
  return url ? url->origin() : std::string("null");
}

// A client that leaves in the middle of an upload leaves up to 100,000 files. A removal that is
// cancelled still happens, with `folder`.
Task<void> remove_on(OffloadPool& pool, UploadFolder folder) {
  const auto job = [&folder](std::stop_token) {
    folder.remove();
    return Status{};
  };
  auto removing = pool.run(job);
  co_return co_await std::move(removing);
}

}  // namespace

KuboRpcServer::KuboRpcServer(node::Node& node, Executor executor, std::filesystem::path uploads)
    : node_(node),
      uploads_(std::move(uploads)),
      executor_(executor),
      jobs_(executor, "rpc streams") {}

KuboRpcServer::~KuboRpcServer() {
  jobs_.cancel();
  (void)sync_wait(executor_, jobs_.join());
}

Result<std::shared_ptr<Upload>> KuboRpcServer::open_upload(const HttpRequest& head) {
  const auto leftover = [this](UploadFolder folder) {
    jobs_.spawn(remove_on(disk_, std::move(folder)));
  };
  return Upload::open(head, uploads_, disk_, leftover);
}

Status KuboRpcServer::check_browser(const HttpRequest& head) {
  if (head.over_unix_socket || head.headers.has("Origin")) return {};  // The Origin was checked.
  const std::string_view referer = head.headers.get_or("Referer", "");
  if (!referer.empty()) {
    HttpRequest page;
    page.headers.set("Host", std::string(head.headers.get_or("Host", "")));
    page.headers.set("Origin", origin_of(referer));
    return net::check_host_and_origin(page, {});
  }
  if (head.headers.get_or("User-Agent", "").starts_with("Mozilla")) {
    return fail(Errc::permission_denied,
                "A browser that names neither Origin nor Referer is not answered here.");
  }
  return {};
}

net::StreamedBodies KuboRpcServer::streamed_bodies(std::uint64_t max_bytes) {
  net::StreamedBodies streamed;
  streamed.max_bytes = max_bytes;
  streamed.match = [](std::string_view target) {
    if (!serves(target)) return false;
    const std::string_view path = target.substr(kubo::kPrefix.size());
    const auto* const command = kubo::find_command(path.substr(0, path.find('?')));
    return command != nullptr && command->answer == Answer::upload;
  };
  streamed.open = [this](const HttpRequest& head) -> Result<std::shared_ptr<net::RequestSink>> {
    ACCEL_TRY(auto upload, open_upload(head));
    return std::shared_ptr<net::RequestSink>(std::move(upload));
  };
  return streamed;
}

Status KuboRpcServer::check_upload(const HttpRequest& head, const Visitor& visitor) {
  const auto* const command =
      kubo::find_command(std::string_view(head.path).substr(kubo::kPrefix.size()));
  if (command == nullptr || command->answer != Answer::upload) return {};
  ACCEL_CHECK(visitor.needs(security::Role::operate, command->path));
  const auto& key = visitor.caller.key;
  const std::uint64_t most = key ? key->key.limits.body_bytes : 0;
  if (most == 0) return {};
  std::uint64_t length = 0;
  const std::string_view text = head.headers.get_or("Content-Length", "");
  const auto read = std::from_chars(text.data(), text.data() + text.size(), length);
  if (!text.empty() && read.ec == std::errc() && length <= most) return {};
  return fail(Errc::invalid_argument,
              "This key may send {} bytes in a request, named by Content-Length.", most);
}

Task<HttpResponse> KuboRpcServer::handle(HttpRequest request, std::stop_token stop,
                                         Visitor visitor) {
  if (request.method != "POST") {
    co_return net::text_response(405, "405 - Method Not Allowed: the RPC takes POST.\n");
  }
  Call call;
  call.command = kubo::find_command(std::string_view(request.path).substr(kubo::kPrefix.size()));
  if (call.command == nullptr) co_return net::text_response(404, "404 page not found\n");
  auto query = kubo::read_query(request.query);
  if (!query) co_return refusal(query.error());
  const Status fits = kubo::check_query(*call.command, *query);
  if (!fits) co_return refusal(fits.error());
  call.query = *std::move(query);
  const Status sends = check_upload(request, visitor);
  if (!sends) co_return refusal(sends.error());
  call.caller = std::move(visitor.caller);
  call.stop = std::move(stop);
  Duration limit = Duration::zero();
  if (const auto text = kubo::text_of(call.query, "timeout", {}); !text.empty()) {
    const auto given = kubo::duration_of(text);
    if (!given) co_return refusal(given.error());
    limit = *given;
  }
  auto working = dispatch(std::move(call), std::move(request));
  if (limit > Duration::zero()) working = with_timeout(std::move(working), limit);
  Result<HttpResponse> response = co_await std::move(working);
  if (!response) co_return refusal(response.error());
  co_return response;
}

Task<HttpResponse> KuboRpcServer::dispatch(Call call, HttpRequest request) {
  if (call.command->answer == Answer::upload) {
    auto uploading = upload(std::move(call), std::move(request));
    co_return co_await std::move(uploading);
  }
  ACCEL_CO_TRY(MethodRequest method, kubo::method_of(*call.command, call.query));
  const Answer answer = call.command->answer;
  if (answer == Answer::bytes) {
    const bool is_archive = call.command->path == "get";
    auto streaming = stream(std::move(call), std::move(method));
    Result<HttpResponse> streamed = co_await std::move(streaming);
    if (streamed && is_archive) streamed->headers.set("Content-Type", "application/x-tar");
    co_return streamed;
  }
  auto running = run(std::move(call), std::move(method));
  Result<std::string> body = co_await std::move(running);
  ACCEL_CO_TRY(std::string text, std::move(body));
  co_return text_answer(answer, std::move(text));
}

Task<HttpResponse> KuboRpcServer::stream(Call call, MethodRequest method) {
  const MethodCall node_call = [this, caller = call.caller, method = std::move(method)](
                                   const node::EventSink& on_event, std::stop_token stop) {
    return node_.call(method.method, method.params, on_event, std::move(stop), caller);
  };
  TextFormat format;
  format.content_type = "text/plain";
  format.piece = [](std::string_view bytes) { return std::string(bytes); };
  format.end = [](const json&) { return std::string(); };
  auto starting = start_text_stream(streams_, jobs_, node_call, std::move(format), call.stop);
  Result<HttpResponse> response = co_await std::move(starting);
  if (!response) co_return fail(Error(response.error()));
  response->headers.set("X-Stream-Output", "1");
  co_return response;
}

Result<std::string> KuboRpcServer::call_node(const Call& call, MethodRequest method,
                                             std::stop_token stop) {
  const std::string_view path = call.command->path;
  if (path == "name/resolve" && call.query.args.empty()) {
    ACCEL_TRY(const json self, node_.call("node.id", json::object(), {}, stop, call.caller));
    method.params["name"] = self.at("id");
  }
  auto result = node_.call(method.method, method.params, {}, stop, call.caller);
  ACCEL_TRY(const bool offline, kubo::flag_of(call.query, "offline", false));
  if (!result && path == "pin/add" && !offline && result.error().code == Errc::not_found) {
    // Kubo fetches what it is asked to pin.
    json pull{{"target", call.query.args.front()}};
    if (method.params.contains("name")) pull["name"] = method.params["name"];
    const auto pulled = node_.call("content.pull", pull, {}, stop, call.caller);
    if (pulled) result = node_.call(method.method, method.params, {}, stop, call.caller);
  }
  if (!result) return fail(std::move(result).error());
  if (path == "id" && !call.query.args.empty() && result->at("id") != call.query.args.front()) {
    return fail(Errc::unsupported, "Only this node itself is told by id; swarm/peers has others.");
  }
  return kubo::reply_of(*call.command, call.query, *result);
}

Task<std::string> KuboRpcServer::run(Call call, MethodRequest method) {
  std::stop_source source;
  const auto job = [&](std::stop_token job_stop) -> Result<std::string> {
    const auto request_stop = [&source] { source.request_stop(); };
    const std::stop_callback on_client(call.stop, request_stop);
    const std::stop_callback on_job(job_stop, request_stop);
    return call_node(call, std::move(method), source.get_token());
  };
  auto running = calls_.run(job);
  co_return co_await std::move(running);
}

Task<HttpResponse> KuboRpcServer::upload(Call call, HttpRequest request) {
  auto upload = std::dynamic_pointer_cast<Upload>(request.sink);
  if (!upload) {  // Over HTTP/2 the body is held.
    ACCEL_CO_TRY(upload, open_upload(request));
    auto taking = upload->take(std::move(request.body));
    const Status taken = co_await std::move(taking);
    ACCEL_CO_CHECK(taken);
  }
  request.sink.reset();
  // What it uploads lies in files of this server's own making: naming those is no administrator's
  // business.
  call.caller.role = security::Role::admin;
  std::stop_source source;
  const auto job = [&](std::stop_token job_stop) -> Result<std::string> {
    const auto request_stop = [&source] { source.request_stop(); };
    const std::stop_callback on_client(call.stop, request_stop);
    const std::stop_callback on_job(job_stop, request_stop);
    const kubo::NodeCall node_call = [&](std::string_view method, const json& params) {
      return node_.call(method, params, {}, source.get_token(), call.caller);
    };
    auto body = kubo::take_upload(*call.command, call.query, *upload, node_call);
    upload->remove();
    return body;
  };
  auto running = calls_.run(job);
  Result<std::string> body = co_await std::move(running);
  ACCEL_CO_TRY(std::string text, std::move(body));
  const std::string_view path = call.command->path;
  const bool lines = path == "add" || path == "dag/import";
  co_return text_answer(lines ? Answer::lines : Answer::json, std::move(text));
}

}  // namespace accel::server
