// SPDX-License-Identifier: Apache-2.0
#include "faces/area_resize.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace accel::models {
namespace {

constexpr std::size_t kChannels = 3;
constexpr double kLeast = 1e-3;  // A share of a pixel below this is none.

}  // namespace

// What of the pixels each new pixel covers.
AreaResize::Shares AreaResize::covered(std::uint32_t from, std::uint32_t to) {
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

AreaResize::Shares AreaResize::between(std::uint32_t from, std::uint32_t to) {
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

AreaResize::AreaResize(const Cutting& from, std::uint32_t width, std::uint32_t height)
    : from_(from) {
  const bool shrinks = width <= from.width && height <= from.height;
  across_ = shrinks ? covered(from.width, width) : between(from.width, width);
  down_ = shrinks ? covered(from.height, height) : between(from.height, height);
}

void AreaResize::read_row(std::size_t row, std::vector<float>& pixels) const {
  pixels.assign(kChannels * from_.width, 0);
  const Image& image = *from_.image;
  const std::int64_t y = from_.top + static_cast<std::int64_t>(row);
  const std::int64_t first = std::max<std::int64_t>(from_.left, 0);
  const std::int64_t end = std::min<std::int64_t>(from_.left + from_.width, image.width);
  if (y < 0 || y >= image.height || first >= end) return;
  const auto from = kChannels * static_cast<std::size_t>(y * image.width + first);
  const auto to = kChannels * static_cast<std::size_t>(first - from_.left);
  std::copy_n(&image.rgb[from], kChannels * static_cast<std::size_t>(end - first), &pixels[to]);
}

std::vector<float> AreaResize::narrowed(const std::vector<float>& pixels) const {
  std::vector<float> row(kChannels * across_.size());
  for (std::size_t x = 0; x < across_.size(); ++x) {
    for (const Share& share : across_[x])
      for (std::size_t c = 0; c < kChannels; ++c)
        row[kChannels * x + c] += share.weight * pixels[kChannels * share.from + c];
  }
  return row;
}

FloatImage AreaResize::rows(std::uint32_t first, std::uint32_t count) const {
  struct Kept {
    std::size_t row = SIZE_MAX;
    std::vector<float> pixels;
  };
  std::array<Kept, 2> kept;  // Neighbours share a row, or the two between which they lie.
  std::vector<float> pixels;
  const auto row_of = [&](std::size_t row) -> const std::vector<float>& {
    Kept& place = kept[row % kept.size()];
    if (place.row != row) {
      read_row(row, pixels);
      place = {row, narrowed(pixels)};
    }
    return place.pixels;
  };
  const std::size_t stride = kChannels * across_.size();
  FloatImage out{static_cast<std::uint32_t>(across_.size()), count,
                 std::vector<float>(stride * count)};
  for (std::size_t y = 0; y < count; ++y) {
    for (const Share& share : down_.at(first + y)) {
      const std::vector<float>& row = row_of(share.from);
      for (std::size_t i = 0; i < stride; ++i) out.rgb[y * stride + i] += share.weight * row[i];
    }
  }
  return out;
}

}  // namespace accel::models
