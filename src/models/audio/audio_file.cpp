// SPDX-License-Identifier: Apache-2.0
#include "audio/audio_file.hpp"

#include <sndfile.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>

#include "accel/core/library.hpp"
#include "audio/ogg_head.hpp"

namespace accel::models {
namespace {

constexpr std::size_t kBlockFrames = 4096;

struct Api {
  SharedLibrary library;
  decltype(&sf_open_virtual) open = nullptr;
  decltype(&sf_readf_float) read = nullptr;
  decltype(&sf_close) close = nullptr;
  decltype(&sf_error) error = nullptr;
  decltype(&sf_strerror) words = nullptr;
};

Result<Api> load(std::string_view format) {
  auto library = open_library({"libsndfile.so.1", "libsndfile"});
  if (!library) {
    return fail(Error{Errc::unavailable,
                      fmt::format("The recording is {}: install libsndfile (Debian: libsndfile1), "
                                  "or make it WAV first.",
                                  format),
                      library.error().to_string()});
  }
  Api api{std::move(*library)};
  ACCEL_CHECK(api.library.bind(api.open, "sf_open_virtual"));
  ACCEL_CHECK(api.library.bind(api.read, "sf_readf_float"));
  ACCEL_CHECK(api.library.bind(api.close, "sf_close"));
  ACCEL_CHECK(api.library.bind(api.error, "sf_error"));
  ACCEL_CHECK(api.library.bind(api.words, "sf_strerror"));
  return api;
}

// By the first bytes; empty: none that is read by the library.
std::string_view format_of(ByteView file) {
  const auto begins = [&](std::string_view magic) {
    return file.size() >= magic.size() && as_text(file.first(magic.size())) == magic;
  };
  if (begins("fLaC")) return "FLAC";
  if (begins("OggS")) return "Ogg";
  // A frame of layer III: eleven bits of ones, then neither a reserved version nor another layer.
  const bool frame = file.size() >= 2 && file[0] == 0xFF && (file[1] & 0xE6U) == 0xE2U;
  return begins("ID3") || frame ? "MP3" : "";
}

// The file in memory, as the library reads it.
struct Source {
  ByteView bytes;
  sf_count_t at = 0;

  static sf_count_t length(void* self) {
    return static_cast<sf_count_t>(static_cast<Source*>(self)->bytes.size());
  }
  static sf_count_t seek(sf_count_t offset, int whence, void* self) {
    auto& source = *static_cast<Source*>(self);
    const sf_count_t base = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? source.at : length(self);
    const sf_count_t room = length(self);
    if (offset < -base || offset > room - base) return -1;
    return source.at = base + offset;
  }
  static sf_count_t read(void* to, sf_count_t count, void* self) {
    auto& source = *static_cast<Source*>(self);
    const sf_count_t got = std::clamp<sf_count_t>(length(self) - source.at, 0, count);
    if (got > 0) std::memcpy(to, source.bytes.data() + source.at, static_cast<std::size_t>(got));
    source.at += got;
    return got;
  }
  static sf_count_t write(const void*, sf_count_t, void*) { return 0; }
  static sf_count_t tell(void* self) { return static_cast<Source*>(self)->at; }
};

Status check_head(const SF_INFO& info, std::string_view format) {
  const bool fits = info.channels > 0 && info.channels <= kMaxAudioChannels &&
                    info.samplerate >= static_cast<int>(kMinSampleRate) &&
                    info.samplerate <= static_cast<int>(kMaxSampleRate);
  if (fits) return {};
  return fail(Errc::corrupt,
              "The {} file says {} channels at {} Hz; 1 to {} at {} to {} Hz are read.", format,
              info.channels, info.samplerate, kMaxAudioChannels, kMinSampleRate, kMaxSampleRate);
}

// The mean of the channels, for each frame.
Status add_frames(std::span<const float> block, std::size_t channels, Audio& audio) {
  for (; block.size() >= channels; block = block.subspan(channels)) {
    float sum = 0;
    for (const float sample : block.first(channels)) sum += sample;
    audio.samples.push_back(sum / static_cast<float>(channels));
    if (std::isfinite(audio.samples.back())) continue;
    return fail(Errc::corrupt, "Sample {} of the recording is not a finite number.",
                audio.samples.size() - 1);
  }
  return {};
}

Result<Audio> decode(const Api& api, ByteView file, std::string_view format) {
  Source source{file};
  SF_VIRTUAL_IO io{&Source::length, &Source::seek, &Source::read, &Source::write, &Source::tell};
  SF_INFO info{};
  const std::unique_ptr<SNDFILE, decltype(&sf_close)> handle(
      api.open(&io, SFM_READ, &info, &source), api.close);
  if (handle == nullptr)
    return fail(Error{Errc::corrupt, fmt::format("The {} file is damaged or cut off.", format),
                      api.words(nullptr)});
  ACCEL_CHECK(check_head(info, format));
  const auto channels = static_cast<std::size_t>(info.channels);
  Audio audio{
      static_cast<std::uint32_t>(info.samplerate), static_cast<std::uint16_t>(info.channels), {}};
  // What the head says of the length is not believed: frames count as they come.
  std::vector<float> block(kBlockFrames * channels);
  for (;;) {
    const sf_count_t got = api.read(handle.get(), block.data(), kBlockFrames);
    if (got <= 0) break;
    const auto samples = static_cast<std::size_t>(got) * channels;
    if (audio.samples.size() + kBlockFrames > kMaxDecodedSamples)
      return fail(Errc::resource_exhausted,
                  "The {} file has more than {} s at {} Hz; cut it, or bring it to a lower rate.",
                  format, kMaxDecodedSamples / audio.sample_rate, audio.sample_rate);
    ACCEL_CHECK(add_frames(std::span(block).first(samples), channels, audio));
  }
  if (api.error(handle.get()) != SF_ERR_NO_ERROR)
    return fail(Error{Errc::corrupt, fmt::format("The {} file is damaged or cut off.", format),
                      api.words(handle.get())});
  if (!audio.samples.empty()) return audio;
  return fail(Errc::corrupt, "The {} file has no samples.", format);
}

}  // namespace

Result<Audio> read_audio(ByteView file) {
  const std::string_view format = format_of(file);
  if (format.empty()) {
    auto audio = read_wav(file);
    if (!audio && audio.error().code == Errc::unsupported && !as_text(file).starts_with("RIFF"))
      return fail(Errc::unsupported,
                  "The file is no recording that is read here: WAV, FLAC, Ogg and MP3 are.");
    return audio;
  }
  if (format == "Ogg") ACCEL_CHECK(check_ogg_head(file));
  ACCEL_TRY(const Api api, load(format));
  return decode(api, file, format);
}

}  // namespace accel::models
