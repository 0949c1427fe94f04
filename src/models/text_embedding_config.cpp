// SPDX-License-Identifier: Apache-2.0
// What sentence-transformers writes beside a model: modules.json (the chain),
// 1_Pooling/config.json, sentence_bert_config.json. Without modules.json the library pools by the
// mean and does not normalize; so does this.
#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "accel/models/text_embedder.hpp"
#include "json_fields.hpp"
#include "model_files.hpp"

namespace accel::models {
namespace {

using nlohmann::json;

// tokenizer_config.json says 10^30 where a tokenizer knows no limit.
constexpr std::uint64_t kNoModelMaxLength = 1'000'000;
constexpr std::uint64_t kFallbackMaxLength = 512;
// Families whose positions begin behind that of padding (fairseq's): 514 of them for 512 tokens.
constexpr std::string_view kPaddedPositions[] = {"roberta", "xlm-roberta", "camembert", "mpnet"};
constexpr std::uint64_t kPaddingPositions = 2;
constexpr std::string_view kDefaultPooling = "1_Pooling/config.json";

constexpr std::pair<std::string_view, Pooling> kPoolings[] = {
    {"pooling_mode_mean_tokens", Pooling::mean},
    {"pooling_mode_cls_token", Pooling::cls},
    {"pooling_mode_max_tokens", Pooling::max},
    {"pooling_mode_mean_sqrt_len_tokens", Pooling::mean_sqrt_len}};

// A file that may be missing: null then.
Result<json> read_optional(const ModelManifest& manifest, const Fetcher& fetcher,
                           std::string_view path) {
  if (manifest.find(path) == nullptr) return json();
  return read_json_file(manifest.files, fetcher, path, "");
}

Status read_pooling(const ModelManifest& manifest, const Fetcher& fetcher, std::string_view path,
                    TextEmbeddingConfig& config) {
  ACCEL_TRY(const json value,
            read_json_file(manifest.files, fetcher, path, "how token vectors become one vector"));
  std::string chosen;
  for (const auto& [key, flag] : value.items()) {
    if (!key.starts_with("pooling_mode_") || flag != json(true)) continue;
    if (!chosen.empty()) {
      return fail(Errc::unsupported, "{}: {} and {} together are not implemented.", path, chosen,
                  key);
    }
    chosen = key;
  }
  const auto* const known = std::find_if(std::begin(kPoolings), std::end(kPoolings),
                                         [&](const auto& entry) { return entry.first == chosen; });
  if (known == std::end(kPoolings)) {
    return fail(Errc::unsupported,
                "{}: {} is not implemented; mean, cls, max and mean_sqrt_len are.", path,
                chosen.empty() ? "no pooling mode is set, which" : chosen);
  }
  config.pooling = known->second;
  ACCEL_TRY(const auto dimension, count_field(value, "word_embedding_dimension", path));
  config.dimension = dimension.value_or(0);
  return {};
}

Status read_module(const ModelManifest& manifest, const Fetcher& fetcher, const json& module,
                   TextEmbeddingConfig& config) {
  ACCEL_TRY(const std::string type, text_field(module, "type", "", "modules.json"));
  ACCEL_TRY(const std::string path, text_field(module, "path", "", "modules.json"));
  if (type.ends_with(".Transformer")) return {};
  if (type.ends_with(".Pooling")) {
    const std::string file = path.empty() ? "config.json" : path + "/config.json";
    return read_pooling(manifest, fetcher, file, config);
  }
  if (type.ends_with(".Normalize")) {
    config.normalize = true;
    return {};
  }
  return fail(Errc::unsupported,
              "modules.json: the module {} is not implemented; Transformer, Pooling and Normalize "
              "are.",
              type.empty() ? "without a type" : type);
}

Status read_modules(const ModelManifest& manifest, const Fetcher& fetcher,
                    TextEmbeddingConfig& config) {
  ACCEL_TRY(const json modules, read_optional(manifest, fetcher, "modules.json"));
  if (modules.is_null()) {
    return manifest.find(kDefaultPooling) == nullptr
               ? Status()
               : read_pooling(manifest, fetcher, kDefaultPooling, config);
  }
  if (!modules.is_array()) return fail(Errc::corrupt, "modules.json: a list was expected.");
  for (const json& module : modules) ACCEL_CHECK(read_module(manifest, fetcher, module, config));
  return {};
}

Result<std::size_t> read_max_length(const ModelManifest& manifest, const Fetcher& fetcher) {
  ACCEL_TRY(const json sentence, read_optional(manifest, fetcher, "sentence_bert_config.json"));
  ACCEL_TRY(const bool lowercase,
            bool_field(sentence, "do_lower_case", false, "sentence_bert_config.json"));
  if (lowercase) {
    return fail(Errc::unsupported,
                "sentence_bert_config.json: do_lower_case is not implemented apart from the "
                "tokenizer's own normalizer.");
  }
  ACCEL_TRY(auto length, count_field(sentence, "max_seq_length", "sentence_bert_config.json"));
  if (!length) {
    ACCEL_TRY(const json tokenizer, read_optional(manifest, fetcher, "tokenizer_config.json"));
    const json* value = find_field(tokenizer, "model_max_length");
    if (value != nullptr && value->is_number_unsigned()) length = value->get<std::uint64_t>();
    if (length && *length > kNoModelMaxLength) length.reset();
  }
  ACCEL_TRY(const json config, read_optional(manifest, fetcher, "config.json"));
  ACCEL_TRY(auto positions, count_field(config, "max_position_embeddings", "config.json"));
  ACCEL_TRY(const std::string family, text_field(config, "model_type", "", "config.json"));
  const bool padded = std::ranges::find(kPaddedPositions, family) != std::end(kPaddedPositions);
  if (padded && positions && *positions > kPaddingPositions) *positions -= kPaddingPositions;
  const std::uint64_t bound = positions.value_or(length.value_or(kFallbackMaxLength));
  const std::uint64_t result = std::min(length.value_or(bound), bound);
  if (result == 0 || result > kNoModelMaxLength) {
    return fail(Errc::corrupt, "The model's files give {} tokens as the most that it takes.",
                result);
  }
  return result;
}

}  // namespace

Result<TextEmbeddingConfig> read_text_embedding_config(const ModelManifest& manifest,
                                                       const Fetcher& fetcher) {
  TextEmbeddingConfig config;
  ACCEL_CHECK(read_modules(manifest, fetcher, config));
  ACCEL_TRY(config.max_length, read_max_length(manifest, fetcher));
  return config;
}

}  // namespace accel::models
