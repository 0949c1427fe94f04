// SPDX-License-Identifier: Apache-2.0
#include "generation_rules.hpp"

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>

#include "json_fields.hpp"
#include "model_files.hpp"

namespace accel::models {
namespace {

using nlohmann::json;

constexpr std::size_t kMostTokens = 4096;
constexpr float kNever = -std::numeric_limits<float>::infinity();

// A value of generation_config.json, else of config.json: old models have them there.
struct Files {
  json generation, config;

  Result<std::optional<std::uint64_t>> count(std::string_view key) const {
    ACCEL_TRY(const auto value, count_field(generation, key, "generation_config.json"));
    if (value) return value;
    return count_field(config, key, "config.json");
  }
  const json* find(std::string_view key) const {
    const json* const value = find_field(generation, key);
    return value != nullptr ? value : find_field(config, key);
  }
};

Result<std::int32_t> token_of(const json& value, std::string_view key) {
  if (value.is_number_unsigned() &&
      value.get<std::uint64_t>() <= std::uint64_t{std::numeric_limits<std::int32_t>::max()}) {
    return value.get<std::int32_t>();
  }
  return fail(Errc::corrupt, "generation_config.json: {} must be a token's id.", key);
}

Result<std::optional<std::int32_t>> token_field(const Files& files, std::string_view key) {
  const json* const value = files.find(key);
  if (value == nullptr) return std::optional<std::int32_t>();
  ACCEL_TRY(const std::int32_t token, token_of(*value, key));
  return std::optional(token);
}

// One id, or several.
Result<std::vector<std::int32_t>> tokens_field(const Files& files, std::string_view key) {
  std::vector<std::int32_t> tokens;
  const json* const value = files.find(key);
  if (value == nullptr) return tokens;
  for (const json& item : value->is_array() ? *value : json::array({*value})) {
    ACCEL_TRY(tokens.emplace_back(), token_of(item, key));
  }
  return tokens;
}

// "bad_words_ids": [[65000]]; words of several tokens are not implemented.
Status read_bad_words(const Files& files, std::vector<std::int32_t>& never) {
  const json* const words = files.find("bad_words_ids");
  for (const json& word : words == nullptr ? json::array() : *words) {
    if (!word.is_array() || word.size() != 1) {
      return fail(Errc::unsupported,
                  "generation_config.json: bad_words_ids with words of several tokens are not "
                  "implemented.");
    }
    ACCEL_TRY(never.emplace_back(), token_of(word.front(), "bad_words_ids"));
  }
  return {};
}

// Options whose every value but one changes what is written.
Status refuse_others(const Files& files) {
  constexpr std::pair<std::string_view, double> kNeutral[] = {
      {"repetition_penalty", 1.0}, {"encoder_repetition_penalty", 1.0}, {"guidance_scale", 1.0}};
  for (const auto& [key, neutral] : kNeutral) {
    const json* const value = files.find(key);
    if (value != nullptr && *value != neutral) {
      return fail(Errc::unsupported, "generation_config.json: {} {} is not implemented.", key,
                  value->dump());
    }
  }
  return {};
}

void read_prefixes(const json& config, std::map<std::string, std::string>& prefixes) {
  const json* const tasks = find_field(config, "task_specific_params");
  if (tasks == nullptr || !tasks->is_object()) return;
  for (const auto& [task, values] : tasks->items()) {
    const json* const prefix = find_field(values, "prefix");
    prefixes[task] = prefix != nullptr && prefix->is_string() ? prefix->get<std::string>() : "";
  }
}

Status read_lengths(const Files& files, GenerationRules& rules) {
  ACCEL_TRY(const auto fresh, files.count("max_new_tokens"));
  ACCEL_TRY(const auto whole, files.count("max_length"));
  if (whole) rules.most = std::max<std::size_t>(*whole, 2) - 1;  // It counts the start.
  if (fresh) rules.most = *fresh;
  rules.most = std::clamp<std::size_t>(rules.most, 1, kMostTokens);
  ACCEL_TRY(const auto least, files.count("min_length"));
  ACCEL_TRY(const auto repeat, files.count("no_repeat_ngram_size"));
  rules.least_length = least.value_or(0);
  rules.no_repeat = repeat.value_or(0);
  return {};
}

}  // namespace

Result<GenerationRules> GenerationRules::read(const ModelManifest& manifest,
                                              const Fetcher& fetcher) {
  Files files;
  ACCEL_TRY(files.config, read_json_file(manifest.files, fetcher, "config.json",
                                         "where the decoder begins and ends"));
  if (manifest.find("generation_config.json") != nullptr) {
    ACCEL_TRY(files.generation,
              read_json_file(manifest.files, fetcher, "generation_config.json", ""));
  }
  GenerationRules rules;
  ACCEL_TRY(const auto start, token_field(files, "decoder_start_token_id"));
  ACCEL_TRY(rules.ends, tokens_field(files, "eos_token_id"));
  if (!start || rules.ends.empty()) {
    return fail(Errc::not_found,
                "Neither config.json nor generation_config.json says decoder_start_token_id and "
                "eos_token_id: where an answer begins and ends.");
  }
  rules.start = *start;
  ACCEL_CHECK(read_lengths(files, rules));
  ACCEL_TRY(rules.forced_first, token_field(files, "forced_bos_token_id"));
  ACCEL_TRY(rules.forced_last, token_field(files, "forced_eos_token_id"));
  ACCEL_TRY(rules.never, tokens_field(files, "suppress_tokens"));
  ACCEL_CHECK(read_bad_words(files, rules.never));
  ACCEL_CHECK(refuse_others(files));
  read_prefixes(files.config, rules.prefix);
  return rules;
}

bool GenerationRules::ends_with(std::int32_t token) const {
  return std::ranges::find(ends, token) != ends.end();
}

void GenerationRules::apply(std::span<const std::int32_t> written, std::size_t limit,
                            std::span<float> logits) const {
  const auto forbid = [&](std::int32_t token) {
    if (static_cast<std::size_t>(token) < logits.size()) {
      logits[static_cast<std::size_t>(token)] = kNever;
    }
  };
  const auto force = [&](std::int32_t token) {
    if (static_cast<std::size_t>(token) >= logits.size()) return;
    std::ranges::fill(logits, kNever);
    logits[static_cast<std::size_t>(token)] = 0;
  };
  if (written.size() < least_length) std::ranges::for_each(ends, forbid);
  std::ranges::for_each(never, forbid);
  if (no_repeat > 0 && written.size() + 1 >= no_repeat) {
    const auto last = written.last(no_repeat - 1);
    for (std::size_t at = 0; at + no_repeat <= written.size(); ++at) {
      if (std::ranges::equal(written.subspan(at, no_repeat - 1), last)) {
        forbid(written[at + no_repeat - 1]);
      }
    }
  }
  if (forced_first && written.size() == 1) force(*forced_first);
  if (forced_last && written.size() == limit) force(*forced_last);
}

}  // namespace accel::models
