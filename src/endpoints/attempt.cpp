// SPDX-License-Identifier: Apache-2.0
#include "attempt.hpp"

#include <algorithm>

#include "wire/wire.hpp"

namespace accel::endpoints {
namespace {

constexpr std::string_view kOpenaiHost = "api.openai.com";
constexpr std::string_view kOwnKind = "ipfs-accelerate";

std::string_view traced_operation(const Request& request) {
  switch (request.operation) {
    case Operation::text:
      return request.messages.empty() ? "text_completion" : "chat";
    case Operation::embedding:
      return "embeddings";
    default:
      return operation_name(request.operation);
  }
}

void set_count(trace::Span& span, const char* key, std::optional<std::uint64_t> count) {
  if (count) span.set(key, *count);
}

}  // namespace

trace::Span client_span(const trace::LinkPtr& parent, const Endpoint& endpoint,
                        const Request& request, std::size_t attempt) {
  const std::string_view operation = traced_operation(request);
  trace::Span span = trace::Span::start(parent, operation, trace::SpanKind::client);
  if (!span) return span;
  const std::string model = endpoint.remote_name(request.model).value_or(request.model);
  span.rename(fmt::format("{} {}", operation, model));
  span.set("gen_ai.operation.name", operation).set("gen_ai.provider.name", endpoint.kind);
  span.set("gen_ai.request.model", model);
  span.set("server.address", endpoint.url.host).set("server.port", endpoint.url.port);
  span.set("accel.endpoint.name", endpoint.name);
  if (attempt > 1) span.set("http.request.resend_count", attempt - 1);
  return span;
}

void tell_server(const trace::Span& span, net::Headers& headers) {
  if (!span.link()) return;
  const trace::SpanContext& context = span.link()->context;
  headers.set("traceparent", trace::traceparent_of(context));
  if (!context.state.empty()) headers.set("tracestate", context.state);
}

void end_client_span(trace::Span& span, const Verdict& verdict, const Usage& usage) {
  set_count(span, "gen_ai.usage.input_tokens", usage.prompt_tokens);
  set_count(span, "gen_ai.usage.output_tokens", usage.completion_tokens);
  if (verdict.error) span.fail(*verdict.error);
  span.end();
}

void Place::end(Outcome outcome, std::optional<Duration> retry_after) {
  if (std::exchange(ended_, true)) return;
  member_->standing.ended(clock_.now(), outcome, retry_after);
  on_free_();
}

Verdict verdict_of(Error error, bool throttled) {
  Verdict verdict;
  switch (error.code) {
    case Errc::cancelled:
      break;
    case Errc::invalid_argument:
      verdict.outcome = Outcome::refused;
      break;
    case Errc::not_found:
    case Errc::unsupported:
      verdict.outcome = Outcome::refused;
      verdict.elsewhere = true;
      break;
    case Errc::unauthenticated:
    case Errc::permission_denied:
      verdict.outcome = Outcome::failed;
      verdict.elsewhere = true;
      break;
    case Errc::resource_exhausted:
      verdict.outcome = throttled ? Outcome::throttled : Outcome::failed;
      verdict.same_again = verdict.elsewhere = throttled;
      break;
    default:
      verdict.outcome = Outcome::failed;
      verdict.same_again = verdict.elsewhere = true;
  }
  verdict.error = std::move(error);
  return verdict;
}

Result<PreparedCall> prepare_call(const Endpoint& endpoint, Request request) {
  PreparedCall call;
  request.model = endpoint.remote_name(request.model).value_or(request.model);
  request.max_completion_tokens = endpoint.url.host == kOpenaiHost;
  const WireRules& rules = rules_of(endpoint.wire);
  ACCEL_TRY(WireRequest wire, rules.write(request));
  ACCEL_TRY(call.key, read_key(endpoint));
  call.url = endpoint.url;
  if (call.url.path == "/") call.url.path.clear();
  call.url.path += wire.path;
  call.url.query = wire.query;
  call.http.method = wire.method;
  call.http.headers = std::move(wire.headers);
  call.http.headers.set("Accept", wire.streams ? "text/event-stream, application/x-ndjson, "
                                                 "application/json"
                                               : "application/json");
  if (!wire.body.empty()) call.http.headers.set("Content-Type", "application/json");
  if (request.time_left && endpoint.kind == kOwnKind) {
    const std::chrono::duration<double> seconds = std::max(*request.time_left, Duration(1));
    call.http.headers.set("X-Request-Timeout", fmt::format("{:.9f}", seconds.count()));
  }
  if (!request.via.empty()) call.http.headers.set("Via", request.via);
  if (!call.key.empty()) {
    const bool bearer = rules.key_header == "Authorization";
    call.http.headers.set(std::string(rules.key_header), (bearer ? "Bearer " : "") + call.key);
  }
  call.http.body = std::move(wire.body);
  call.http.max_body_bytes = kMaxReplyBytes;
  // A redirect would carry the prompt, and perhaps the key, to an address that nobody has named.
  call.http.follow_redirects = false;
  call.not_sent = std::move(wire.not_sent);
  return call;
}

}  // namespace accel::endpoints
