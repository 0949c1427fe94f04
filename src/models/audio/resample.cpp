// SPDX-License-Identifier: Apache-2.0
#include "audio/resample.hpp"

#include <samplerate.h>

#include <cmath>

#include "accel/core/library.hpp"

namespace accel::models {
namespace {

struct Api {
  SharedLibrary library;
  decltype(&src_simple) simple = nullptr;
  decltype(&src_strerror) words = nullptr;
};

Result<Api> load(std::uint32_t from, std::uint32_t to) {
  auto library = open_library({"libsamplerate.so.0", "libsamplerate"});
  if (!library) {
    return fail(Error{Errc::unavailable,
                      fmt::format("The recording has {} Hz and the model takes {}: install "
                                  "libsamplerate (Debian: libsamplerate0), or resample it first.",
                                  from, to),
                      library.error().to_string()});
  }
  Api api{std::move(*library)};
  ACCEL_CHECK(api.library.bind(api.simple, "src_simple"));
  ACCEL_CHECK(api.library.bind(api.words, "src_strerror"));
  return api;
}

}  // namespace

Result<Audio> resample(Audio audio, std::uint32_t sample_rate) {
  if (audio.sample_rate == sample_rate) return audio;
  const double ratio = static_cast<double>(sample_rate) / audio.sample_rate;
  const double wanted = std::ceil(static_cast<double>(audio.samples.size()) * ratio);
  if (wanted > static_cast<double>(kMaxSamples)) {
    return fail(Errc::resource_exhausted, "The recording has {:.0f} s; {:.0f} s are taken at most.",
                wanted / sample_rate, static_cast<double>(kMaxSamples) / sample_rate);
  }
  ACCEL_TRY(const Api api, load(audio.sample_rate, sample_rate));
  Audio out{sample_rate, audio.channels, std::vector<float>(static_cast<std::size_t>(wanted))};
  SRC_DATA data{};
  data.data_in = audio.samples.data();
  data.data_out = out.samples.data();
  data.input_frames = static_cast<long>(audio.samples.size());
  data.output_frames = static_cast<long>(out.samples.size());
  data.src_ratio = ratio;
  if (const int error = api.simple(&data, SRC_SINC_MEDIUM_QUALITY, 1); error != 0) {
    return fail(Error{Errc::internal, "The recording could not be brought to another sample rate.",
                      api.words(error)});
  }
  out.samples.resize(static_cast<std::size_t>(data.output_frames_gen));
  if (!out.samples.empty()) return out;
  return fail(Errc::corrupt, "The recording is too short: it has no sample at {} Hz.", sample_rate);
}

}  // namespace accel::models
