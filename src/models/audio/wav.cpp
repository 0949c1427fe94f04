// SPDX-License-Identifier: Apache-2.0
#include "audio/wav.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <optional>

namespace accel::models {
namespace {

constexpr std::uint16_t kPcm = 1, kFloat = 3, kExtensible = 0xFFFE;
constexpr std::uint32_t kOpenLength = 0xFFFFFFFF;
constexpr std::size_t kHeadBytes = 8;        // Of a chunk: its name and its length.
constexpr std::size_t kFormatBytes = 16;     // Of a fmt chunk, at least.
constexpr std::size_t kExtensionBytes = 40;  // Of one that says its encoding in a GUID.

std::uint32_t little(ByteView bytes) {
  std::uint32_t value = 0;
  for (std::size_t i = bytes.size(); i-- > 0;) value = value << 8U | bytes[i];
  return value;
}
std::uint16_t u16(ByteView bytes, std::size_t at) {
  return static_cast<std::uint16_t>(little(bytes.subspan(at, 2)));
}
std::uint32_t u32(ByteView bytes, std::size_t at) { return little(bytes.subspan(at, 4)); }

struct Format {
  std::uint16_t encoding = 0, channels = 0, block = 0, bits = 0;
  std::uint32_t sample_rate = 0;
};

Result<Format> read_format(ByteView chunk) {
  if (chunk.size() < kFormatBytes)
    return fail(Errc::corrupt, "The WAV file's fmt chunk has {} bytes; it needs {}.", chunk.size(),
                kFormatBytes);
  Format format{u16(chunk, 0), u16(chunk, 2), u16(chunk, 12), u16(chunk, 14), u32(chunk, 4)};
  if (format.encoding == kExtensible && chunk.size() >= kExtensionBytes)
    format.encoding = u16(chunk, 24);
  const bool pcm =
      format.encoding == kPcm && format.bits % 8 == 0 && format.bits >= 8 && format.bits <= 32;
  if (!pcm && !(format.encoding == kFloat && format.bits == 32)) {
    return fail(Errc::unsupported,
                "The WAV file has the encoding {} with {} bits; PCM of 8 to 32 bits and float32 "
                "are read.",
                format.encoding, format.bits);
  }
  const bool fits = format.channels > 0 && format.channels <= kMaxAudioChannels &&
                    format.sample_rate >= kMinSampleRate && format.sample_rate <= kMaxSampleRate;
  if (!fits) {
    return fail(
        Errc::corrupt, "The WAV file says {} channels at {} Hz; 1 to {} at {} to {} Hz are read.",
        format.channels, format.sample_rate, kMaxAudioChannels, kMinSampleRate, kMaxSampleRate);
  }
  if (format.block == format.channels * (format.bits / 8)) return format;
  return fail(Errc::corrupt, "The WAV file says {} bytes for {} channels of {} bits.", format.block,
              format.channels, format.bits);
}

float sample_of(const Format& format, ByteView bytes) {
  const std::uint32_t raw = little(bytes);
  if (format.encoding == kFloat) return std::bit_cast<float>(raw);
  if (format.bits == 8) return (static_cast<float>(raw) - 128.0F) / 128.0F;  // Unsigned, alone.
  // The sign bit goes to the top of 32 bits, whatever the width.
  const auto value = static_cast<std::int32_t>(raw << (32U - format.bits));
  return static_cast<float>(value) / 2147483648.0F;
}

Result<Audio> read_samples(const Format& format, ByteView data) {
  Audio audio{format.sample_rate, format.channels, {}};
  const std::size_t width = format.bits / 8U;
  audio.samples.reserve(data.size() / format.block);
  for (; data.size() >= format.block; data = data.subspan(format.block)) {
    float sum = 0;
    for (std::size_t channel = 0; channel < format.channels; ++channel)
      sum += sample_of(format, data.subspan(channel * width, width));
    audio.samples.push_back(sum / static_cast<float>(format.channels));
    if (!std::isfinite(audio.samples.back())) {
      return fail(Errc::corrupt, "Sample {} of the WAV file is not a finite number.",
                  audio.samples.size() - 1);
    }
  }
  if (!audio.samples.empty()) return audio;
  return fail(Errc::corrupt, "The WAV file has no samples.");
}

}  // namespace

Result<Audio> read_wav(ByteView file) {
  constexpr std::size_t kStart = 12;  // "RIFF", a length, "WAVE".
  const bool wave = file.size() >= kStart && as_text(file.first(4)) == "RIFF" &&
                    as_text(file.subspan(8, 4)) == "WAVE";
  if (!wave) return fail(Errc::unsupported, "The file is no recording that is read here: WAV is.");
  std::optional<Format> format;
  for (ByteView rest = file.subspan(kStart); rest.size() >= kHeadBytes;) {
    const std::string_view name = as_text(rest.first(4));
    const std::uint32_t length = u32(rest, 4);
    rest = rest.subspan(kHeadBytes);
    const bool is_data = name == "data";
    const bool open = is_data && (length == kOpenLength || length == 0);
    if (!open && length > rest.size()) {
      return fail(Errc::corrupt, "The WAV file is cut off: a chunk of {} bytes has {}.", length,
                  rest.size());
    }
    const ByteView chunk = open ? rest : rest.first(length);
    if (is_data && !format)
      return fail(Errc::corrupt, "The WAV file has no fmt chunk before data.");
    if (is_data) return read_samples(*format, chunk);
    if (name == "fmt ") {
      ACCEL_TRY(format, read_format(chunk));
    }
    rest = rest.subspan(std::min<std::size_t>(std::size_t{length} + length % 2, rest.size()));
  }
  return fail(Errc::corrupt, "The WAV file has no data chunk: it is cut off or empty.");
}

Bytes write_wav(std::span<const float> samples, std::uint32_t sample_rate) {
  constexpr std::uint32_t kChannels = 1, kSampleBytes = 2, kBits = 16;
  const auto data_bytes = static_cast<std::uint32_t>(samples.size() * kSampleBytes);
  Bytes file;
  file.reserve(44 + data_bytes);
  const auto text = [&](std::string_view value) {
    file.insert(file.end(), value.begin(), value.end());
  };
  const auto number = [&](std::uint32_t value, unsigned bytes) {
    for (unsigned i = 0; i < bytes; ++i)
      file.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
  };
  text("RIFF");
  number(36 + data_bytes, 4);  // All that follows.
  text("WAVEfmt ");
  number(kFormatBytes, 4);
  number(kPcm, 2);
  number(kChannels, 2);
  number(sample_rate, 4);
  number(sample_rate * kSampleBytes, 4);
  number(kSampleBytes, 2);
  number(kBits, 2);
  text("data");
  number(data_bytes, 4);
  for (const float sample : samples) {
    const float scaled = std::clamp(sample, -1.0F, 1.0F) * 32767.0F;
    number(static_cast<std::uint16_t>(std::lround(scaled)), kSampleBytes);
  }
  return file;
}

}  // namespace accel::models
