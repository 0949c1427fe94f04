// SPDX-License-Identifier: Apache-2.0
#pragma once
// Images as the vision families take them: decoded by libjpeg-turbo and libpng, resized as Pillow
// resizes, for that is what models were trained and compared with. Private to models; pure
// functions over bytes that may come from anywhere.

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "accel/core/bytes.hpp"
#include "accel/core/result.hpp"

namespace accel::models {

// Limits from the header alone, before anything is decoded: 40 million pixels take 120 MB.
constexpr std::uint32_t kMaxImageSide = 20'000;
constexpr std::uint64_t kMaxImagePixels = 40'000'000;

struct Image {
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  std::vector<std::uint8_t> rgb;           // Rows from the top, three bytes a pixel.
  std::shared_ptr<void> memory = nullptr;  // Of a decoded one: its part of image_memory().
};

// JPEG or PNG, by the first bytes; alpha is dropped, 16 bits become 8, grey becomes RGB, as
// Pillow's convert("RGB") has it (but 16-bit grey, which is scaled here). An orientation of EXIF is
// not applied. Errors: unsupported (another format, CMYK), invalid_argument (damaged or cut off),
// resource_exhausted (a limit above, a JPEG of too many scans, or the images of other requests left
// no memory, see image_memory.hpp). Blocks while they do.
Result<Image> decode_image(ByteView file);
Result<Image> decode_jpeg(ByteView file);
Result<Image> decode_png(ByteView file);
Status check_image_size(std::uint64_t width, std::uint64_t height);

// One channel, for results that are numbers and not colours.
struct GreyImage {
  std::uint32_t width = 0, height = 0;
  std::vector<std::uint16_t> levels;  // Rows from the top; up to 255 where bits is 8.
  int bits = 16;                      // 8 or 16.
};
// A PNG file. Errors: invalid_argument (levels that do not fit width and height), and internal
// (libpng's words).
Result<Bytes> encode_png(const GreyImage& image);

enum class Filter { nearest, box, bilinear, bicubic, lanczos };
// Pixels equal Pillow's Image.resize(): filters widen when they shrink, 22 bits of fixed point,
// rounded to 8 bits between the passes. Errors: resource_exhausted (sides as above),
// invalid_argument (a side of 0).
Result<Image> resize(const Image& image, std::uint32_t width, std::uint32_t height, Filter filter);
// The middle; what lies outside is black. Where halves are left over, the start is rounded down.
Image center_crop(const Image& image, std::uint32_t width, std::uint32_t height);

}  // namespace accel::models
