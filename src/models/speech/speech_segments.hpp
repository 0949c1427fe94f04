// SPDX-License-Identifier: Apache-2.0
#pragma once
// From a probability of speech for each window to stretches of speech. Private to models; a pure
// function. Rules and numbers are those of Silero VAD's get_speech_timestamps with its defaults.

#include <cstddef>
#include <span>
#include <vector>

namespace accel::models {

struct SpeechSegment {
  std::size_t begin = 0, end = 0;  // Samples.
  float probability = 0;           // The mean over its windows.
};

// Speech begins at a window of 0.5 and more and ends where it stays below 0.35 for 100 ms; what is
// shorter than 250 ms is dropped; each stretch is widened by 30 ms, at most to half of the pause.
std::vector<SpeechSegment> speech_segments(std::span<const float> probabilities, std::size_t window,
                                           std::size_t samples, std::size_t sample_rate);

}  // namespace accel::models
