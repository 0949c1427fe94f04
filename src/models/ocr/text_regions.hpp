// SPDX-License-Identifier: Apache-2.0
#pragma once
// From a map of how likely each pixel is inside a line of text to the lines' places. Private to
// models; pure functions over numbers that a model gave. Spec: Liao et al. 2020 (DB), section 3.5,
// with the details and the constants of RapidOCR 1.4.4 (DBPostProcess). It differs in one thing:
// holes of a region are not taken for regions of their own.

#include <cstdint>
#include <span>
#include <vector>

#include "ocr/geometry.hpp"

namespace accel::models {

struct ProbabilityMap {
  std::span<const float> values;  // Rows from the top; all finite.
  std::uint32_t width = 0, height = 0;
};

constexpr std::size_t kMaxTextRegions = 1000;

// In the map's pixels, corners as they came out: not rounded, and outside the map where the region
// reaches its edge.
std::vector<Quad> text_regions(const ProbabilityMap& map);

}  // namespace accel::models
