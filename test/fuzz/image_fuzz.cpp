// SPDX-License-Identifier: Apache-2.0
// Any bytes as an image. What is decoded has the pixels that it says, and can be resized.
#include "image/image.hpp"

#include <cstdlib>

using namespace accel;

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
