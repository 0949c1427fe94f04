// SPDX-License-Identifier: Apache-2.0
#pragma once
// What was said in a recording, as a model of speech recognition tells it. Used by node and the
// families here. Plain values.

#include <cstdint>
#include <string>
#include <vector>

namespace accel::models {

// A stretch of the recording with its words. Figures are those of Whisper's own transcriptions.
struct TranscriptSegment {
  double start = 0, end = 0;         // Seconds of the recording.
  std::string text;                  // UTF-8, as the model writes it: often with a leading space.
  std::vector<std::int32_t> tokens;  // Of the text and of the times around it.
  double seek = 0;                   // Seconds where the window began that it was heard in.
  double mean_log_probability = 0;   // Of the window's tokens, natural logarithm.
  double no_speech_probability = 0;  // Of the window.
  double compression_ratio = 0;      // Of the window's text; above 2.4 it likely repeats itself.
};

struct Transcript {
  std::string language;  // "en", as Whisper names languages.
  double seconds = 0;    // Of the recording.
  std::string text;      // All segments', without space around it.
  std::vector<TranscriptSegment> segments;
};

}  // namespace accel::models
