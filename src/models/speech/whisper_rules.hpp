// SPDX-License-Identifier: Apache-2.0
#pragma once
// What Whisper may write next, and what of a written window is a segment. Private to models; pure
// functions. Spec: whisper/decoding.py (SuppressTokens, SuppressBlank, ApplyTimestampRules,
// GreedyDecoder) and whisper/transcribe.py (segments, seek) at temperature 0.

#include <optional>
#include <span>
#include <vector>

#include "speech/whisper_config.hpp"

namespace accel::models {

// Sets to minus infinity what may not follow `written`, the tokens of this window so far, without
// the prompt. `logits` has one element for each id of the vocabulary.
void apply_whisper_rules(const WhisperConfig& config, std::span<const std::int32_t> written,
                         bool timestamps, std::span<float> logits);

struct NextToken {
  std::int32_t id = 0;
  double log_probability = 0;  // Among what may follow.
};
// The likeliest; of equal ones the first. Not set where nothing may follow.
std::optional<NextToken> likeliest(std::span<const float> logits);
// Softmax over all of `logits`, at `id`.
double probability_of(std::span<const float> logits, std::int32_t id);

// A stretch of a window: its tokens, and seconds from the window's beginning.
struct WindowSegment {
  double start = 0, end = 0;
  std::vector<std::int32_t> tokens;
};
struct WindowCut {
  std::vector<WindowSegment> segments;
  std::size_t frames = 0;  // How far the next window begins behind this one; at least 1.
};
// `written` is a window's tokens without <|endoftext|>, `frames` how many of its frames are of the
// recording.
WindowCut cut_window(const WhisperConfig& config, std::span<const std::int32_t> written,
                     std::size_t frames);

// A window is taken for silence (transcribe.py's no_speech_threshold and logprob_threshold).
bool is_no_speech(double no_speech_probability, double mean_log_probability);

// Bytes of a text over those that zlib makes of it; 0 for an empty one.
double compression_ratio(std::string_view text);

}  // namespace accel::models
