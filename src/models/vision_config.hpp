// SPDX-License-Identifier: Apache-2.0
#pragma once
// How a vision model wants its pixels. Private to models. Spec: transformers' image processors
// (preprocessor_config.json).

#include <array>
#include <optional>

#include "accel/models/manifest.hpp"
#include "accel/tensor/tensor.hpp"
#include "image/image.hpp"

namespace accel::models {

struct VisionConfig {
  // Of the shorter side: the square in the middle that is resized; none: the whole image.
  std::optional<double> first_crop;
  bool resizes = true;
  std::uint32_t width = 224, height = 224;
  std::optional<std::uint32_t> shortest_edge;  // Instead of both: the other side keeps the ratio.
  Filter filter = Filter::bilinear;
  bool crops = false;
  std::uint32_t crop_width = 0, crop_height = 0;
  bool flips_channels = false;  // BGR; means and deviations are then in that order.
  float rescale = 1.0F / 255;   // Of each pixel, before the mean is taken off.
  std::array<float, 3> mean{}, deviation{1, 1, 1};
};

// Errors: not_found (no preprocessor_config.json), corrupt (a size of 0 or above the limits, three
// numbers that are not three, a deviation of 0), unsupported (a filter that is not implemented).
Result<VisionConfig> read_vision_config(const ModelManifest& manifest, const Fetcher& fetcher);

// float32[1, height, width, 3]. Errors: as resize().
Result<tensor::Tensor> pixels_of(const VisionConfig& config, const Image& image);
// The same numbers as float32[1, 3, height, width].
Result<tensor::Tensor> channels_first(const tensor::Tensor& pixels);

}  // namespace accel::models
