// SPDX-License-Identifier: Apache-2.0
// ProtocolServer's part for Ollama's protocol: which method answers a route, and how.
#include "accel/node/build_info.hpp"
#include "protocols/exchange.hpp"
#include "protocols/ollama.hpp"
#include "protocols/text_stream.hpp"

namespace accel::server {
namespace {

using net::HttpResponse;
using nlohmann::json;

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

Task<HttpResponse> ProtocolServer::ollama(Call call) {
  const std::string_view path = call.route->path;
  if (path == "/api/version") co_return json_reply({{"version", node::kVersion}});
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
  if (path == "/api/tags") co_return json_reply(ollama::tags_reply(*result));
  if (path == "/api/ps") co_return json_reply(ollama::ps_reply(*result));
  if (path == "/api/show") co_return json_reply(ollama::show_reply(*result));
  ACCEL_CO_TRY(json body, ollama::embed_reply(call.body, *result));
  call.explain_in(body, *result);
  co_return with_fallback(with_known(json_reply(body), known_of(*result)), *result);
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
    co_return json_reply({{"status", "success"}});
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
    co_return json_reply(ollama::load_reply(kind, facts, loads));
  }
  if (!request.stream) {
    auto running = run(std::move(request), call);
    const Result<json> result = co_await std::move(running);
    if (!result) co_return fail(result.error());
    json body = ollama::text_reply(kind, facts, *result, true);
    call.explain_in(body, *result);
    co_return json_reply(body);
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

}  // namespace accel::server
