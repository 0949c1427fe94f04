// SPDX-License-Identifier: Apache-2.0
// text.generate: a model's answer, piece by piece.
#include <algorithm>

#include "recorder.hpp"
#include "serving/loaded_text.hpp"
#include "serving/model_spans.hpp"
#include "serving/remote_run.hpp"
#include "serving/text_answer.hpp"
#include "serving/text_request.hpp"

namespace accel::node {
namespace {

using nlohmann::json;

constexpr std::string_view kTask = "text-generation";

// A rate that nobody measured is left out: of no tokens, or in no time.
void put_rate(json& result, const char* name, std::size_t tokens, double ms) {
  if (tokens > 0 && ms > 0) result[name] = static_cast<double>(tokens) * 1000.0 / ms;
}

json result_of(const TextReady& ready, const inference::GenerationReport& report,
               std::size_t answers) {
  const LoadedText& loaded = *ready.model;
  const inference::LlamaModelInfo& info = loaded.generator->model().info();
  const std::size_t answer = report.tokens.size();
  json result{{"prompt_tokens", report.prompt_tokens},
              {"cached_tokens", report.cached_tokens},
              {"completion_tokens", answer},
              {"tokens", report.prompt_tokens + answer},
              {"model",
               {{"name", ready.name},
                {"cid", loaded.root.to_string()},
                {"weights_sha256", loaded.weights_sha256}}},
              {"task", kTask},
              {"engine", info.engine},
              {"engine_version", info.version},
              {"device", info.device},
              {"precision", loaded.precision},
              {"threads", info.threads},
              {"emulated", false},
              {"untested", json()},
              {"wait_ms", report.wait_ms},
              {"prefill_ms", report.prefill_ms},
              {"decode_ms", report.decode_ms},
              {"latency_ms", report.prefill_ms + report.decode_ms},
              {"load_ms", ready.load_ms},
              {"choice", "the only engine"},
              {"provenance", "measured"}};
  // What was found in the context took no time, and neither did the token that prefill ends with.
  put_rate(result, "prefill_tokens_per_second", report.prompt_tokens - report.cached_tokens,
           report.prefill_ms);
  put_rate(result, "decode_tokens_per_second", answer > answers ? answer - answers : 0,
           report.decode_ms);
  return result;
}

// Of every text, also of one that was broken off.
void count_use(Services& services, const inference::TokenUse& use) {
  Metrics& metrics = services.metrics();
  metrics.counter("accel_text_prompt_tokens_total", "Tokens of prompts that were read")
      .add(static_cast<double>(use.prompt));
  metrics.counter("accel_text_answer_tokens_total", "Tokens that were written")
      .add(static_cast<double>(use.answer));
}

void count(Services& services, const inference::GenerationReport& report) {
  Metrics& metrics = services.metrics();
  metrics.counter("accel_text_requests_total", "Texts that were written").add(1);
  metrics
      .counter("accel_text_cached_tokens_total",
               "Tokens of prompts that were found in the context and not read again")
      .add(static_cast<double>(report.cached_tokens));
  if (report.drafted == 0) return;
  metrics.counter("accel_text_drafted_tokens_total", "Tokens that were guessed ahead and read")
      .add(static_cast<double>(report.drafted));
  metrics.counter("accel_text_accepted_tokens_total", "Tokens that were guessed ahead and right")
      .add(static_cast<double>(report.accepted));
}

// Of several answers: the prompt counts once, and what was found of it at the first one.
void add_up(inference::GenerationReport& sum, const inference::GenerationReport& report) {
  const bool first = sum.prompt_tokens == 0;
  sum.prompt_tokens = report.prompt_tokens;
  if (first) sum.cached_tokens = report.cached_tokens;
  if (first) sum.prefill_ms = report.prefill_ms;
  sum.tokens.insert(sum.tokens.end(), report.tokens.begin(), report.tokens.end());
  sum.wait_ms += report.wait_ms;
  sum.decode_ms += report.decode_ms;
  sum.drafted += report.drafted;
  sum.accepted += report.accepted;
}

// In the words of OpenTelemetry's conventions for generative AI.
trace::Span text_span(const TextReady& ready, const GenerateRequest& request) {
  const bool chat = !request.text.messages.empty();
  const char* const operation = chat ? "chat" : "text_completion";
  const LoadedText& loaded = *ready.model;
  trace::Span span = trace::Span::start(operation);
  if (!span) return span;
  span.rename(fmt::format("{} {}", operation, ready.name));
  span.set("gen_ai.operation.name", operation).set("gen_ai.provider.name", "ipfs-accelerate");
  span.set("gen_ai.request.model", ready.name);
  span.set("gen_ai.request.temperature", request.text.sampling.temperature);
  if (request.text.max_tokens) span.set("gen_ai.request.max_tokens", *request.text.max_tokens);
  span.set("accel.model.cid", loaded.root.to_string());
  tell_text_model(span, loaded.generator->model().info());
  return span;
}

// What the report measured of it, as its parts: they end now.
void end_text_span(trace::Span span, const inference::GenerationReport& report, SteadyTime now) {
  if (!span) return;
  span.set("gen_ai.usage.input_tokens", report.prompt_tokens);
  span.set("gen_ai.usage.output_tokens", report.tokens.size());
  const bool full = report.finish == inference::FinishReason::length;
  span.set("gen_ai.response.finish_reasons", std::vector<std::string>{full ? "length" : "stop"});
  span.set("accel.text.cached_tokens", report.cached_tokens);
  const trace::Scope in(span.link());
  const auto of_ms = [](double ms) {
    return std::chrono::duration_cast<Duration>(std::chrono::duration<double, std::milli>(ms));
  };
  const SteadyTime decoded = now - of_ms(report.decode_ms);
  const SteadyTime began = decoded - of_ms(report.prefill_ms);
  const auto read = static_cast<std::int64_t>(report.prompt_tokens - report.cached_tokens);
  const auto written = static_cast<std::int64_t>(report.tokens.size());
  trace::record("wait for a slot", began - of_ms(report.wait_ms), began);
  trace::record("prefill", began, decoded, {{"accel.text.tokens", read}});
  trace::record("decode", decoded, now, {{"accel.text.tokens", written}});
}

// A context is made when a model is loaded, and all its texts share it: none is made for one text.
Status check_context(const LoadedText& loaded, std::size_t wanted) {
  const std::size_t most = loaded.generator->model().info().context;
  if (wanted <= most) return {};
  return fail(Errc::invalid_argument,
              "{} is loaded with a context of {} tokens, and {} were asked for (context; Ollama's "
              "num_ctx). Ask for no more, or for none; the setting text.context and what the model "
              "was trained with bound it.",
              loaded.name, most, wanted);
}

// `used`: what it has cost, whatever comes of it.
Result<json> generate(ServingContext& call, const GenerateRequest& request,
                      inference::TokenUse& used) {
  Context& context = call.context;
  ACCEL_TRY(const TextReady ready, ready_text(call, request.model, request.threads, request.draft));
  if (request.keep_alive) ready.model.loan().keep_for(*request.keep_alive);
  ACCEL_CHECK(check_context(*ready.model, request.context));
  const models::TextGenerator& generator = *ready.model->generator;
  if (request.check_only) {
    ACCEL_TRY(const auto prepared, generator.prepare(request.text, context.stop));
    ACCEL_CHECK(generator.model().admits(prepared.prompt.size(), prepared.max_tokens));
    return json{{"prompt_tokens", prepared.prompt.size()}, {"max_tokens", prepared.max_tokens}};
  }
  ACCEL_TRY(inference::GenerationRequest prepared, generator.prepare(request.text, context.stop));
  prepared.priority = request.priority;
  prepared.draft = draft_for(request.draft, generator.model().info());
  prepared.draft_max = request.draft.most;
  json choices = json::array();
  inference::GenerationReport sum;
  for (std::size_t i = 0; i < request.answers; ++i, ++prepared.sampling.seed) {
    TextAnswer answer(generator.model(), prepared, request.parts, context.on_event);
    answer.set_choice(i);
    const inference::TextSink on_text = [&](const inference::TextPiece& piece) {
      answer.add(piece);
    };
    trace::Span span = text_span(ready, request);
    inference::TokenUse use;
    const auto report = generator.model().generate(prepared, on_text, context.stop, &use);
    used = {std::max(used.prompt, use.prompt), used.answer + use.answer};
    count_use(context.services, use);
    if (!report) span.fail(report.error());
    if (!report) return fail(Error(report.error()));
    end_text_span(std::move(span), *report, context.services.clock().now());
    count(context.services, *report);
    answer.finish(*report, choices.emplace_back());
    add_up(sum, *report);
  }
  json result = result_of(ready, sum, choices.size());
  if (prepared.draft != inference::Draft::none) {
    const bool looks = prepared.draft == inference::Draft::lookup;
    result["draft"] = looks ? std::string(kDraftLookup) : ready.model->draft;
    result["drafted_tokens"] = sum.drafted;
    result["accepted_tokens"] = sum.accepted;
  }
  result["priority"] = static_cast<int>(request.priority);
  result.update(choices.front());
  if (choices.size() > 1) result["choices"] = std::move(choices);
  return result;
}

// Here, and when that can't be, where else it can: but never twice of what was said.
Result<json> generate_somewhere(ServingContext& call, const GenerateRequest& request) {
  ACCEL_TRY(const auto named, named_route(call, request.model, request.remote));
  if (named) return generate_remotely(call, request, *named);
  std::uint64_t pieces = 0;
  const EventSink& on_event = call.context.on_event;
  const EventSink watching = [&](const Event& event) {
    if (event.progress == nullptr) ++pieces;
    on_event(event);
  };
  Context context{call.context.services, call.context.params, on_event ? watching : on_event,
                  call.context.stop, call.context.caller};
  ServingContext here{context, call.serving, call.params};
  inference::TokenUse used;
  Result<json> result = generate(here, request, used);
  if (result) return result;
  // Of a call that fails, Node::call() counts the pieces that were sent: a part of what was used.
  const std::uint64_t tokens = used.prompt + used.answer;
  call.context.caller.spend(tokens - std::min(tokens, pieces));
  if (pieces > 0) return result;
  const auto route = route_after(call, request.model, request.remote, result.error());
  if (!route) return result;
  Result<json> elsewhere = generate_remotely(call, request, *route);
  if (elsewhere) return elsewhere;
  return fail(joined(std::move(result).error(), elsewhere.error()));
}

}  // namespace

Result<json> text_generate(ServingContext& call) {
  Context& context = call.context;
  const SteadyTime started = context.services.clock().now();
  ACCEL_TRY(const GenerateRequest request, read_generate_request(call));
  Result<json> result = generate_somewhere(call, request);
  if (result) (*result)["total_ms"] = to_ms(context.services.clock().now() - started);
  if (!request.record || request.check_only) return result;
  if (result && result->contains("endpoint")) {
    record_remote(context, *result);
  } else if (result) {
    record_run(context, 1, *result);
  } else {
    record_failed_run(context, kTask, context.services.clock().now() - started, result.error());
  }
  return result;
}

}  // namespace accel::node
