// SPDX-License-Identifier: Apache-2.0
#include "speech/whisper_rules.hpp"

#include <zlib.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "speech/log_mel.hpp"

namespace accel::models {
namespace {

constexpr float kNever = -std::numeric_limits<float>::infinity();
constexpr double kNoSpeech = 0.6;         // transcribe.py: no_speech_threshold
constexpr double kDoubtful = -1.0;        // transcribe.py: logprob_threshold
constexpr std::size_t kFramesOfTime = 2;  // A time token is 20 ms, a frame 10 ms.

// Sets [begin, end) of the logits, as far as there are such.
void forbid(std::span<float> logits, std::int64_t begin, std::int64_t end) {
  const auto size = std::ssize(logits);
  begin = std::clamp<std::int64_t>(begin, 0, size);
  end = std::clamp<std::int64_t>(end, begin, size);
  std::fill(logits.begin() + begin, logits.begin() + end, kNever);
}

// log of the sum of exp() over a part.
double log_sum(std::span<const float> logits) {
  if (logits.empty()) return kNever;
  const float most = *std::ranges::max_element(logits);
  if (most == kNever) return kNever;
  double sum = 0;
  for (const float value : logits) sum += std::exp(static_cast<double>(value - most));
  return static_cast<double>(most) + std::log(sum);
}

// Times come in pairs around text and never go back; the first token of a window is a time.
void pair_times(const WhisperConfig& config, std::span<const std::int32_t> written,
                std::span<float> logits) {
  const auto is_time = [&](std::int32_t id) { return id >= config.first_time; };
  const bool last = !written.empty() && is_time(written.back());
  const bool before = written.size() < 2 || is_time(written[written.size() - 2]);
  const auto vocabulary = std::ssize(logits);
  if (last && before) forbid(logits, config.first_time, vocabulary);
  if (last && !before) forbid(logits, 0, config.end);
  const auto latest = std::find_if(written.rbegin(), written.rend(), is_time);
  if (latest != written.rend()) {
    // A segment must have a length, so its end lies behind its start.
    forbid(logits, config.first_time, last && !before ? *latest : *latest + 1);
  }
  if (!written.empty()) return;
  forbid(logits, 0, config.first_time);
  forbid(logits, config.first_time + config.latest_first_time + 1, vocabulary);
}

// Where all times together are likelier than any one word, a time it is.
void prefer_times(const WhisperConfig& config, std::span<float> logits) {
  const auto split =
      std::min<std::size_t>(static_cast<std::size_t>(config.first_time), logits.size());
  const auto text = logits.first(split);
  if (text.empty() || split == logits.size()) return;
  if (log_sum(logits.subspan(split)) > static_cast<double>(*std::ranges::max_element(text)))
    std::ranges::fill(text, kNever);
}

}  // namespace

void apply_whisper_rules(const WhisperConfig& config, std::span<const std::int32_t> written,
                         bool timestamps, std::span<float> logits) {
  // Languages, tasks and the like are of the prompt alone.
  forbid(logits, config.start, config.first_time);
  for (const std::int32_t id : config.suppressed) forbid(logits, id, std::int64_t{id} + 1);
  if (written.empty()) {
    for (const std::int32_t id : config.suppressed_at_start)
      forbid(logits, id, std::int64_t{id} + 1);
  }
  if (!timestamps) return forbid(logits, config.first_time, std::ssize(logits));
  pair_times(config, written, logits);
  prefer_times(config, logits);
}

std::optional<NextToken> likeliest(std::span<const float> logits) {
  const auto best = std::ranges::max_element(logits);
  if (best == logits.end() || !(*best > kNever)) return std::nullopt;
  return NextToken{static_cast<std::int32_t>(best - logits.begin()),
                   static_cast<double>(*best) - log_sum(logits)};
}

double probability_of(std::span<const float> logits, std::int32_t id) {
  if (id < 0 || static_cast<std::size_t>(id) >= logits.size()) return 0;
  return std::exp(static_cast<double>(logits[static_cast<std::size_t>(id)]) - log_sum(logits));
}

WindowCut cut_window(const WhisperConfig& config, std::span<const std::int32_t> written,
                     std::size_t frames) {
  const auto is_time = [&](std::size_t i) { return written[i] >= config.first_time; };
  const auto steps_at = [&](std::size_t i) {
    return static_cast<std::size_t>(written[i] - config.first_time);
  };
  const auto seconds_at = [&](std::size_t i) {
    return static_cast<double>(steps_at(i)) * kSecondsOfTime;
  };
  const auto part = [&](std::size_t from, std::size_t to) {
    return std::vector<std::int32_t>(written.begin() + static_cast<std::ptrdiff_t>(from),
                                     written.begin() + static_cast<std::ptrdiff_t>(to));
  };
  const std::size_t size = written.size();
  WindowCut cut{.segments = {}, .frames = std::max<std::size_t>(frames, 1)};
  const bool ends_once = size >= 2 && is_time(size - 1) && !is_time(size - 2);
  std::vector<std::size_t> ends;  // A segment ends where two times meet.
  for (std::size_t i = 1; i < size; ++i)
    if (is_time(i - 1) && is_time(i)) ends.push_back(i);
  if (ends.empty()) {
    double end = static_cast<double>(frames * kWhisperHop) / kWhisperRate;
    for (std::size_t i = size; i-- > 0;) {
      if (!is_time(i)) continue;
      if (steps_at(i) > 0) end = seconds_at(i);
      break;
    }
    if (size > 0) cut.segments.push_back({0, end, part(0, size)});
    return cut;
  }
  // One time alone at the end says that nothing is spoken behind it.
  if (ends_once) ends.push_back(size);
  std::size_t from = 0;
  for (const std::size_t to : ends) {
    cut.segments.push_back(
        {is_time(from) ? seconds_at(from) : 0, seconds_at(to - 1), part(from, to)});
    from = to;
  }
  if (!ends_once && steps_at(from - 1) > 0)
    cut.frames = std::min(cut.frames, steps_at(from - 1) * kFramesOfTime);
  return cut;
}

bool is_no_speech(double no_speech_probability, double mean_log_probability) {
  return no_speech_probability > kNoSpeech && mean_log_probability <= kDoubtful;
}

double compression_ratio(std::string_view text) {
  if (text.empty()) return 0;
  uLongf size = compressBound(static_cast<uLong>(text.size()));
  std::vector<Bytef> packed(size);
  const auto* const bytes = reinterpret_cast<const Bytef*>(text.data());
  if (compress(packed.data(), &size, bytes, static_cast<uLong>(text.size())) != Z_OK) return 0;
  return static_cast<double>(text.size()) / static_cast<double>(size);
}

}  // namespace accel::models
