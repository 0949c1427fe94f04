// SPDX-License-Identifier: Apache-2.0
#pragma once
// Log-mel spectrograms as Whisper was trained on: what of a recording goes into its encoder.
// Private to models; pure, thread-safe. Spec: whisper/audio.py (log_mel_spectrogram), the same as
// transformers' WhisperFeatureExtractor: 16 kHz, windows of 400 samples (Hann, periodic) every 160,
// mel filters of Slaney's Auditory Toolbox, log10 with a floor.

#include <cstddef>
#include <span>
#include <vector>

#include "accel/core/result.hpp"

namespace accel::models {

constexpr std::uint32_t kWhisperRate = 16'000;  // Hz
constexpr std::size_t kWhisperHop = 160;        // Samples from frame to frame: 10 ms.
constexpr std::size_t kWhisperFft = 400;        // Samples of a frame: 25 ms.
constexpr std::size_t kWhisperFrames = 3000;    // Of a window: 30 s.

// One filter: the bins of the spectrum from `first` on, and the weight of each.
struct MelFilter {
  std::size_t first = 0;
  std::vector<double> weights;
};
std::vector<MelFilter> mel_filters(std::size_t count);

// A recording as frames, kept without the clamping that the whole recording decides.
class LogMel {
 public:
  // `samples` are mono at kWhisperRate, finite. Work and memory grow with their number alone:
  // 4 * mels bytes a frame.
  LogMel(std::span<const float> samples, std::size_t mels);

  // Frames that the recording fills; at least 1 where it has samples.
  std::size_t frames() const { return frames_; }
  std::size_t mels() const { return mels_; }
  // Nothing but silence (all samples 0) in the frames [first, first + count).
  bool silent(std::size_t first, std::size_t count) const;
  // Frames [first, first + kWhisperFrames) as the encoder takes them, float32[mels, frames]; what
  // is behind the recording is silence. `out` has mels() * kWhisperFrames elements.
  void window(std::size_t first, std::span<float> out) const;

 private:
  float value(std::size_t frame, std::size_t mel) const;

  std::size_t mels_, frames_;
  std::vector<float> values_;  // log10 of the power, frame by frame.
  float floor_;                // Eight tens below the loudest.
};

}  // namespace accel::models
