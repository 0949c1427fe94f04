// SPDX-License-Identifier: Apache-2.0
#pragma once
// Texts from a language model: a prompt or the messages of a chat become tokens, checked against
// the context, and the answer comes back piece by piece. Used by node (text.generate). Threads: one
// generator serves many threads, as its model does.

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "accel/inference/llama.hpp"
#include "accel/models/manifest.hpp"

namespace accel::models {

// Errors: unsupported (the manifest has no GGUF variant), and the Fetcher's.
Result<const Variant*> generation_variant(const ModelManifest& manifest);

// Whether a chat template (Jinja) writes tools down by itself: it has the name `tools` in one of
// its expressions or statements. Tools can be had without, told in the system message.
bool template_knows_tools(std::string_view chat_template);

struct TextRequest {
  // One of the two: a text to go on with, or messages for the model's chat template.
  std::string prompt = {};
  std::vector<inference::ChatMessage> messages = {};
  std::optional<std::size_t> max_tokens = {};  // Without: what is left of the context, at most
                                               // kDefaultAnswerTokens.
  inference::SamplingOptions sampling = {};
  std::vector<std::string> stop = {};
  // The answer is JSON that fits it, or calls of tools where it may call some. Empty: any text.
  std::string json_schema = {};
  std::vector<inference::ToolDefinition> tools = {};  // That the answer may call.
  inference::ToolChoice tool_choice = inference::ToolChoice::automatic;
  std::string tool_name = {};  // The one that must be called; empty: as tool_choice says.
  bool parallel_tool_calls = true;
  std::optional<std::size_t> logprobs = {};  // As GenerationRequest's.
  bool reuse_prefix = true;
  std::string scope = {};  // As GenerationRequest's.
};

constexpr std::size_t kDefaultAnswerTokens = 512;
constexpr std::size_t kMaxPromptBytes = 8U << 20U;
constexpr std::size_t kMaxMessages = 4096;
constexpr std::size_t kMaxSchemaBytes = 64U << 10U;
constexpr std::size_t kMaxTools = 128;              // OpenAI's.
constexpr std::size_t kMaxToolName = 64;            // OpenAI's.
constexpr std::size_t kMaxToolBytes = 256U << 10U;  // Descriptions and schemas of all.
constexpr std::size_t kMaxStopWords = 16;
constexpr std::ptrdiff_t kMaxStopCharacters = 256;

class TextGenerator {
 public:
  explicit TextGenerator(std::unique_ptr<inference::LlamaModel> model) : model_(std::move(model)) {}

  inference::LlamaModel& model() const { return *model_; }
  // Tokens of a request, and how many the answer may have. Errors: invalid_argument (nothing to go
  // on with, numbers out of range, a prompt that leaves the answer no room), and LlamaModel's.
  Result<inference::GenerationRequest> prepare(const TextRequest& request,
                                               const std::stop_token& stop = {}) const;
  // Errors: as prepare() and LlamaModel::generate().
  Result<inference::GenerationReport> generate(const TextRequest& request,
                                               const inference::TextSink& on_text,
                                               std::stop_token stop) const;

 private:
  std::unique_ptr<inference::LlamaModel> model_;
};

}  // namespace accel::models
