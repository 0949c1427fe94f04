// SPDX-License-Identifier: Apache-2.0
// Any bytes as a recording. What is read has samples, all finite, no more than the file has bytes.
#include "audio/wav.hpp"

#include <cmath>
#include <cstdlib>

#include "speech/speech_segments.hpp"

using namespace accel;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto audio = models::read_wav({data, size});
  if (!audio) return 0;
  if (audio->samples.empty() || audio->samples.size() > size) std::abort();
  for (const float sample : audio->samples)
    if (!std::isfinite(sample)) std::abort();
  // The samples as probabilities: segments are in order, within the recording, and do not overlap.
  const std::size_t samples = audio->samples.size() * 512;
  std::size_t last = 0;
  for (const auto& segment : models::speech_segments(audio->samples, 512, samples, 16000)) {
    if (segment.begin < last || segment.end <= segment.begin || segment.end > samples) std::abort();
    last = segment.end;
  }
  return 0;
}
