// SPDX-License-Identifier: Apache-2.0
// Any bytes as an image. What is decoded has the pixels that it says, and can be resized. Most PNGs
// that libFuzzer makes get the checksums right, or libpng would read no further than the first.
#include "image/image.hpp"

#include <algorithm>
#include <cstdlib>
#include <span>

using namespace accel;

namespace {

constexpr std::size_t kSignatureBytes = 8, kHeadBytes = 8, kSumBytes = 4;  // Of PNG.

std::uint32_t checksum(ByteView bytes) {
  std::uint32_t sum = ~0U;
  for (const std::uint8_t byte : bytes) {
    sum ^= byte;
    for (int bit = 0; bit < 8; ++bit) sum = (sum >> 1U) ^ (sum % 2 == 1 ? 0xEDB88320U : 0U);
  }
  return ~sum;
}

void mend_checksums(std::span<std::uint8_t> file) {
  std::span<std::uint8_t> rest = file.subspan(std::min(kSignatureBytes, file.size()));
  while (rest.size() >= kHeadBytes + kSumBytes) {
    std::size_t length = 0;
    for (const std::uint8_t byte : rest.first(4)) length = length << 8U | byte;
    if (length > rest.size() - kHeadBytes - kSumBytes) return;
    const std::uint32_t sum = checksum(rest.subspan(4, 4 + length));
    for (std::size_t i = 0; i < kSumBytes; ++i)
      rest[kHeadBytes + length + i] = static_cast<std::uint8_t>(sum >> (24 - 8 * i));
    rest = rest.subspan(kHeadBytes + length + kSumBytes);
  }
}

}  // namespace

// libFuzzer's; where a corpus is only replayed there is none.
extern "C" [[gnu::weak]] std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size,
                                                      std::size_t max_size);

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t max_size, unsigned seed) {
  size = LLVMFuzzerMutate(data, size, max_size);
  const bool png = size > 1 && data[1] == 'P';
  if (png && seed % 8 != 0) mend_checksums({data, size});
  return size;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto image = models::decode_image({data, size});
  if (!image) return 0;
  if (!models::check_image_size(image->width, image->height)) std::abort();
  if (image->rgb.size() != std::size_t{3} * image->width * image->height) std::abort();
  if (image->rgb.size() > (1U << 20U)) return 0;
  const auto small = models::resize(*image, 16, 16, models::Filter::bicubic);
  if (small && small->rgb.size() != std::size_t{3} * 16 * 16) std::abort();
  if (models::center_crop(*image, 9, 30).rgb.size() != std::size_t{3} * 9 * 30) std::abort();
  return 0;
}
