// SPDX-License-Identifier: Apache-2.0
// text.generate: a model's answer, piece by piece; models.loaded: what text.generate and
// model.infer keep in memory.
#include <algorithm>

#include "accel/core/random.hpp"
#include "content/pulling.hpp"
#include "recorder.hpp"
#include "serving/family_run.hpp"
#include "serving/loaded_tensors.hpp"
#include "serving/loaded_text.hpp"

namespace accel::node {
namespace {

using nlohmann::json;

constexpr std::string_view kTask = "text-generation";
constexpr std::int64_t kMaxAnswerTokens = 1 << 24;
constexpr std::int64_t kMaxSeed = 0xFFFF'FFFF;

struct GenerateRequest {
  std::string model;
  models::TextRequest text;
  int threads = 0;
  bool record = true;
  bool check_only = false;  // Loads the model and refuses what would be refused; writes nothing.
};

Result<std::vector<inference::ChatMessage>> messages_of(const json* list) {
  std::vector<inference::ChatMessage> messages;
  if (list == nullptr) return messages;
  const auto is_text = [](const json& message, const char* name) {
    return message.is_object() && message.contains(name) && message.at(name).is_string();
  };
  const auto bad = [&](const json& message) {
    return !is_text(message, "role") || !is_text(message, "content");
  };
  if (!list->is_array() || std::any_of(list->begin(), list->end(), bad)) {
    return fail(Errc::invalid_argument,
                "text.generate: messages must be a list of {{\"role\", \"content\"}}, both texts.");
  }
  for (const json& message : *list) {
    messages.push_back(
        {message.at("role").get<std::string>(), message.at("content").get<std::string>()});
  }
  return messages;
}

Result<std::string> schema_of(const json* schema) {
  if (schema == nullptr) return std::string();
  if (schema->is_string()) return schema->get<std::string>();  // Keeps the order of its members.
  if (schema->is_object()) return schema->dump(-1, ' ', false, json::error_handler_t::replace);
  return fail(Errc::invalid_argument, "text.generate: json_schema must be an object or its text.");
}

Result<GenerateRequest> read_request(ServingContext& call) {
  Params& params = call.context.params;
  GenerateRequest request;
  request.model = params.required_text("model");
  request.text.prompt = params.text("prompt", {});
  ACCEL_TRY(request.text.messages, messages_of(call.value("messages")));
  if (params.given("max_tokens")) {
    request.text.max_tokens =
        static_cast<std::size_t>(params.integer_in("max_tokens", 1, 1, kMaxAnswerTokens));
  }
  inference::SamplingOptions& sampling = request.text.sampling;
  sampling.temperature = params.number("temperature", 0);
  sampling.top_k = static_cast<int>(params.integer_in("top_k", 0, 0, 1 << 20));
  sampling.top_p = params.number("top_p", 1);
  const auto chance = static_cast<std::int64_t>(system_random().below(kMaxSeed));
  sampling.seed = static_cast<std::uint32_t>(params.integer_in("seed", chance, 0, kMaxSeed));
  request.text.stop = params.texts("stop");
  ACCEL_TRY(request.text.json_schema, schema_of(call.value("json_schema")));
  request.threads = static_cast<int>(params.integer_in("threads", 0, 0, 512));
  request.record = params.flag("record", true);
  request.check_only = params.flag("check_only");
  expect_pull_params(params);
  ACCEL_CHECK(params.finish());
  return request;
}

double per_second(std::size_t tokens, double ms) {
  return ms > 0 ? static_cast<double>(tokens) * 1000.0 / ms : 0;
}

json result_of(const TextReady& ready, const inference::GenerationReport& report) {
  const LoadedText& loaded = *ready.model;
  const inference::LlamaModelInfo& info = loaded.generator->model().info();
  const std::size_t answer = report.tokens.size();
  const bool stopped = report.finish == inference::FinishReason::stop;
  return {{"text", report.text},
          {"finish", stopped ? "stop" : "length"},
          {"prompt_tokens", report.prompt_tokens},
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
          {"prefill_tokens_per_second", per_second(report.prompt_tokens, report.prefill_ms)},
          {"decode_tokens_per_second", per_second(answer > 1 ? answer - 1 : 0, report.decode_ms)},
          {"choice", "the only engine"},
          {"provenance", "measured"}};
}

void count(Services& services, const inference::GenerationReport& report) {
  Metrics& metrics = services.metrics();
  metrics.counter("accel_text_requests_total", "Texts that were written").add(1);
  metrics.counter("accel_text_prompt_tokens_total", "Tokens of prompts that were read")
      .add(static_cast<double>(report.prompt_tokens));
  metrics.counter("accel_text_answer_tokens_total", "Tokens that were written")
      .add(static_cast<double>(report.tokens.size()));
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
  const inference::TextSink on_text = [&](std::string_view text) {
    if (context.on_event) context.on_event(Event{nullptr, as_bytes(text)});
  };
  ACCEL_TRY(const inference::GenerationReport report,
            generator.generate(request.text, on_text, context.stop));
  count(context.services, report);
  json result = result_of(ready, report);
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
          {"loaded_at", to_rfc3339(loaded.loaded_at)}};
}

}  // namespace

Result<json> text_generate(ServingContext& call) {
  Context& context = call.context;
  const SteadyTime started = context.services.clock().now();
  ACCEL_TRY(const GenerateRequest request, read_request(call));
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
  for (const auto& loaded : call.serving.tensors.all()) {
    const inference::SessionInfo& info = loaded->session->info();
    rows.push_back({{"name", loaded->name},
                    {"cid", loaded->root.to_string()},
                    {"task", "tensors"},
                    {"engine", info.engine},
                    {"device", info.device},
                    {"precision", info.precision},
                    {"threads", info.threads},
                    {"bytes", loaded->bytes}});
  }
  for (const auto& loaded : call.serving.families.all()) {
    const inference::SessionInfo& info = loaded->session->info();
    rows.push_back({{"name", loaded->name},
                    {"cid", loaded->root.to_string()},
                    {"task", loaded->task},
                    {"engine", info.engine},
                    {"device", info.device},
                    {"precision", info.precision},
                    {"threads", info.threads},
                    {"bytes", loaded->bytes}});
  }
  for (const auto& loaded : call.context.services.kept_sessions().all()) {
    const inference::SessionInfo& info = loaded->embedder->session().info();
    rows.push_back({{"name", loaded->name},
                    {"cid", loaded->root.to_string()},
                    {"task", "text-embedding"},
                    {"policy", loaded->choice.policy},
                    {"engine", info.engine},
                    {"device", info.device},
                    {"precision", info.precision},
                    {"threads", info.threads},
                    {"bytes", loaded->bytes}});
  }
  return json{{"models", std::move(rows)}};
}

}  // namespace accel::node
