// SPDX-License-Identifier: Apache-2.0
// Any bytes as a recording of any format. What is read has samples, all finite; its spectrum is
// too. Most Ogg files that libFuzzer makes get the checksums of their pages right, or few would be
// read.
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <span>

#include "accel/core/library.hpp"
#include "audio/audio_file.hpp"
#include "speech/log_mel.hpp"

using namespace accel;

namespace {

constexpr std::size_t kHeadBytes = 27, kSumAt = 22, kSumBytes = 4;  // Of a page of Ogg.

std::uint32_t checksum(ByteView bytes) {
  std::uint32_t sum = 0;
  for (const std::uint8_t byte : bytes) {
    sum ^= std::uint32_t{byte} << 24U;
    for (int bit = 0; bit < 8; ++bit) sum = (sum << 1U) ^ (sum >> 31U == 1 ? 0x04C11DB7U : 0U);
  }
  return sum;
}

void mend_checksums(std::span<std::uint8_t> rest) {
  while (rest.size() >= kHeadBytes && as_text(rest.first(4)) == "OggS") {
    const std::size_t count = rest[kHeadBytes - 1];
    std::size_t length = kHeadBytes + count;
    if (length > rest.size()) return;
    for (const std::uint8_t segment : rest.subspan(kHeadBytes, count)) length += segment;
    if (length > rest.size()) return;
    std::fill_n(rest.begin() + kSumAt, kSumBytes, std::uint8_t{0});
    const std::uint32_t sum = checksum(rest.first(length));
    for (std::size_t i = 0; i < kSumBytes; ++i)
      rest[kSumAt + i] = static_cast<std::uint8_t>(sum >> (8 * i));
    rest = rest.subspan(length);
  }
}

}  // namespace

// libFuzzer's; where a corpus is only replayed there is none.
extern "C" [[gnu::weak]] std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size,
                                                      std::size_t max_size);

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t max_size, unsigned seed) {
  size = LLVMFuzzerMutate(data, size, max_size);
  if (seed % 8 != 0) mend_checksums({data, size});
  return size;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // Kept, for to load it anew takes longer than to read an input; leaks are told with its names.
  static const auto kLibrary = open_library({"libsndfile.so.1", "libsndfile"});
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
