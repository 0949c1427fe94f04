// SPDX-License-Identifier: Apache-2.0
#include "faces/area_resize.hpp"

#include <algorithm>
#include <cmath>

namespace accel::models {
namespace {

constexpr std::size_t kChannels = 3;
constexpr double kLeast = 1e-3;  // A share of a pixel below this is none.

struct Share {
  std::size_t from = 0;
  float weight = 0;
};
using Shares = std::vector<std::vector<Share>>;  // For each pixel of the result.

// What of the pixels each new pixel covers.
Shares covered(std::uint32_t from, std::uint32_t to) {
  const double scale = static_cast<double>(from) / to;
  Shares shares(to);
  for (std::uint32_t i = 0; i < to; ++i) {
    const double start = i * scale, end = start + scale;
    const double width = std::min(scale, from - start);
    const double last = std::min(std::floor(end), from - 1.0);
    const double first = std::min(std::ceil(start), last);
    const auto add = [&](double at, double weight) {
      shares[i].push_back({static_cast<std::size_t>(at), static_cast<float>(weight)});
    };
    if (first - start > kLeast) add(first - 1, (first - start) / width);
    for (double at = first; at < last; ++at) add(at, 1 / width);
    if (end - last > kLeast) add(last, std::min(std::min(end - last, 1.0), width) / width);
  }
  return shares;
}

Shares between(std::uint32_t from, std::uint32_t to) {
  const double scale = static_cast<double>(from) / to;
  Shares shares(to);
  for (std::uint32_t i = 0; i < to; ++i) {
    const auto first =
        std::min<std::int64_t>(static_cast<std::int64_t>(std::floor(i * scale)), from - 1);
    auto part = static_cast<float>((i + 1) - static_cast<double>(first + 1) / scale);
    part = part <= 0 ? 0 : part - std::floor(part);
    if (first >= std::int64_t{from} - 1) part = 0;
    const auto at = static_cast<std::size_t>(first);
    shares[i] = {{at, 1 - part}, {std::min<std::size_t>(at + 1, from - 1), part}};
  }
  return shares;
}

}  // namespace

FloatImage cut_out(const Image& image, std::int64_t left, std::int64_t top, std::uint32_t width,
                   std::uint32_t height) {
  FloatImage out{width, height, std::vector<float>(kChannels * width * height)};
  const std::int64_t first = std::max<std::int64_t>(left, 0);
  const std::int64_t end = std::min<std::int64_t>(left + width, image.width);
  for (std::int64_t y = 0; y < height && first < end; ++y) {
    if (y + top < 0 || y + top >= image.height) continue;
    const auto from = kChannels * static_cast<std::size_t>((y + top) * image.width + first);
    const auto to = kChannels * static_cast<std::size_t>(y * width + first - left);
    std::copy_n(&image.rgb[from], kChannels * static_cast<std::size_t>(end - first), &out.rgb[to]);
  }
  return out;
}

FloatImage resize_area(const FloatImage& image, std::uint32_t width, std::uint32_t height) {
  const bool shrinks = width <= image.width && height <= image.height;
  const Shares columns = shrinks ? covered(image.width, width) : between(image.width, width);
  const Shares rows = shrinks ? covered(image.height, height) : between(image.height, height);
  FloatImage wide{width, image.height, std::vector<float>(kChannels * width * image.height)};
  for (std::size_t y = 0; y < image.height; ++y) {
    for (std::size_t x = 0; x < width; ++x) {
      for (const Share& share : columns[x])
        for (std::size_t c = 0; c < kChannels; ++c)
          wide.rgb[kChannels * (y * width + x) + c] +=
              share.weight * image.rgb[kChannels * (y * image.width + share.from) + c];
    }
  }
  FloatImage out{width, height, std::vector<float>(kChannels * width * height)};
  const std::size_t stride = kChannels * width;
  for (std::size_t y = 0; y < height; ++y) {
    for (const Share& share : rows[y])
      for (std::size_t i = 0; i < stride; ++i)
        out.rgb[y * stride + i] += share.weight * wide.rgb[share.from * stride + i];
  }
  return out;
}

}  // namespace accel::models
