// SPDX-License-Identifier: Apache-2.0
// Any bytes as a recording of any format. What is read has samples, all finite; its spectrum is
// too.
#include <cmath>
#include <cstdlib>

#include "audio/audio_file.hpp"
#include "speech/log_mel.hpp"

using namespace accel;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto audio = models::read_audio({data, size});
  if (!audio) return 0;
  if (audio->samples.empty()) std::abort();
  const std::size_t heard = std::min<std::size_t>(audio->samples.size(), 4000);
  const models::LogMel mel(std::span(audio->samples).first(heard), 80);
  std::vector<float> window(80 * models::kWhisperFrames);
  mel.window(0, window);
  for (const float value : window)
    if (!std::isfinite(value)) std::abort();
  return 0;
}
