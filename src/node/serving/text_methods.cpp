// SPDX-License-Identifier: Apache-2.0
// text.generate: a model's answer, piece by piece; models.loaded: what text.generate and
// model.infer keep in memory.
#include <algorithm>

#include "recorder.hpp"
#include "serving/family_run.hpp"
#include "serving/loaded_tensors.hpp"
#include "serving/loaded_text.hpp"
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

void count(Services& services, const inference::GenerationReport& report) {
  Metrics& metrics = services.metrics();
  metrics.counter("accel_text_requests_total", "Texts that were written").add(1);
  metrics.counter("accel_text_prompt_tokens_total", "Tokens of prompts that were read")
      .add(static_cast<double>(report.prompt_tokens));
  metrics
      .counter("accel_text_cached_tokens_total",
               "Tokens of prompts that were found in the context and not read again")
      .add(static_cast<double>(report.cached_tokens));
  metrics.counter("accel_text_answer_tokens_total", "Tokens that were written")
      .add(static_cast<double>(report.tokens.size()));
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
}

Result<json> generate(ServingContext& call, const GenerateRequest& request, SteadyTime started) {
  Context& context = call.context;
  ACCEL_TRY(const TextReady ready, ready_text(call, request.model, request.threads));
  const models::TextGenerator& generator = *ready.model->generator;
  if (request.check_only) {
    ACCEL_TRY(const auto prepared, generator.prepare(request.text));
    ACCEL_CHECK(generator.model().admits(prepared.prompt.size(), prepared.max_tokens));
    return json{{"prompt_tokens", prepared.prompt.size()}, {"max_tokens", prepared.max_tokens}};
  }
  ACCEL_TRY(inference::GenerationRequest prepared, generator.prepare(request.text));
  json choices = json::array();
  inference::GenerationReport sum;
  for (std::size_t i = 0; i < request.answers; ++i, ++prepared.sampling.seed) {
    TextAnswer answer(generator.model(), prepared, request.parts, context.on_event);
    answer.set_choice(i);
    const inference::TextSink on_text = [&](const inference::TextPiece& piece) {
      answer.add(piece);
    };
    ACCEL_TRY(const inference::GenerationReport report,
              generator.model().generate(prepared, on_text, context.stop));
    count(context.services, report);
    answer.finish(report, choices.emplace_back());
    add_up(sum, report);
  }
  json result = result_of(ready, sum, choices.size());
  result.update(choices.front());
  if (choices.size() > 1) result["choices"] = std::move(choices);
  result["total_ms"] = to_ms(context.services.clock().now() - started);
  return result;
}

json row_of(const LoadedText& loaded) {
  const inference::LlamaModel& model = loaded.generator->model();
  const inference::LlamaModelInfo& info = model.info();
  const inference::LlamaModel::Load load = model.load();
  return {{"name", loaded.name},
          {"cid", loaded.root.to_string()},
          {"task", kTask},
          {"engine", info.engine},
          {"device", info.device},
          {"precision", loaded.precision},
          {"threads", info.threads},
          {"bytes", loaded.bytes},
          {"family", info.architecture},
          {"parameters", info.parameters},
          {"context", info.context},
          {"kv_cache", info.kv_type},
          {"kv_bytes", info.kv_bytes},
          {"parallel", info.parallel},
          {"running", load.running},
          {"waiting", load.waiting},
          {"kept_tokens", load.kept_tokens},
          {"loaded_at", to_rfc3339(loaded.loaded_at)}};
}

// Of what runs in a session that is kept.
template <class Loaded>
json session_row(const Loaded& loaded, std::string_view task,
                 const inference::SessionInfo& session) {
  return {{"name", loaded.name},
          {"cid", loaded.root.to_string()},
          {"task", task},
          {"engine", session.engine},
          {"device", session.device},
          {"precision", session.precision},
          {"threads", session.threads},
          {"bytes", loaded.bytes}};
}

}  // namespace

Result<json> text_generate(ServingContext& call) {
  Context& context = call.context;
  const SteadyTime started = context.services.clock().now();
  ACCEL_TRY(const GenerateRequest request, read_generate_request(call));
  Result<json> result = generate(call, request, started);
  if (!request.record || request.check_only) return result;
  if (result) {
    record_run(context, 1, *result);
  } else {
    record_failed_run(context, kTask, context.services.clock().now() - started, result.error());
  }
  return result;
}

Result<json> models_loaded(ServingContext& call) {
  ACCEL_CHECK(call.context.params.finish());
  json rows = json::array();
  for (const auto& loaded : call.serving.texts.all()) rows.push_back(row_of(*loaded));
  for (const auto& loaded : call.serving.tensors.all())
    rows.push_back(session_row(*loaded, "tensors", loaded->session->info()));
  for (const auto& loaded : call.serving.families.all())
    rows.push_back(session_row(*loaded, loaded->task, loaded->session->info()));
  for (const auto& loaded : call.context.services.kept_sessions().all()) {
    json row = session_row(*loaded, "text-embedding", loaded->embedder->session().info());
    row["policy"] = loaded->choice.policy;
    rows.push_back(std::move(row));
  }
  return json{{"models", std::move(rows)}};
}

}  // namespace accel::node
