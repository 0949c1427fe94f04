// SPDX-License-Identifier: Apache-2.0
#include "speech/whisper_config.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "json_fields.hpp"
#include "model_files.hpp"
#include "speech/log_mel.hpp"

namespace accel::models {
namespace {

using nlohmann::json;

constexpr std::string_view kConfig = "config.json";
constexpr std::string_view kGeneration = "generation_config.json";
constexpr std::string_view kPreprocessor = "preprocessor_config.json";
constexpr std::size_t kMaxMels = 256;
constexpr std::size_t kMaxSuppressed = 10'000;
constexpr std::size_t kEnglishVocabulary = 51'864;  // tiny.en to medium.en; others have more.

Result<std::int32_t> token(const ByteLevelWords& words, std::string_view content) {
  if (const auto id = words.special(content)) return *id;
  return fail(Errc::unsupported, "tokenizer.json has no token {}: it is not Whisper's.", content);
}

Result<std::vector<std::int32_t>> id_list(const json& generation, const json& config,
                                          std::string_view key) {
  const json* list = find_field(generation, key);
  if (list == nullptr) list = find_field(config, key);
  std::vector<std::int32_t> ids;
  if (list == nullptr) return ids;
  if (!list->is_array() || list->size() > kMaxSuppressed)
    return fail(Errc::corrupt, "{}: {} must be a list of up to {} ids.", kGeneration, key,
                kMaxSuppressed);
  for (const json& id : *list) {
    if (!id.is_number_integer())
      return fail(Errc::corrupt, "{}: {} must hold ids.", kGeneration, key);
    ids.push_back(id.get<std::int32_t>());
  }
  return ids;
}

// The front end is ours: a model that wants another one would hear noise.
Status check_front_end(const json& preprocessor, std::size_t& mels) {
  const std::pair<std::string_view, std::uint64_t> fixed[] = {
      {"sampling_rate", kWhisperRate},
      {"n_fft", kWhisperFft},
      {"hop_length", kWhisperHop},
      {"chunk_length", kWhisperFrames * kWhisperHop / kWhisperRate}};
  for (const auto& [key, wanted] : fixed) {
    ACCEL_TRY(const auto value, count_field(preprocessor, key, kPreprocessor));
    if (value.value_or(wanted) == wanted) continue;
    return fail(Errc::unsupported, "{}: {} is {}; Whisper's front end has {}.", kPreprocessor, key,
                *value, wanted);
  }
  ACCEL_TRY(const auto size, count_field(preprocessor, "feature_size", kPreprocessor));
  mels = size.value_or(mels);
  if (mels > 0 && mels <= kMaxMels) return {};
  return fail(Errc::corrupt, "{}: feature_size is {}; 1 to {} can be.", kPreprocessor, mels,
              kMaxMels);
}

// <|en|> and the like stand between <|startoftranscript|> and <|translate|>.
void read_languages(const ByteLevelWords& words, WhisperConfig& config) {
  const std::int32_t stop = words.special("<|translate|>").value_or(config.start);
  for (const auto& [content, id] : words.specials()) {
    if (id <= config.start || id >= stop || content.size() < 5) continue;
    if (!content.starts_with("<|") || !content.ends_with("|>")) continue;
    config.languages.emplace(content.substr(2, content.size() - 4), id);
  }
}

Status read_tokens(const ByteLevelWords& words, WhisperConfig& config) {
  ACCEL_TRY(config.end, token(words, "<|endoftext|>"));
  ACCEL_TRY(config.start, token(words, "<|startoftranscript|>"));
  ACCEL_TRY(config.no_timestamps, token(words, "<|notimestamps|>"));
  config.first_time = config.no_timestamps + 1;
  config.no_speech = words.special("<|nospeech|>");
  if (!config.no_speech) config.no_speech = words.special("<|nocaptions|>");
  config.transcribe = words.special("<|transcribe|>");
  read_languages(words, config);
  const bool in_order = config.end < config.start && config.start < config.no_timestamps;
  if (in_order) return {};
  return fail(Errc::unsupported,
              "tokenizer.json does not have Whisper's order of special tokens: text, "
              "<|endoftext|>, <|startoftranscript|>, …, <|notimestamps|>, times.");
}

}  // namespace

std::vector<std::int32_t> WhisperConfig::prompt(const std::string& language,
                                                bool timestamps) const {
  std::vector<std::int32_t> ids{start};
  if (multilingual) {
    if (const auto found = languages.find(language); found != languages.end())
      ids.push_back(found->second);
    if (transcribe) ids.push_back(*transcribe);
  }
  if (!timestamps) ids.push_back(no_timestamps);
  return ids;
}

Result<WhisperConfig> read_whisper_config(const ModelManifest& manifest, const Fetcher& fetcher,
                                          const ByteLevelWords& words) {
  ACCEL_TRY(const json config,
            read_json_file(manifest.files, fetcher, kConfig, "the sizes of the model"));
  ACCEL_TRY(const json preprocessor, read_json_file(manifest.files, fetcher, kPreprocessor,
                                                    "how sound becomes what the model hears"));
  json generation;
  if (manifest.find(kGeneration) != nullptr) {
    ACCEL_TRY(generation, read_json_file(manifest.files, fetcher, kGeneration, "how it writes"));
  }
  WhisperConfig result;
  ACCEL_CHECK(check_front_end(preprocessor, result.mels));
  ACCEL_CHECK(read_tokens(words, result));
  ACCEL_TRY(const auto places, count_field(config, "max_target_positions", kConfig));
  result.places = places.value_or(result.places);
  if (result.places < 8 || result.places > kMaxWhisperPlaces)
    return fail(Errc::corrupt, "{}: max_target_positions is {}; 8 to {} can be.", kConfig,
                result.places, kMaxWhisperPlaces);
  ACCEL_TRY(const auto vocabulary, count_field(config, "vocab_size", kConfig));
  const bool more = vocabulary.value_or(kEnglishVocabulary) > kEnglishVocabulary;
  ACCEL_TRY(result.multilingual, bool_field(generation, "is_multilingual", more, kGeneration));
  ACCEL_TRY(result.suppressed, id_list(generation, config, "suppress_tokens"));
  ACCEL_TRY(result.suppressed_at_start, id_list(generation, config, "begin_suppress_tokens"));
  ACCEL_TRY(const auto latest, count_field(generation, "max_initial_timestamp_index", kGeneration));
  if (latest && *latest < kTimes) result.latest_first_time = static_cast<std::int32_t>(*latest);
  return result;
}

}  // namespace accel::models
