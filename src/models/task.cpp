// SPDX-License-Identifier: Apache-2.0
#include "task.hpp"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <set>
#include <string_view>
#include <utility>

#include "json_fields.hpp"

namespace accel::models {
namespace {

// How Hugging Face names architectures: a family and what its head does.
constexpr std::pair<std::string_view, std::string_view> kHeads[] = {
    {"ForSequenceClassification", "text-classification"},
    {"ForTokenClassification", "token-classification"},
    {"ForQuestionAnswering", "question-answering"},
    {"ForMaskedLM", "fill-mask"},
    {"ForCausalLM", "text-generation"},
    {"LMHeadModel", "text-generation"},
    {"ForImageClassification", "image-classification"},
    {"ForObjectDetection", "object-detection"},
    {"ForSemanticSegmentation", "image-segmentation"},
    {"ForAudioClassification", "audio-classification"},
    {"ForCTC", "automatic-speech-recognition"},
    {"ForSpeechSeq2Seq", "automatic-speech-recognition"},
    {"ForConditionalGeneration", "text2text-generation"},
    {"MarianMTModel", "translation"},
    {"CLIPModel", "zero-shot-image-classification"},
};

// Families whose bare model (BertModel, …) gives one vector a token: with pooling, an embedding.
constexpr std::array<std::string_view, 12> kTextEncoders{
    "bert",    "distilbert", "roberta",    "xlm-roberta", "mpnet",      "albert",
    "electra", "deberta",    "deberta-v2", "camembert",   "nomic_bert", "modernbert"};

bool has_pooling(const nlohmann::json& modules) {
  if (!modules.is_array()) return false;
  return std::any_of(modules.begin(), modules.end(), [](const nlohmann::json& module) {
    const nlohmann::json* type = find_field(module, "type");
    return type != nullptr && type->is_string() &&
           type->get_ref<const std::string&>().ends_with(".Pooling");
  });
}

std::string_view task_of(std::string_view architecture, std::string_view family) {
  if (family == "whisper") return "automatic-speech-recognition";
  for (const auto& [ending, task] : kHeads) {
    if (architecture.ends_with(ending)) return task;
  }
  const bool encoder =
      std::find(kTextEncoders.begin(), kTextEncoders.end(), family) != kTextEncoders.end();
  return encoder && (architecture.empty() || architecture.ends_with("Model")) ? "text-embedding"
                                                                              : "";
}

}  // namespace

Result<TaskAndFamily> infer_task(const nlohmann::json& config, const nlohmann::json& modules) {
  if (!config.is_object()) return fail(Errc::corrupt, "config.json: an object was expected.");
  TaskAndFamily result;
  ACCEL_TRY(result.family, text_field(config, "model_type", "", "config.json"));
  if (has_pooling(modules)) {
    result.task = "text-embedding";
    return result;
  }
  std::string architecture;
  if (const nlohmann::json* names = find_field(config, "architectures")) {
    if (!names->is_array() || (!names->empty() && !names->front().is_string())) {
      return fail(Errc::corrupt, "config.json: architectures must be a list of names.");
    }
    if (!names->empty()) architecture = names->front().get<std::string>();
  }
  result.task = task_of(architecture, result.family);
  return result;
}

TaskAndFamily infer_task_of_graph(const std::vector<std::string>& inputs) {
  const std::set<std::string_view> names(inputs.begin(), inputs.end());
  if (names == std::set<std::string_view>{"input", "sr", "state"})
    return {"voice-activity-detection", "silero-vad"};
  if (names == std::set<std::string_view>{"input", "input_lengths", "scales"} ||
      names == std::set<std::string_view>{"input", "input_lengths", "scales", "sid"})
    return {"text-to-speech", "piper"};
  if (names == std::set<std::string_view>{"bytes"}) return {"file-classification", "magika"};
  return {};
}

}  // namespace accel::models
