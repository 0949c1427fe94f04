// SPDX-License-Identifier: Apache-2.0
#include "ocr/perspective.hpp"

#include <algorithm>
#include <cmath>

namespace accel::models {
namespace {

constexpr std::size_t kChannels = 3;
constexpr int kCoefficientScale = 1 << 11;  // INTER_RESIZE_COEF_SCALE.
constexpr double kPositions = 32;           // Between two pixels: INTER_TAB_SIZE.
constexpr double kSharpness = -0.75;        // OpenCV's cubic kernel.

struct Tap {
  std::size_t first = 0, second = 0;
  int first_weight = 0, second_weight = 0;
};

// Half-pixel centres in float, as OpenCV has them.
std::vector<Tap> linear_taps(std::uint32_t from, std::uint32_t to) {
  const double scale = static_cast<double>(from) / to;
  std::vector<Tap> taps;
  for (std::uint32_t i = 0; i < to; ++i) {
    const auto center = static_cast<float>((i + 0.5) * scale - 0.5);
    auto first = static_cast<std::int64_t>(std::floor(center));
    float part = center - static_cast<float>(first);
    const std::int64_t last = std::int64_t{from} - 1;
    if (first < 0 || first >= last) {
      first = std::clamp<std::int64_t>(first, 0, last);
      part = 0;
    }
    taps.push_back({static_cast<std::size_t>(first),
                    static_cast<std::size_t>(std::min(first + 1, last)),
                    static_cast<int>(std::lrint((1.0F - part) * kCoefficientScale)),
                    static_cast<int>(std::lrint(part * kCoefficientScale))});
  }
  return taps;
}

// One row resized to the width, in 11 bits of fixed point.
void resize_row(const Image& image, std::size_t y, std::span<const Tap> taps,
                std::vector<int>& out) {
  const std::uint8_t* const row = image.rgb.data() + kChannels * image.width * y;
  for (std::size_t x = 0; x < taps.size(); ++x) {
    const Tap& tap = taps[x];
    for (std::size_t c = 0; c < kChannels; ++c) {
      out[kChannels * x + c] = row[kChannels * tap.first + c] * tap.first_weight +
                               row[kChannels * tap.second + c] * tap.second_weight;
    }
  }
}

Image blank(std::uint32_t width, std::uint32_t height) {
  return {width, height, std::vector<std::uint8_t>(kChannels * width * height)};
}

Image half_of(const Image& image) {
  Image out = blank(image.width / 2, image.height / 2);
  const std::size_t stride = kChannels * image.width;
  for (std::size_t y = 0; y < out.height; ++y) {
    for (std::size_t i = 0; i < kChannels * out.width; ++i) {
      const std::uint8_t* const at =
          &image.rgb[2 * y * stride + 2 * kChannels * (i / kChannels) + i % kChannels];
      const int sum = at[0] + at[kChannels] + at[stride] + at[stride + kChannels];
      out.rgb[kChannels * out.width * y + i] = static_cast<std::uint8_t>((sum + 2) / 4);
    }
  }
  return out;
}

// From the unit square to a quadrilateral. Source: Heckbert 1989, "Fundamentals of Texture Mapping
// and Image Warping", section 2.2.3.
struct Projection {
  double a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0;

