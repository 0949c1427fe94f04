// SPDX-License-Identifier: Apache-2.0
#pragma once
// Resizing by area, as OpenCV's INTER_AREA does it: means where both sides shrink, and where one
// grows a linear step between pixels whose middles it does not shift. Private to models; pure.

#include <cstdint>
#include <vector>

#include "image.hpp"

namespace accel::models {

struct FloatImage {
  std::uint32_t width = 0, height = 0;
  std::vector<float> rgb;  // Rows from the top, three numbers a pixel.
};

// The pixels from (left, top) on; what lies outside the image is 0. width and height > 0.
FloatImage cut_out(const Image& image, std::int64_t left, std::int64_t top, std::uint32_t width,
                   std::uint32_t height);
// Sides > 0.
FloatImage resize_area(const FloatImage& image, std::uint32_t width, std::uint32_t height);

}  // namespace accel::models
