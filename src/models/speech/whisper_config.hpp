// SPDX-License-Identifier: Apache-2.0
#pragma once
// What Whisper's small files say of it: its special tokens, what it must not write, its sizes.
// Private to models; plain values, thread-safe. Spec: transformers' WhisperConfig,
// GenerationConfig, WhisperFeatureExtractor; whisper/tokenizer.py for the order of special tokens.

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "accel/models/manifest.hpp"
#include "tokenizer/byte_level_words.hpp"

namespace accel::models {

struct WhisperConfig {
  std::size_t mels = 80;
  std::size_t places = 448;  // Of the decoder: tokens of a window at most, the prompt included.
  std::int32_t end = 0;      // <|endoftext|>; text has the ids below.
  std::int32_t start = 0;    // <|startoftranscript|>
  std::int32_t no_timestamps = 0;  // <|notimestamps|>
  std::int32_t first_time = 0;     // <|0.00|>; each that follows is 20 ms later, to <|30.00|>.
  std::optional<std::int32_t> no_speech;
  std::optional<std::int32_t> transcribe;
  bool multilingual = false;
  std::map<std::string, std::int32_t, std::less<>> languages;  // "en" to the id of <|en|>.
  std::vector<std::int32_t> suppressed;                        // Never written.
  std::vector<std::int32_t> suppressed_at_start;               // Never written first.
  std::int32_t latest_first_time = 50;  // Of a window's first time, in 20 ms.

  // The prompt of a window. `language` is one of `languages`.
  std::vector<std::int32_t> prompt(const std::string& language, bool timestamps) const;
};

constexpr double kSecondsOfTime = 0.02;  // From one time token to the next.
constexpr std::int32_t kTimes = 1501;    // 0.00 to 30.00.
constexpr std::size_t kMaxWhisperPlaces = 4096;

// Errors: not_found (config.json, preprocessor_config.json, tokenizer.json), corrupt, unsupported
// (another front end than Whisper's; tokens that are missing, named), and the Fetcher's.
Result<WhisperConfig> read_whisper_config(const ModelManifest& manifest, const Fetcher& fetcher,
                                          const ByteLevelWords& words);

}  // namespace accel::models
