// SPDX-License-Identifier: Apache-2.0
#include "audio/request_audio.hpp"

#include <algorithm>

#include "audio/resample.hpp"

namespace accel::models {
namespace {

Result<Audio> read_at(ByteView file, std::span<const std::uint32_t> rates) {
  ACCEL_TRY(Audio audio, read_audio(file));
  if (std::ranges::find(rates, audio.sample_rate) != rates.end()) return audio;
  return resample(std::move(audio), rates.front());
}

}  // namespace

Result<Audio> request_audio(ByteView file, std::span<const std::uint32_t> rates) {
  Result<Audio> audio = read_at(file, rates);
  if (audio) return audio;
  Errc& code = audio.error().code;
  if (code == Errc::corrupt || code == Errc::resource_exhausted) code = Errc::invalid_argument;
  return audio;
}

}  // namespace accel::models
