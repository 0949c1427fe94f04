// SPDX-License-Identifier: Apache-2.0
#include "protocols/protocol_server.hpp"

#include <algorithm>
#include <array>

#include "accel/core/async/sync_wait.hpp"
#include "accel/core/clock.hpp"
#include "accel/core/json.hpp"
#include "accel/core/log.hpp"
#include "accel/core/random.hpp"
#include "accel/net/url.hpp"
#include "accel/node/build_info.hpp"
#include "protocols/missing_route.hpp"
#include "protocols/oip.hpp"
#include "protocols/oip_binary.hpp"
#include "protocols/ollama.hpp"
#include "protocols/openai.hpp"
#include "protocols/openai_audio.hpp"
#include "protocols/routes.hpp"
#include "protocols/text_stream.hpp"

namespace accel::server {
namespace {

using net::HttpRequest;
using net::HttpResponse;
using nlohmann::json;

constexpr std::string_view kRetryAfterSeconds = "1";

HttpResponse reply(const json& body, int status = 200) {
  return net::json_response(status,
                            body.dump(-1, ' ', false, json::error_handler_t::replace) + "\n");
}

HttpResponse refusal(Protocol protocol, const Error& error) {
  // Clients take what is above 499 for a passing trouble and try again.
  const int status = error.code == Errc::unsupported ? 400 : net::http_status_of(error.code);
  HttpResponse response = reply(error_body(protocol, error), status);
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
  HttpResponse response = reply(error_body(protocol, {Errc::invalid_argument, words, {}}), 405);
  response.headers.add("Allow", allowed);
  return response;
}

// How much of a result was known before: texts of an embedding, or all that infer gives.
std::uint64_t known_of(const json& result) {
  const json cached = result.value("cached", json());
  if (cached.is_boolean()) return cached.get<bool>() ? 1 : 0;
  return cached.is_number_unsigned() ? cached.get<std::uint64_t>() : 0;
}

HttpResponse with_known(HttpResponse response, std::uint64_t known) {
  if (known > 0) response.headers.set("X-Cached", std::to_string(known));
  return response;
}

// Of a result of `run`: a device failed, and the CPU computed this. As an RFC 8941 dictionary.
HttpResponse with_fallback(HttpResponse response, const json& result) {
  const auto fell = result.find("fell_back");
  if (fell == result.end()) return response;
  response.headers.set("X-Fell-Back",
                       fmt::format(R"(from="{}", to="{}")", fell->value("from", std::string()),
                                   fell->value("to", std::string())));
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

ReplyFacts facts_of(const json& body) {
  const WallTime now = system_clock().wall_now();
  const auto since = std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch());
  return {random_hex(system_random(), 12), body.value("model", std::string()), to_rfc3339(now),
          since.count()};
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

HttpResponse tensor_reply(json body) {
  oip::WrittenBody written = oip::write_body(std::move(body));
  if (!written.binary) return net::json_response(200, std::move(written.bytes));
  HttpResponse response;
  response.headers.set("Content-Type", "application/octet-stream");
  response.headers.set(std::string(oip::kHeaderLength), std::to_string(written.json_bytes));
  response.body = std::move(written.bytes);
  return response;
}

struct Pull {
  TimedCall method;
  FrameWords words;
  std::stop_token stop;
};

Task<void> write_pull(OffloadPool& pool, Pull pull, net::BodyWriter& writer) {
  auto beginning = writer.write(ollama::kPullBegins);
  const Status begun = co_await std::move(beginning);
  if (!begun) co_return begun;
  auto streaming = stream_method(pool, std::move(pull.method), pull.stop, writer, pull.words);
  co_return co_await std::move(streaming);
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

struct ProtocolServer::Call {
  const Route* route = nullptr;
  std::string model;  // Of the path.
  json body;
  std::string text;  // The body as it came, for forms and the order of a schema's members.
  std::string content_type;
  std::string client;
  node::Caller caller;
  trace::LinkPtr trace;
  Deadline deadline;     // Of its header.
  bool explain = false;  // Why it was batched as it was.
  std::optional<Priority> priority;
  std::string via;  // The nodes that it came through.
  std::stop_token stop;

  // Makes a method a part of this exchange.
  void join(MethodRequest& request) const {
    request.trace = trace;
    request.deadline = deadline;
    if (priority && runs_model(request.method) && !request.params.contains("priority"))
      request.params["priority"] = *priority;
    if (!via.empty() && runs_model(request.method)) request.params["via"] = via;
  }
  // What a method that batches is told besides.
  void tell(MethodRequest& request) const {
    request.params["client"] = client;
    if (explain) request.params["explain"] = true;
  }
  // The answer to "explain", as a member that the protocols do not know and their clients ignore.
  void explain_in(json& reply, const json& result) const {
    if (!explain) return;
    reply["explain"] = explanation(result);
  }
};

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
      auto model = match_route(route, *segments);
      if (!model || !takes_method(route, request.method)) continue;
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
    case Protocol::openai: {
      auto answer = openai(std::move(call));
      co_return co_await std::move(answer);
    }
    case Protocol::ollama: {
      auto answer = ollama(std::move(call));
      co_return co_await std::move(answer);
    }
    default: {
      auto answer = oip(std::move(call));
      co_return co_await std::move(answer);
    }
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

Task<HttpResponse> ProtocolServer::openai(Call call) {
  const std::string_view path = call.route->path;
  if (path.ends_with("completions")) {
    const bool chat = path == "/v1/chat/completions";
    ACCEL_CO_TRY(MethodRequest request, chat ? openai::chat_request(call.body, call.text)
                                             : openai::completion_request(call.body));
    auto text = openai_text(std::move(call), std::move(request), chat);
    co_return co_await std::move(text);
  }
  if (path == kTranscriptions) {
    auto text = openai_audio(std::move(call));
    co_return co_await std::move(text);
  }
  MethodRequest request{"models.list"};
  if (path == "/v1/embeddings") {
    ACCEL_CO_TRY(request, openai::embedding_request(call.body));
    call.tell(request);
  }
  const bool lists = request.method == "models.list";
  auto running = run(std::move(request), call);
  Result<json> result = co_await std::move(running);
  if (!result) co_return fail(result.error());
  if (lists) {  // What endpoints were given, none of which is asked.
    auto looking = run(MethodRequest{"endpoints.list"}, call);
    const Result<json> endpoints = co_await std::move(looking);
    const auto may_run = [&](const std::string& name) {
      return call.caller.may_run(name).has_value();
    };
    if (endpoints) openai::add_endpoint_models(*endpoints, may_run, *result);
  }
  if (path == "/v1/models") co_return reply(openai::models_reply(*result));
  ACCEL_CO_TRY(json body, call.model.empty() ? openai::embedding_reply(call.body, *result)
                                             : openai::model_reply(*result, call.model));
  if (call.model.empty()) call.explain_in(body, *result);
  co_return with_fallback(with_known(reply(body), known_of(*result)), *result);
}

Task<HttpResponse> ProtocolServer::openai_text(Call call, MethodRequest request, bool chat) {
  const openai::Kind kind = chat ? openai::Kind::chat : openai::Kind::completion;
  const ReplyFacts facts = facts_of(call.body);
  const std::string echo = chat ? std::string() : openai::echo_of(call.body);
  if (!request.stream) {
    auto running = run(std::move(request), call);
    const Result<json> result = co_await std::move(running);
    if (!result) co_return fail(result.error());
    json body = openai::text_reply(kind, facts, *result, echo);
    call.explain_in(body, *result);
    co_return reply(body);
  }
  const auto options = call.body.find("stream_options");
  const bool usage = options != call.body.end() && options->is_object() &&
                     options->value("include_usage", json()) == true;
  TextFormat format;
  format.content_type = "text/event-stream";
  format.begin = openai::first_events(kind, facts, request.params, echo);
  const bool parts = request.params.value("parts", false);
  format.piece = [=](std::string_view text) {
    return parts ? openai::part_events(kind, facts, text) : openai::text_event(kind, facts, text);
  };
  format.end = [=](const json& result) { return openai::last_events(kind, facts, result, usage); };
  format.failure = &openai::error_event;
  call.join(request);
  auto stream = start_text_stream(texts_, jobs_, method_call(std::move(request), call.caller),
                                  std::move(format), call.stop);
  co_return co_await std::move(stream);
}

Task<HttpResponse> ProtocolServer::openai_audio(Call call) {
  // A recording may have megabytes: its form is not taken apart on the loop.
  const auto read = [&call](std::stop_token) {
    return openai::transcription_request(call.content_type, call.text);
  };
  auto reading = quick_.run(read);
  Result<openai::TranscriptionRequest> wish = co_await std::move(reading);
  if (!wish) co_return fail(wish.error());
  call.text = {};
  call.tell(wish->run);
  auto running = run(std::move(wish->run), call);
  const Result<json> result = co_await std::move(running);
  if (!result) co_return fail(result.error());
  ACCEL_CO_TRY(openai::TranscriptionReply text, openai::transcription_reply(wish->format, *result));
  HttpResponse response;
  response.headers.set("Content-Type", text.content_type);
  response.body = std::move(text.body);
  co_return with_fallback(std::move(response), *result);
}

Task<HttpResponse> ProtocolServer::ollama(Call call) {
  const std::string_view path = call.route->path;
  if (path == "/api/version") co_return reply({{"version", node::kVersion}});
  if (path == "/api/pull") {
    auto pulling = ollama_pull(std::move(call));
    co_return co_await std::move(pulling);
  }
  if (path == "/api/generate" || path == "/api/chat") {
    const bool chat = path == "/api/chat";
    ACCEL_CO_TRY(MethodRequest request, chat ? ollama::chat_request(call.body, call.text)
                                             : ollama::generate_request(call.body, call.text));
    auto text = ollama_text(std::move(call), std::move(request), chat);
    co_return co_await std::move(text);
  }
  MethodRequest request{path == "/api/ps" ? "models.loaded" : "models.list"};
  if (path == "/api/show") {
    ACCEL_CO_TRY(request, ollama::show_request(call.body));
  } else if (path == "/api/embed") {
    ACCEL_CO_TRY(request, ollama::embed_request(call.body));
    call.tell(request);
  }
  auto running = run(std::move(request), call);
  const Result<json> result = co_await std::move(running);
  if (!result) co_return fail(result.error());
  if (path == "/api/tags") co_return reply(ollama::tags_reply(*result));
  if (path == "/api/ps") co_return reply(ollama::ps_reply(*result));
  if (path == "/api/show") co_return reply(ollama::show_reply(*result));
  ACCEL_CO_TRY(json body, ollama::embed_reply(call.body, *result));
  call.explain_in(body, *result);
  co_return with_fallback(with_known(reply(body), known_of(*result)), *result);
}

Task<HttpResponse> ProtocolServer::ollama_pull(Call call) {
  ACCEL_CO_TRY(ollama::PullRequest wish, ollama::pull_request(call.body));
  // Once the stream has begun, a refusal has no status any more.
  ACCEL_CO_CHECK(call.caller.needs(security::Role::operate, "/api/pull"));
  if (wish.target.empty()) {
    MethodRequest look{"models.show"};
    look.params["model"] = ollama::model_name(wish.model);
    auto looking = run(std::move(look), call);
    const Result<json> known = co_await std::move(looking);
    if (!known && known.error().code == Errc::not_found)
      co_return fail(ollama::unknown_model(wish.model));
    if (!known) co_return fail(known.error());
    wish.target = known->at("cid").get<std::string>();
  }
  MethodRequest request{"content.pull"};
  request.params["target"] = wish.target;
  if (!wish.stream) {
    auto running = run(std::move(request), call);
    const Result<json> result = co_await std::move(running);
    if (!result) co_return fail(result.error());
    co_return reply({{"status", "success"}});
  }
  call.join(request);
  FrameWords words;
  words.progress = [digest = wish.target.substr(wish.target.rfind('@') + 1)](const json& step) {
    return ollama::pull_line(digest, step);
  };
  words.result = &ollama::pull_end;
  words.error = [](const Error& error) {
    return ollama::line_of(error_body(Protocol::ollama, error));
  };
  net::StreamBody stream;
  stream.write = [this, method = method_call(std::move(request), call.caller), words,
                  stop = call.stop](net::BodyWriter& writer) {
    return write_pull(pulls_, {method, words, stop}, writer);
  };
  HttpResponse response;
  response.headers.set("Content-Type", "application/x-ndjson");
  response.headers.set("Cache-Control", "no-store");
  response.body = std::move(stream);
  co_return response;
}

Task<HttpResponse> ProtocolServer::ollama_text(Call call, MethodRequest request, bool chat) {
  const ollama::Kind kind = chat ? ollama::Kind::chat : ollama::Kind::generate;
  const ReplyFacts facts = facts_of(call.body);
  if (request.method != "text.generate") {  // It asked for no text.
    const bool loads = request.method == "models.load";
    auto running = run(std::move(request), call);
    const Result<json> result = co_await std::move(running);
    if (!result) co_return fail(result.error());
    co_return reply(ollama::load_reply(kind, facts, loads));
  }
  if (!request.stream) {
    auto running = run(std::move(request), call);
    const Result<json> result = co_await std::move(running);
    if (!result) co_return fail(result.error());
    json body = ollama::text_reply(kind, facts, *result, true);
    call.explain_in(body, *result);
    co_return reply(body);
  }
  TextFormat format;
  format.content_type = "application/x-ndjson";
  const bool parts = request.params.value("parts", false);
  format.piece = [=](std::string_view text) {
    return parts ? ollama::part_lines(kind, facts, text) : ollama::text_line(kind, facts, text);
  };
  format.end = [=](const json& result) { return ollama::last_lines(kind, facts, result); };
  format.failure = [](const Error& error) {
    return ollama::line_of(error_body(Protocol::ollama, error));
  };
  call.join(request);
  auto stream = start_text_stream(texts_, jobs_, method_call(std::move(request), call.caller),
                                  std::move(format), call.stop);
  co_return co_await std::move(stream);
}

Task<HttpResponse> ProtocolServer::oip(Call call) {
  const std::string_view path = call.route->path;
  if (path == "/v2") co_return reply(oip::server_reply(node::kVersion));
  if (path == "/v2/health/live") co_return reply({{"live", true}});
  if (path == "/v2/health/ready") co_return reply({{"ready", true}});
  if (path.starts_with("/v2/repository/")) {
    auto answer = oip_repository(std::move(call));
    co_return co_await std::move(answer);
  }
  const bool stats = path.ends_with("/stats");
  MethodRequest request{stats ? "models.stats" : "model.signature"};
  if (!call.model.empty()) request.params["model"] = call.model;
  json id;
  if (path.ends_with("/infer")) {
    if (call.body.contains("id")) id = call.body.at("id");
    ACCEL_CO_TRY(request, oip::infer_request(std::move(call.body), call.model));
    call.tell(request);
  }
  auto running = run(std::move(request), call);
  Result<json> result = co_await std::move(running);
  if (!result) co_return fail(result.error());
  if (path.ends_with("/infer")) {
    json explained;
    call.explain_in(explained, *result);
    const std::uint64_t known = known_of(*result);
    json body = oip::infer_reply(id, call.model, std::move(*result));
    if (!explained.is_null()) body.update(explained);
    co_return with_known(tensor_reply(std::move(body)), known);
  }
  if (stats) co_return reply(oip::stats_reply(*result));
  if (path.ends_with("/ready")) co_return reply({{"name", call.model}, {"ready", true}});
  co_return reply(oip::metadata_reply(call.model, *result));
}

Task<HttpResponse> ProtocolServer::oip_repository(Call call) {
  const std::string_view path = call.route->path;
  const bool index = path.ends_with("/index");
  MethodRequest request{index                     ? "models.list"
                        : path.ends_with("/load") ? "model.signature"
                                                  : "models.unload"};
  if (!index) request.params["model"] = call.model;
  auto running = run(std::move(request), call);
  const Result<json> result = co_await std::move(running);
  if (!result) co_return fail(result.error());
  if (!index) co_return reply(json::object());
  auto looking = run(MethodRequest{"models.loaded"}, call);
  const Result<json> loaded = co_await std::move(looking);
  if (!loaded) co_return fail(loaded.error());
  ACCEL_CO_TRY(const json rows, oip::index_reply(call.body, *result, *loaded));
  co_return reply(rows);
}

}  // namespace accel::server
