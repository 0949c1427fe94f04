// SPDX-License-Identifier: Apache-2.0
#pragma once
// Resizing by area, as OpenCV's INTER_AREA does it: means where both sides shrink, and where one
// grows a linear step between pixels whose middles it does not shift. Rows are read as they are
// needed, so that a large image costs the memory of what it becomes. Private to models; pure.

#include <cstdint>
#include <vector>

#include "image/image.hpp"

namespace accel::models {

struct FloatImage {
  std::uint32_t width = 0, height = 0;
  std::vector<float> rgb;  // Rows from the top, three numbers a pixel.
};

// The pixels of an image from (left, top) on; what lies outside the image is 0. Sides > 0; the
// image is borrowed.
struct Cutting {
  const Image* image = nullptr;
  std::int64_t left = 0, top = 0;
  std::uint32_t width = 0, height = 0;
};

class AreaResize {
 public:
  // Sides > 0.
  AreaResize(const Cutting& from, std::uint32_t width, std::uint32_t height);

  // `count` rows of the result from `first` on; they must be some of it.
  FloatImage rows(std::uint32_t first, std::uint32_t count) const;
  FloatImage all() const { return rows(0, static_cast<std::uint32_t>(down_.size())); }

 private:
  struct Share {
    std::size_t from = 0;
    float weight = 0;
  };
  using Shares = std::vector<std::vector<Share>>;  // For each pixel of the result.

  static Shares covered(std::uint32_t from, std::uint32_t to);
  static Shares between(std::uint32_t from, std::uint32_t to);
  void read_row(std::size_t row, std::vector<float>& pixels) const;
  std::vector<float> narrowed(const std::vector<float>& pixels) const;

  Cutting from_;
  Shares across_, down_;
};

}  // namespace accel::models
