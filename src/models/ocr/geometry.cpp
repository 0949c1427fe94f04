// SPDX-License-Identifier: Apache-2.0
#include "ocr/geometry.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

namespace accel::models {
namespace {

constexpr double kArcTolerance = 0.25;  // Clipper's, in pixels.

double cross(const Point& origin, const Point& a, const Point& b) {
  return (a.x - origin.x) * (b.y - origin.y) - (a.y - origin.y) * (b.x - origin.x);
}

// One half of the hull by Andrew's monotone chain: `points` come sorted.
void add_chain(std::span<const Point> points, std::vector<Point>& hull) {
  const std::size_t start = hull.size();
  for (const Point& point : points) {
    while (hull.size() >= start + 2 && cross(hull[hull.size() - 2], hull.back(), point) <= 0)
      hull.pop_back();
    hull.push_back(point);
  }
  hull.pop_back();  // The other half starts with it.
}

// The two leftmost corners, the upper of them first, then the two others: as RapidOCR orders them.
Quad ordered(Quad corners) {
  std::ranges::stable_sort(corners, std::less(), &Point::x);
  if (corners[0].y > corners[1].y) std::swap(corners[0], corners[1]);
  if (corners[2].y > corners[3].y) std::swap(corners[2], corners[3]);
  return {corners[0], corners[2], corners[3], corners[1]};
}

// How far the hull reaches along an edge's direction and across it.
struct Extent {
  Point along{}, across{};
  double low = 0, high = 0, deep = 0;
  double base = 0;  // Of the edge, across.

  Point at(double a, double b) const {
    return {a * along.x + b * across.x, a * along.y + b * across.y};
  }
};

Extent extent_of(std::span<const Point> hull, const Point& from, const Point& to) {
  const double length = distance(from, to);
  Extent extent;
  extent.along = {(to.x - from.x) / length, (to.y - from.y) / length};
  extent.across = {-extent.along.y, extent.along.x};
  const auto dot = [](const Point& a, const Point& b) { return a.x * b.x + a.y * b.y; };
  extent.base = dot(from, extent.across);
  extent.low = std::numeric_limits<double>::max();
  extent.high = std::numeric_limits<double>::lowest();
  extent.deep = extent.base;
  for (const Point& point : hull) {
    extent.low = std::min(extent.low, dot(point, extent.along));
    extent.high = std::max(extent.high, dot(point, extent.along));
    const double depth = dot(point, extent.across);
    if (std::abs(depth - extent.base) > std::abs(extent.deep - extent.base)) extent.deep = depth;
  }
  return extent;
}

}  // namespace

double distance(const Point& a, const Point& b) { return std::hypot(a.x - b.x, a.y - b.y); }

double polygon_area(std::span<const Point> polygon) {
  double twice = 0;
  for (std::size_t i = 0; i < polygon.size(); ++i) {
    const Point& a = polygon[i];
    const Point& b = polygon[(i + 1) % polygon.size()];
    twice += a.x * b.y - a.y * b.x;
  }
  return std::abs(twice) / 2;
}

double perimeter(std::span<const Point> polygon) {
  double length = 0;
  for (std::size_t i = 0; i < polygon.size(); ++i)
    length += distance(polygon[i], polygon[(i + 1) % polygon.size()]);
  return length;
}

std::vector<Point> convex_hull(std::vector<Point> points) {
  const auto before = [](const Point& a, const Point& b) {
    return a.x != b.x ? a.x < b.x : a.y < b.y;
  };
  const auto same = [](const Point& a, const Point& b) { return a.x == b.x && a.y == b.y; };
  std::ranges::sort(points, before);
  points.erase(std::unique(points.begin(), points.end(), same), points.end());
  if (points.size() < 3) return points;
  std::vector<Point> hull;
  add_chain(points, hull);
  std::ranges::reverse(points);
  add_chain(points, hull);
  return hull;
}

TurnedBox min_area_box(std::span<const Point> hull) {
  TurnedBox best;
  if (hull.size() < 3) return best;
  double least = std::numeric_limits<double>::max();
  for (std::size_t i = 0; i < hull.size(); ++i) {
    const Extent extent = extent_of(hull, hull[i], hull[(i + 1) % hull.size()]);
    const double length = extent.high - extent.low;
    const double depth = std::abs(extent.deep - extent.base);
    if (length * depth >= least) continue;
    least = length * depth;
    best.short_side = std::min(length, depth);
    best.corners =
        ordered({extent.at(extent.low, extent.base), extent.at(extent.high, extent.base),
                 extent.at(extent.high, extent.deep), extent.at(extent.low, extent.deep)});
  }
  return best;
}

std::vector<Point> grown(std::span<const Point> hull, double distance_out) {
  std::vector<Point> outline;
  if (hull.size() < 3 || !(distance_out > 0)) return {hull.begin(), hull.end()};
  const double step = 2 * std::acos(1 - std::min(kArcTolerance / distance_out, kArcTolerance));
  const auto outward = [&](std::size_t edge) {  // The hull runs so that this points out of it.
    const Point& from = hull[edge % hull.size()];
    const Point& to = hull[(edge + 1) % hull.size()];
    return std::atan2(-(to.x - from.x), to.y - from.y);
  };
  for (std::size_t i = 0; i < hull.size(); ++i) {
    const Point& corner = hull[i];
    double angle = outward(i + hull.size() - 1);
    double turn = outward(i) - angle;
    if (turn < 0) turn += 2 * std::numbers::pi;
    const double steps = std::max(1.0, std::round(turn / step));
    for (double at = 0; at <= steps; ++at) {
      const double to = angle + turn * at / steps;
      outline.push_back({std::round(corner.x + distance_out * std::cos(to)),
                         std::round(corner.y + distance_out * std::sin(to))});
    }
  }
  return outline;
}

}  // namespace accel::models
