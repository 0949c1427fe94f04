// SPDX-License-Identifier: Apache-2.0
#include "faces/candidates.hpp"

#include <algorithm>
#include <cmath>

namespace accel::models {
namespace {

constexpr double kLargest = 2;  // Sides of the image.

double area(const Box& box) { return (box.right - box.left + 1) * (box.bottom - box.top + 1); }

double overlap_of(const Box& a, const Box& b, Overlap overlap) {
  const double width = std::min(a.right, b.right) - std::max(a.left, b.left) + 1;
  const double height = std::min(a.bottom, b.bottom) - std::max(a.top, b.top) + 1;
  const double shared = std::max(0.0, width) * std::max(0.0, height);
  if (overlap == Overlap::of_smaller) return shared / std::min(area(a), area(b));
  return shared / (area(a) + area(b) - shared);
}

}  // namespace

void keep_best(std::vector<FaceCandidate>& all) {
  std::ranges::stable_sort(all, std::greater(), &FaceCandidate::score);
  if (all.size() > kMaxFaceCandidates) all.resize(kMaxFaceCandidates);
}

std::vector<FaceCandidate> best_apart(std::vector<FaceCandidate> all, double most,
                                      Overlap overlap) {
  keep_best(all);
  std::vector<FaceCandidate> kept;
  for (FaceCandidate& one : all) {
    const bool known = std::ranges::any_of(kept, [&](const FaceCandidate& better) {
      return overlap_of(better.box, one.box, overlap) > most;
    });
    if (!known) kept.push_back(std::move(one));
  }
  return kept;
}

void move_box(FaceCandidate& candidate, bool closed) {
  Box& box = candidate.box;
  const double width = box.right - box.left + (closed ? 1 : 0);
  const double height = box.bottom - box.top + (closed ? 1 : 0);
  const auto& by = candidate.offsets;
  box = {box.left + by[0] * width, box.top + by[1] * height, box.right + by[2] * width,
         box.bottom + by[3] * height};
}

void make_square(Box& box) {
  const double width = box.right - box.left, height = box.bottom - box.top;
  const double side = std::max(width, height);
  box.left += width / 2 - side / 2;
  box.top += height / 2 - side / 2;
  box.right = box.left + side;
  box.bottom = box.top + side;
}

void truncate(Box& box) {
  box = {std::trunc(box.left), std::trunc(box.top), std::trunc(box.right), std::trunc(box.bottom)};
}

bool is_usable(const Box& box, double width, double height) {
  const bool finite = std::isfinite(box.left) && std::isfinite(box.top) &&
                      std::isfinite(box.right) && std::isfinite(box.bottom);
  const double most = kLargest * std::max(width, height);
  return finite && box.right >= box.left && box.bottom >= box.top && box.right - box.left <= most &&
         box.bottom - box.top <= most && box.left <= width && box.top <= height && box.right >= 0 &&
         box.bottom >= 0;
}

}  // namespace accel::models
