// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "image/image.hpp"

namespace accel::models {
namespace {

bool starts_with(ByteView file, std::string_view magic) {
  return as_text(file.first(std::min(file.size(), magic.size()))) == magic;
}

}  // namespace

Status check_image_size(std::uint64_t width, std::uint64_t height) {
  if (width == 0 || height == 0)
    return fail(Errc::invalid_argument, "The image is {} x {} pixels: it has none.", width, height);
  const bool fits =
      width <= kMaxImageSide && height <= kMaxImageSide && width * height <= kMaxImagePixels;
  if (fits) return {};
  return fail(Errc::resource_exhausted,
              "The image is {} x {} pixels; sides of {} and {} pixels in all are taken at most.",
              width, height, kMaxImageSide, kMaxImagePixels);
}

Result<Image> decode_image(ByteView file) {
  if (starts_with(file, "\xFF\xD8\xFF")) return decode_jpeg(file);
  if (starts_with(file, "\x89PNG\r\n\x1A\n")) return decode_png(file);
  return fail(Errc::unsupported, "The file is no image that is read here: JPEG and PNG are.");
}

}  // namespace accel::models