  Point at(double u, double v) const {
    const double depth = g * u + h * v + 1;
    return {(a * u + b * v + c) / depth, (d * u + e * v + f) / depth};
  }
};

Projection projection_to(const Quad& q) {
  const double dx1 = q[1].x - q[2].x, dx2 = q[3].x - q[2].x;
  const double dy1 = q[1].y - q[2].y, dy2 = q[3].y - q[2].y;
  const double sx = q[0].x - q[1].x + q[2].x - q[3].x;
  const double sy = q[0].y - q[1].y + q[2].y - q[3].y;
  const double determinant = dx1 * dy2 - dx2 * dy1;
  Projection p;
  p.g = (sx * dy2 - dx2 * sy) / determinant;
  p.h = (dx1 * sy - sx * dy1) / determinant;
  p.a = q[1].x - q[0].x + p.g * q[1].x;
  p.b = q[3].x - q[0].x + p.h * q[3].x;
  p.c = q[0].x;
  p.d = q[1].y - q[0].y + p.g * q[1].y;
  p.e = q[3].y - q[0].y + p.h * q[3].y;
  p.f = q[0].y;
  return p;
}

std::array<float, 4> cubic_weights(double part) {
  const double a = kSharpness, x = part;
  const double w0 = ((a * (x + 1) - 5 * a) * (x + 1) + 8 * a) * (x + 1) - 4 * a;
  const double w1 = ((a + 2) * x - (a + 3)) * x * x + 1;
  const double w2 = ((a + 2) * (1 - x) - (a + 3)) * (1 - x) * (1 - x) + 1;
  return {static_cast<float>(w0), static_cast<float>(w1), static_cast<float>(w2),
          static_cast<float>(1 - w0 - w1 - w2)};
}

using CubicTable = std::array<std::array<float, 4>, static_cast<std::size_t>(kPositions)>;

CubicTable cubic_table() {
  CubicTable table;
  for (std::size_t i = 0; i < table.size(); ++i)
    table[i] = cubic_weights(static_cast<double>(i) / kPositions);
  return table;
}

// `at` lies within a pixel or so of the image.
void sample(const Image& image, const Point& at, std::uint8_t* out) {
  static const CubicTable table = cubic_table();
  const auto ticks_x = static_cast<std::int64_t>(std::nearbyint(at.x * kPositions));
  const auto ticks_y = static_cast<std::int64_t>(std::nearbyint(at.y * kPositions));
  const auto& across = table[static_cast<std::size_t>(ticks_x & 31)];
  const auto& down = table[static_cast<std::size_t>(ticks_y & 31)];
  const auto clamped = [](std::int64_t value, std::uint32_t side) {
    return static_cast<std::size_t>(std::clamp<std::int64_t>(value, 0, std::int64_t{side} - 1));
  };
  std::array<float, kChannels> sum{};
  for (std::size_t j = 0; j < 4; ++j) {
    const std::size_t y = clamped((ticks_y >> 5) + static_cast<std::int64_t>(j) - 1, image.height);
    for (std::size_t i = 0; i < 4; ++i) {
      const std::size_t x = clamped((ticks_x >> 5) + static_cast<std::int64_t>(i) - 1, image.width);
      const std::uint8_t* const pixel = &image.rgb[kChannels * (y * image.width + x)];
      for (std::size_t c = 0; c < kChannels; ++c) sum[c] += across[i] * down[j] * pixel[c];
    }
  }
  for (std::size_t c = 0; c < kChannels; ++c)
    out[c] = static_cast<std::uint8_t>(std::clamp(std::lrint(sum[c]), 0L, 255L));
}

}  // namespace

Result<Image> resize_linear(const Image& image, std::uint32_t width, std::uint32_t height) {
  ACCEL_CHECK(check_image_size(width, height));
  if (width == image.width && height == image.height) return image;
  if (std::uint64_t{width} * 2 == image.width && std::uint64_t{height} * 2 == image.height)
    return half_of(image);
  Image out = blank(width, height);
  const std::vector<Tap> columns = linear_taps(image.width, width);
  std::vector<int> upper(kChannels * width), lower(kChannels * width);
  std::size_t upper_row = image.height, lower_row = image.height;  // None yet.
  std::uint8_t* to = out.rgb.data();
  for (const Tap& tap : linear_taps(image.height, height)) {
    if (tap.first == lower_row) {
      std::swap(upper, lower);
      std::swap(upper_row, lower_row);
    }
    if (tap.first != upper_row) resize_row(image, upper_row = tap.first, columns, upper);
    if (tap.second != lower_row) resize_row(image, lower_row = tap.second, columns, lower);
    for (std::size_t i = 0; i < upper.size(); ++i) {
      const int sum = ((tap.first_weight * (upper[i] >> 4)) >> 16) +
                      ((tap.second_weight * (lower[i] >> 4)) >> 16);
      *to++ = static_cast<std::uint8_t>(std::clamp((sum + 2) >> 2, 0, 255));
    }
  }
  return out;
}

Result<Image> cut_quad(const Image& image, const Quad& quad) {
  const double wide = std::max(distance(quad[0], quad[1]), distance(quad[2], quad[3]));
  const double high = std::max(distance(quad[0], quad[3]), distance(quad[1], quad[2]));
  if (!(wide >= 1 && high >= 1) || polygon_area(quad) < 1)
    return fail(Errc::invalid_argument, "A quadrilateral without an inside can't be cut out.");
  ACCEL_CHECK(check_image_size(static_cast<std::uint64_t>(wide), static_cast<std::uint64_t>(high)));
  Image out = blank(static_cast<std::uint32_t>(wide), static_cast<std::uint32_t>(high));
  const Projection projection = projection_to(quad);
  const auto within = [](double value, std::uint32_t side) {  // A pixel beyond repeats the edge.
    return std::clamp(value, -2.0, side + 1.0);
  };
  std::uint8_t* to = out.rgb.data();
  for (std::uint32_t y = 0; y < out.height; ++y) {
    for (std::uint32_t x = 0; x < out.width; ++x, to += kChannels) {
      const Point at =
          projection.at(static_cast<double>(x) / out.width, static_cast<double>(y) / out.height);
      if (!std::isfinite(at.x) || !std::isfinite(at.y))
        return fail(Errc::invalid_argument, "A quadrilateral that folds can't be cut out.");
      sample(image, {within(at.x, image.width), within(at.y, image.height)}, to);
    }
  }
  return out;
}

Image turned_left(const Image& image) {
  Image out = blank(image.height, image.width);
  for (std::size_t y = 0; y < out.height; ++y) {
    for (std::size_t x = 0; x < out.width; ++x) {
      const std::size_t from = x * image.width + (image.width - 1 - y);
      std::copy_n(&image.rgb[kChannels * from], kChannels,
                  &out.rgb[kChannels * (y * out.width + x)]);
    }
  }
  return out;
}

Image turned_half(const Image& image) {
  Image out = image;
  std::ranges::reverse(out.rgb);  // Pixels in reverse, and their colours with them:
  for (std::size_t i = 0; i < out.rgb.size(); i += kChannels) std::swap(out.rgb[i], out.rgb[i + 2]);
  return out;
}

}  // namespace accel::models
