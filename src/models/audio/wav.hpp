// SPDX-License-Identifier: Apache-2.0
#pragma once
// Recordings in WAV files: PCM of 8, 16, 24 or 32 bits and float32, as mono samples from -1 to 1.
// Private to models; pure functions; what is read may come from anywhere. Spec: RIFF WAVE with
// WAVE_FORMAT_PCM (1), IEEE_FLOAT (3) and EXTENSIBLE (0xFFFE).

#include <cstdint>
#include <span>
#include <vector>

#include "accel/core/bytes.hpp"
#include "accel/core/result.hpp"

namespace accel::models {

constexpr std::uint32_t kMinSampleRate = 1000;
constexpr std::uint32_t kMaxSampleRate = 768'000;
constexpr std::uint16_t kMaxAudioChannels = 32;

struct Audio {
  std::uint32_t sample_rate = 0;
  std::uint16_t channels = 0;  // That the file has; `samples` is their mean.
  std::vector<float> samples;
};

// Integers are divided by 2^(bits - 1). Writers that stream leave the length of the data open
// (0xFFFFFFFF, or 0): what is there counts then. Errors: unsupported (another format or encoding,
// named), corrupt (cut off, no samples, sizes that contradict each other, a sample that is not
// finite).
Result<Audio> read_wav(ByteView file);

// PCM of 16 bits, mono, little-endian. What is beyond -1 and 1 is cut off there.
Bytes write_wav(std::span<const float> samples, std::uint32_t sample_rate);

}  // namespace accel::models
