// SPDX-License-Identifier: Apache-2.0
#pragma once
// Plane geometry of text regions: what DB's post-processing takes from OpenCV (minAreaRect) and
// from Clipper (an offset with round joins). Private to models; pure functions; y points down.

#include <array>
#include <span>
#include <vector>

#include "accel/models/family.hpp"

namespace accel::models {

using Quad = std::array<Point, 4>;  // Clockwise from the upper left, where it has one.

double distance(const Point& a, const Point& b);
double polygon_area(std::span<const Point> polygon);  // Never negative.
double perimeter(std::span<const Point> polygon);

// The corners of the convex hull in order, without those on an edge. At most two for points on one
// line.
std::vector<Point> convex_hull(std::vector<Point> points);

struct TurnedBox {
  Quad corners{};
  double short_side = 0;
};
// The box of the smallest area around a convex hull: one of its sides lies on an edge of it. A hull
// of less than three points gives a box of short_side 0.
TurnedBox min_area_box(std::span<const Point> hull);

// A convex polygon (of convex_hull) whose edges moved outwards by `distance`, corners rounded to
// within a quarter of a pixel, as whole numbers. Source: Clipper 6.4's JT_ROUND, which works on
// whole numbers too.
std::vector<Point> grown(std::span<const Point> hull, double distance);

}  // namespace accel::models
