// SPDX-License-Identifier: Apache-2.0
#include "accel/models/text_generator.hpp"

#include <algorithm>
#include <cmath>

#include "tool_check.hpp"

namespace accel::models {
namespace {

constexpr double kMaxTemperature = 10;
constexpr int kMaxTopK = 1 << 20;
constexpr double kMinRepeatPenalty = 0.01;
constexpr double kMaxRepeatPenalty = 10;
constexpr double kMaxPenalty = 2;         // OpenAI's.
constexpr double kMaxBias = 100;          // OpenAI's.
constexpr std::size_t kMaxBiased = 1024;  // Tokens.

bool within(double value, double low, double high) {
  return std::isfinite(value) && value >= low && value <= high;
}

Status check_penalties(const inference::SamplingOptions& sampling) {
  if (!within(sampling.min_p, 0, 1))
    return fail(Errc::invalid_argument, "min_p must be between 0 and 1.");
  // Logits are divided by it: next to 0 no token would be finite.
  if (!within(sampling.repeat_penalty, kMinRepeatPenalty, kMaxRepeatPenalty))
    return fail(Errc::invalid_argument, "repeat_penalty must be between {} and {}.",
                kMinRepeatPenalty, kMaxRepeatPenalty);
  for (const double penalty : {sampling.presence_penalty, sampling.frequency_penalty}) {
    if (!within(penalty, -kMaxPenalty, kMaxPenalty))
      return fail(Errc::invalid_argument,
                  "presence_penalty and frequency_penalty must be between -{0} and {0}.",
                  kMaxPenalty);
  }
  const auto bad = [](const auto& bias) { return !within(bias.second, -kMaxBias, kMaxBias); };
  if (sampling.logit_bias.size() > kMaxBiased || std::ranges::any_of(sampling.logit_bias, bad))
    return fail(Errc::invalid_argument, "logit_bias may have {} tokens, each by -{} to {}.",
                kMaxBiased, kMaxBias, kMaxBias);
  return {};
}

Status check_sampling(const inference::SamplingOptions& sampling) {
  if (!within(sampling.temperature, 0, kMaxTemperature))
    return fail(Errc::invalid_argument, "The temperature must be between 0 and {}.",
                kMaxTemperature);
  if (!within(sampling.top_p, 0, 1))
    return fail(Errc::invalid_argument, "top_p must be between 0 and 1.");
  if (sampling.top_k < 0 || sampling.top_k > kMaxTopK)
    return fail(Errc::invalid_argument, "top_k must be between 0 and {}.", kMaxTopK);
  return check_penalties(sampling);
}

Status check_stop(const std::vector<std::string>& stop) {
  const auto is_first = [](char byte) {
    return (static_cast<unsigned char>(byte) & 0xC0U) != 0x80;
  };
  const auto bad = [&](const std::string& word) {  // By characters of UTF-8.
    return word.empty() || std::ranges::count_if(word, is_first) > kMaxStopCharacters;
  };
  if (stop.size() <= kMaxStopWords && std::ranges::none_of(stop, bad)) return {};
  return fail(Errc::invalid_argument, "There may be {} stop words of 1 to {} characters.",
              kMaxStopWords, kMaxStopCharacters);
}

std::size_t bytes_of(const TextRequest& request) {
  std::size_t bytes = request.prompt.size();
  for (const inference::ChatMessage& message : request.messages) {
    bytes += message.role.size() + message.content.size();
    bytes += message.tool_call_id.size() + message.tool_name.size();
    for (const inference::ToolCall& call : message.tool_calls)
      bytes += call.id.size() + call.name.size() + call.arguments.size();
  }
  return bytes;
}

// What the model goes on with, and how its answer is held and read.
Result<std::string> plan_tools(const inference::LlamaModel& model, const TextRequest& request,
                               inference::GenerationRequest& result, const std::stop_token& stop) {
  std::vector<inference::ToolDefinition> named;
  ACCEL_TRY(const inference::ChatRequest chat, checked_chat(request, named));
  ACCEL_TRY(inference::ChatPlan plan, model.chat_plan(chat, stop));
  result.sampling.grammar = std::move(plan.grammar);
  result.sampling.grammar_triggers = std::move(plan.triggers);
  ACCEL_TRY(result.sampling.grammar_begun, model.tokens_of(plan.begun));
  result.stop.insert(result.stop.end(), plan.stop.begin(), plan.stop.end());
  for (const std::string& shown : plan.shown) {
    ACCEL_TRY(const auto tokens, model.tokens_of(shown));
    if (tokens.size() == 1) result.shown.push_back(tokens.front());
  }
  if (!chat.tools.empty()) result.format = std::move(plan.format);
  return std::move(plan.prompt);
}

}  // namespace

Result<const Variant*> generation_variant(const ModelManifest& manifest) {
  const auto found = std::ranges::find(manifest.variants, "gguf", &Variant::format);
  if (found != manifest.variants.end()) return &*found;
  return fail(Errc::unsupported,
              "The model has no GGUF file: this version generates text with llama.cpp alone.");
}

bool template_knows_tools(std::string_view chat_template) {
  constexpr std::string_view kName = "tools";
  const auto is_part = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  };
  bool computed = false;  // Within {{ }} or {% %}.
  for (std::size_t at = 0; at < chat_template.size(); ++at) {
    const std::string_view rest = chat_template.substr(at);
    if (rest.starts_with("{{") || rest.starts_with("{%")) computed = true;
    if (rest.starts_with("}}") || rest.starts_with("%}")) computed = false;
    const bool begins = at == 0 || !is_part(chat_template[at - 1]);
    const bool ends =
        rest.size() == kName.size() || !is_part(rest[std::min(kName.size(), rest.size() - 1)]);
    if (computed && begins && ends && rest.starts_with(kName)) return true;
  }
  return false;
}

