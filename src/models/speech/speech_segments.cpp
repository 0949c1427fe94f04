// SPDX-License-Identifier: Apache-2.0
#include "speech/speech_segments.hpp"

#include <algorithm>
#include <numeric>
#include <optional>

namespace accel::models {
namespace {

constexpr float kSpeech = 0.5F;
constexpr float kSilence = 0.35F;
constexpr std::size_t kMinSpeechMs = 250, kMinSilenceMs = 100, kPadMs = 30;

// Widens in place: into half a pause that is short, else by `pad`.
void widen(std::vector<SpeechSegment>& segments, std::size_t pad, std::size_t samples) {
  if (segments.empty()) return;
  SpeechSegment& first = segments.front();
  first.begin -= std::min(first.begin, pad);
  for (std::size_t i = 0; i + 1 < segments.size(); ++i) {
    const std::size_t pause = segments[i + 1].begin - segments[i].end;
    const std::size_t each = pause < 2 * pad ? pause / 2 : pad;
    segments[i].end += each;
    segments[i + 1].begin -= each;
  }
  segments.back().end = std::min(segments.back().end + pad, samples);
}

float mean_of(std::span<const float> values) {
  const double sum = std::accumulate(values.begin(), values.end(), 0.0);
  return values.empty() ? 0 : static_cast<float>(sum / static_cast<double>(values.size()));
}

}  // namespace

std::vector<SpeechSegment> speech_segments(std::span<const float> probabilities, std::size_t window,
                                           std::size_t samples, std::size_t sample_rate) {
  const auto of_ms = [sample_rate](std::size_t ms) { return ms * sample_rate / 1000; };
  std::vector<SpeechSegment> segments;
  std::optional<std::size_t> begin, pause;
  const auto close = [&](std::size_t end) {
    if (end - *begin > of_ms(kMinSpeechMs)) {
      const std::size_t last = std::min((end + window - 1) / window, probabilities.size());
      const auto inside = probabilities.subspan(*begin / window, last - *begin / window);
      segments.push_back({*begin, end, mean_of(inside)});
    }
    begin.reset();
    pause.reset();
  };
  for (std::size_t i = 0; i < probabilities.size(); ++i) {
    const std::size_t at = i * window;
    if (probabilities[i] >= kSpeech) {
      pause.reset();
      if (!begin) begin = at;
    } else if (begin && probabilities[i] < kSilence) {
      if (!pause) pause = at;
      if (at - *pause >= of_ms(kMinSilenceMs)) close(*pause);
    }
  }
  if (begin) close(samples);
  widen(segments, of_ms(kPadMs), samples);
  return segments;
}

}  // namespace accel::models
