// SPDX-License-Identifier: Apache-2.0
// ProtocolServer's part for OpenAI's protocol: which method answers a route, and how.
#include "protocols/exchange.hpp"
#include "protocols/openai.hpp"
#include "protocols/openai_audio.hpp"
#include "protocols/text_stream.hpp"

namespace accel::server {

using net::HttpResponse;
using nlohmann::json;

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
  if (path == "/v1/models") co_return json_reply(openai::models_reply(*result));
  ACCEL_CO_TRY(json body, call.model.empty() ? openai::embedding_reply(call.body, *result)
                                             : openai::model_reply(*result, call.model));
  if (call.model.empty()) call.explain_in(body, *result);
  co_return with_fallback(with_known(json_reply(body), known_of(*result)), *result);
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
    co_return json_reply(body);
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

}  // namespace accel::server
