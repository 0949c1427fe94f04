// SPDX-License-Identifier: Apache-2.0
#pragma once
// A recording at another sample rate, by libsamplerate, which is loaded when it is first needed.
// Private to models; thread-safe.

#include "audio/wav.hpp"

namespace accel::models {

constexpr std::size_t kMaxSamples = 64U << 20U;  // After resampling: over an hour at 16 kHz.

// Band-limited (SRC_SINC_MEDIUM_QUALITY: 121 dB signal to noise, passband of 90 %). Errors:
// resource_exhausted (more samples than the limit), unavailable (the library is not
// installed: names the package), corrupt (nothing is left), internal (the library's own words).
Result<Audio> resample(Audio audio, std::uint32_t sample_rate);

}  // namespace accel::models