Result<inference::GenerationRequest> TextGenerator::prepare(const TextRequest& request,
                                                            const std::stop_token& stop) const {
  if (request.messages.empty() && !request.tools.empty())
    return fail(Errc::invalid_argument, "Tools need messages: a prompt alone calls none.");
  if (request.prompt.empty() == request.messages.empty())
    return fail(Errc::invalid_argument, "A prompt or messages are needed, and not both.");
  if (bytes_of(request) > kMaxPromptBytes || request.messages.size() > kMaxMessages) {
    return fail(Errc::invalid_argument, "A prompt may have {} bytes in {} messages.",
                kMaxPromptBytes, kMaxMessages);
  }
  ACCEL_CHECK(check_sampling(request.sampling));
  ACCEL_CHECK(check_stop(request.stop));
  if (request.json_schema.size() > kMaxSchemaBytes)
    return fail(Errc::invalid_argument, "A JSON Schema may have {} bytes.", kMaxSchemaBytes);
  inference::GenerationRequest result;
  result.sampling = request.sampling;
  result.stop = request.stop;
  result.logprobs = request.logprobs;
  result.reuse_prefix = request.reuse_prefix;
  result.scope = request.scope;
  std::string text = request.prompt;
  if (speaks_of_tools(request) || request.tool_choice == inference::ToolChoice::required) {
    ACCEL_TRY(text, plan_tools(*model_, request, result, stop));
  } else if (!request.messages.empty()) {
    ACCEL_TRY(text, model_->chat_prompt(request.messages, stop));
  }
  ACCEL_TRY(result.prompt, model_->prompt_tokens(text, !request.messages.empty(), stop));
  const std::size_t context = model_->info().context;
  if (result.prompt.size() >= context) {
    return fail(Errc::invalid_argument, "The prompt has {} tokens, but the context holds {}.",
                result.prompt.size(), context);
  }
  const std::size_t room = context - result.prompt.size();
  result.max_tokens = request.max_tokens.value_or(std::min(kDefaultAnswerTokens, room));
  // Where calls are possible, the plan holds of both.
  if (!request.json_schema.empty() && !may_call(request)) {
    ACCEL_TRY(result.sampling.grammar, model_->json_grammar(request.json_schema, stop));
    // A plan without calls may speak of the template's own grammar, which this one takes the place
    // of: what the prompt ends with is no beginning of the JSON.
    result.sampling.grammar_triggers.clear();
    result.sampling.grammar_begun.clear();
    result.format.reset();
  }
  return result;
}

Result<inference::GenerationReport> TextGenerator::generate(const TextRequest& request,
                                                            const inference::TextSink& on_text,
                                                            std::stop_token stop) const {
  ACCEL_TRY(const inference::GenerationRequest prepared, prepare(request, stop));
  return model_->generate(prepared, on_text, std::move(stop));
}

}  // namespace accel::models
