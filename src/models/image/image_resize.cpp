// SPDX-License-Identifier: Apache-2.0
// Resampling by a separable filter whose width grows when the image shrinks (so that every pixel
// counts), horizontally and then vertically, in fixed point: the arithmetic is Pillow's.
#include <algorithm>
#include <cmath>
#include <numbers>

#include "image/image.hpp"

namespace accel::models {
namespace {

constexpr int kPrecision = 32 - 8 - 2;  // Bits of a weight: 8 of a pixel and 2 of room are left.
constexpr std::size_t kChannels = 3;

double box(double x) { return x > -0.5 && x <= 0.5 ? 1.0 : 0.0; }
double triangle(double x) { return std::max(0.0, 1.0 - std::abs(x)); }
double cubic(double x) {
  constexpr double kA = -0.5;  // Keys' parameter.
  x = std::abs(x);
  if (x < 1.0) return ((kA + 2.0) * x - (kA + 3.0)) * x * x + 1.0;
  if (x < 2.0) return (((x - 5.0) * x + 8.0) * x - 4.0) * kA;
  return 0.0;
}
double sinc(double x) {
  if (x == 0.0) return 1.0;
  x *= std::numbers::pi;
  return std::sin(x) / x;
}
double lanczos(double x) { return x >= -3.0 && x < 3.0 ? sinc(x) * sinc(x / 3.0) : 0.0; }

struct Kernel {
  double (*weight)(double);
  double support;
};

Kernel kernel_of(Filter filter) {
  switch (filter) {
    case Filter::box:
      return {box, 0.5};
    case Filter::bicubic:
      return {cubic, 2.0};
    case Filter::lanczos:
      return {lanczos, 3.0};
    case Filter::nearest:
    case Filter::bilinear:
      break;
  }
  return {triangle, 1.0};
}

// Which pixels of a line make one pixel of the result, and how much each counts.
struct Tap {
  std::size_t first = 0;
  std::vector<std::int32_t> weights;
};

std::vector<Tap> taps_of(std::uint32_t from, std::uint32_t to, const Kernel& kernel) {
  const double scale = static_cast<double>(from) / to;
  const double wide = std::max(scale, 1.0);
  const double support = kernel.support * wide;
  std::vector<Tap> taps(to);
  std::vector<double> weights;
  for (std::uint32_t i = 0; i < to; ++i) {
    const double center = (i + 0.5) * scale;
    const auto first = static_cast<std::int64_t>(std::max(center - support + 0.5, 0.0));
    const auto end =
        std::min<std::int64_t>(static_cast<std::int64_t>(center + support + 0.5), from);
    weights.clear();
    double sum = 0;
    for (std::int64_t x = first; x < end; ++x) {
      weights.push_back(kernel.weight((static_cast<double>(x) - center + 0.5) / wide));
      sum += weights.back();
    }
    taps[i].first = static_cast<std::size_t>(first);
    for (const double weight : weights) {
      const double share = (sum != 0.0 ? weight / sum : weight) * (1 << kPrecision);
      taps[i].weights.push_back(static_cast<std::int32_t>(share < 0 ? share - 0.5 : share + 0.5));
    }
  }
  return taps;
}

// One pixel: the weighted sum of pixels that lie `stride` bytes apart.
void resample(const std::uint8_t* from, std::size_t stride, const Tap& tap, std::uint8_t* out) {
  for (std::size_t channel = 0; channel < kChannels; ++channel) {
    std::int32_t sum = 1 << (kPrecision - 1);
    const std::uint8_t* at = from + channel;
    for (const std::int32_t weight : tap.weights) {
      sum += *at * weight;
      at += stride;
    }
    out[channel] = static_cast<std::uint8_t>(std::clamp(sum >> kPrecision, 0, 255));
  }
}

Image resize_width(const Image& image, std::uint32_t width, const Kernel& kernel) {
  Image out{width, image.height, std::vector<std::uint8_t>(kChannels * width * image.height)};
  const std::vector<Tap> taps = taps_of(image.width, width, kernel);
  for (std::uint32_t y = 0; y < image.height; ++y) {
    const std::uint8_t* const row = image.rgb.data() + kChannels * image.width * y;
    std::uint8_t* to = out.rgb.data() + kChannels * width * y;
    for (const Tap& tap : taps) {
      resample(row + kChannels * tap.first, kChannels, tap, to);
      to += kChannels;
    }
  }
  return out;
}

Image resize_height(const Image& image, std::uint32_t height, const Kernel& kernel) {
  Image out{image.width, height, std::vector<std::uint8_t>(kChannels * image.width * height)};
  const std::vector<Tap> taps = taps_of(image.height, height, kernel);
  const std::size_t stride = kChannels * image.width;
  for (std::uint32_t y = 0; y < height; ++y) {
    const std::uint8_t* const column = image.rgb.data() + stride * taps[y].first;
    std::uint8_t* const to = out.rgb.data() + stride * y;
    for (std::size_t at = 0; at < stride; at += kChannels)
      resample(column + at, stride, taps[y], to + at);
  }
  return out;
}

// Steps are added up, as Pillow adds them: products would round otherwise here and there.
std::vector<std::size_t> places_of(std::uint32_t from, std::uint32_t to) {
  const double step = static_cast<double>(from) / to;
  std::vector<std::size_t> places;
  for (double at = step * 0.5; places.size() < to; at += step)
    places.push_back(std::min<std::size_t>(static_cast<std::size_t>(at), from - 1));
  return places;
}

Image pick_nearest(const Image& image, std::uint32_t width, std::uint32_t height) {
  Image out{width, height, std::vector<std::uint8_t>(kChannels * width * height)};
  const std::vector<std::size_t> columns = places_of(image.width, width);
  std::uint8_t* to = out.rgb.data();
  for (const std::size_t row : places_of(image.height, height)) {
    for (const std::size_t column : columns) {
      std::copy_n(&image.rgb[kChannels * (row * image.width + column)], kChannels, to);
      to += kChannels;
    }
  }
  return out;
}

}  // namespace

Result<Image> resize(const Image& image, std::uint32_t width, std::uint32_t height, Filter filter) {
  if (width == 0 || height == 0)
    return fail(Errc::invalid_argument, "An image can't be made {} x {} pixels.", width, height);
  ACCEL_CHECK(check_image_size(width, height));
  ACCEL_CHECK(check_image_size(width, image.height));  // What lies between the passes.
  if (filter == Filter::nearest) return pick_nearest(image, width, height);
  const Kernel kernel = kernel_of(filter);
  Image wide = width == image.width ? image : resize_width(image, width, kernel);
  return height == wide.height ? std::move(wide) : resize_height(wide, height, kernel);
}

Image center_crop(const Image& image, std::uint32_t width, std::uint32_t height) {
  Image out{width, height, std::vector<std::uint8_t>(kChannels * width * height)};
  const auto start = [](std::uint32_t from, std::uint32_t to) {
    const std::int64_t spare = std::int64_t{from} - to;
    return spare >= 0 ? spare / 2 : -((1 - spare) / 2);
  };
  const std::int64_t left = start(image.width, width);
  const std::int64_t top = start(image.height, height);
  const std::int64_t first = std::max<std::int64_t>(left, 0);
  const std::int64_t end = std::min<std::int64_t>(left + width, image.width);
  for (std::int64_t y = 0; y < height; ++y) {
    const std::int64_t from = y + top;
    if (from < 0 || from >= image.height || end <= first) continue;
    const auto source = kChannels * static_cast<std::size_t>(from * image.width + first);
    const auto target = kChannels * static_cast<std::size_t>(y * width + first - left);
    std::copy_n(&image.rgb[source], kChannels * static_cast<std::size_t>(end - first),
                &out.rgb[target]);
  }
  return out;
}

}  // namespace accel::models
