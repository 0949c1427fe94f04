// SPDX-License-Identifier: Apache-2.0
#include "ocr/text_regions.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace accel::models {
namespace {

constexpr float kPixelThreshold = 0.3F;
constexpr double kRegionThreshold = 0.5;  // Of the mean over the region's box.
constexpr double kUnclipRatio = 1.6;      // The map shows lines shrunken.
constexpr double kMinSide = 3;            // Of a region, before and (with 2 more) after it grows.

using Mask = std::vector<std::uint8_t>;

// What is above the threshold, each pixel spread to its right and lower neighbours.
Mask mask_of(const ProbabilityMap& map) {
  Mask mask(map.values.size());
  const std::size_t width = map.width;
  for (std::size_t y = 0; y < map.height; ++y) {
    for (std::size_t x = 0; x < width; ++x) {
      if (!(map.values[y * width + x] > kPixelThreshold)) continue;
      for (std::size_t below = y; below < std::min<std::size_t>(y + 2, map.height); ++below)
        for (std::size_t beside = x; beside < std::min(x + 2, width); ++beside)
          mask[below * width + beside] = 1;
    }
  }
  return mask;
}

// The pixels that touch each other, also by a corner. Those taken are cleared.
class Component {
 public:
  Component(Mask& mask, std::uint32_t width, std::uint32_t height)
      : mask_(mask), width_(width), height_(height), first_(height), last_(height) {}

  // The hull of the one that holds `start`.
  std::vector<Point> take(std::size_t start) {
    top_ = height_;
    bottom_ = 0;
    push(start % width_, start / width_);
    while (!open_.empty()) {
      const std::size_t at = open_.back();
      open_.pop_back();
      const std::size_t x = at % width_, y = at / width_;
      for (std::size_t ny = y - (y > 0); ny <= std::min<std::size_t>(y + 1, height_ - 1); ++ny)
        for (std::size_t nx = x - (x > 0); nx <= std::min<std::size_t>(x + 1, width_ - 1); ++nx)
          push(nx, ny);
    }
    std::vector<Point> ends;
    for (std::size_t y = top_; y <= bottom_; ++y) {
      ends.push_back({static_cast<double>(first_[y]), static_cast<double>(y)});
      ends.push_back({static_cast<double>(last_[y]), static_cast<double>(y)});
    }
    return convex_hull(std::move(ends));
  }

 private:
  void push(std::size_t x, std::size_t y) {
    std::uint8_t& pixel = mask_[y * width_ + x];
    if (pixel == 0) return;
    pixel = 0;
    open_.push_back(y * width_ + x);
    // Rows of a component follow each other, so each is first met next to one that is known.
    if (top_ > bottom_ || y < top_ || y > bottom_) first_[y] = last_[y] = x;
    top_ = std::min(top_, y);
    bottom_ = std::max(bottom_, y);
    first_[y] = std::min(first_[y], x);
    last_[y] = std::max(last_[y], x);
  }

  Mask& mask_;
  std::size_t width_, height_;
  std::size_t top_ = 0, bottom_ = 0;
  std::vector<std::size_t> first_, last_, open_;
};

// The stretch of a row that lies in a polygon of whole numbers, its outline counted in.
struct Stretch {
  double first = std::numeric_limits<double>::max();
  double last = std::numeric_limits<double>::lowest();

  void add(double x) {
    first = std::min(first, x);
    last = std::max(last, x);
  }
};

Stretch stretch_at(const Quad& quad, double y) {
  Stretch stretch;
  for (std::size_t i = 0; i < quad.size(); ++i) {
    const Point& a = quad[i];
    const Point& b = quad[(i + 1) % quad.size()];
    if (y < std::min(a.y, b.y) || y > std::max(a.y, b.y)) continue;
    if (a.y == b.y) {
      stretch.add(a.x);
      stretch.add(b.x);
    } else {
      stretch.add(std::round(a.x + (y - a.y) * (b.x - a.x) / (b.y - a.y)));
    }
  }
  return stretch;
}

double mean_inside(const ProbabilityMap& map, Quad quad) {
  for (Point& corner : quad) corner = {std::trunc(corner.x), std::trunc(corner.y)};
  const auto [upper, lower] = std::ranges::minmax_element(quad, {}, &Point::y);
  const double bottom = std::min(lower->y, static_cast<double>(map.height) - 1);
  double sum = 0;
  std::size_t count = 0;
  for (double y = std::max(0.0, upper->y); y <= bottom; ++y) {
    const Stretch stretch = stretch_at(quad, y);
    const double last = std::min(stretch.last, static_cast<double>(map.width) - 1);
    const std::size_t row = static_cast<std::size_t>(y) * map.width;
    for (double x = std::max(0.0, stretch.first); x <= last; ++x, ++count)
      sum += static_cast<double>(map.values[row + static_cast<std::size_t>(x)]);
  }
  return count == 0 ? 0 : sum / static_cast<double>(count);
}

// What the map shows of a line is its core; a line reaches further out by what it covers.
TurnedBox unclipped(const Quad& core) {
  const double by = polygon_area(core) * kUnclipRatio / perimeter(core);
  std::vector<Point> corners;
  for (const Point& corner : core) corners.push_back({std::trunc(corner.x), std::trunc(corner.y)});
  return min_area_box(convex_hull(grown(convex_hull(std::move(corners)), by)));
}

}  // namespace

std::vector<Quad> text_regions(const ProbabilityMap& map) {
  std::vector<Quad> regions;
  Mask mask = mask_of(map);
  Component component(mask, map.width, map.height);
  for (std::size_t start = 0; start < mask.size(); ++start) {
    if (mask[start] == 0) continue;
    const TurnedBox core = min_area_box(component.take(start));
    if (core.short_side < kMinSide || mean_inside(map, core.corners) < kRegionThreshold) continue;
    const TurnedBox box = unclipped(core.corners);
    if (box.short_side < kMinSide + 2) continue;
    regions.push_back(box.corners);
    if (regions.size() == kMaxTextRegions) break;
  }
  return regions;
}

}  // namespace accel::models
