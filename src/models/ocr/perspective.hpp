// SPDX-License-Identifier: Apache-2.0
#pragma once
// Pieces of an image as OpenCV cuts and resizes them: models that were trained with OpenCV see the
// same pixels. Private to models; pure functions.

#include "image/image.hpp"
#include "ocr/geometry.hpp"

namespace accel::models {

// cv2.resize with INTER_LINEAR on 8 bits: 11 bits of fixed point, no filter that widens when it
// shrinks; exact halves are means of four. Equal pixels; where both sides grow, OpenCV 5 has some
// 0.04 % of the values one level off. Errors: as resize().
Result<Image> resize_linear(const Image& image, std::uint32_t width, std::uint32_t height);

// The quadrilateral straightened to its longest sides in whole pixels, by cv2.warpPerspective with
// INTER_CUBIC (within a level or two of it); what lies outside the image repeats its edge. Errors:
// invalid_argument (a quadrilateral without an inside), resource_exhausted.
Result<Image> cut_quad(const Image& image, const Quad& quad);

Image turned_left(const Image& image);  // By 90 degrees.
Image turned_half(const Image& image);  // By 180 degrees.

}  // namespace accel::models
