// SPDX-License-Identifier: Apache-2.0
#pragma once
// From one vector a token to one vector a text. Private to models; pure functions.
// Spec: sentence-transformers' models/Pooling.py and Normalize.py.

#include <cstdint>
#include <span>
#include <vector>

#include "accel/models/text_embedder.hpp"

namespace accel::models {

// `tokens` is float32[sequence, hidden], row by row; `mask` has one entry for each row: 0 is
// padding. A text without tokens gives zeros.
std::vector<float> pool(Pooling pooling, std::span<const float> tokens,
                        std::span<const std::int64_t> mask);
// Divides by the Euclidean norm, or by 1e-12 where that is larger.
void normalize(std::span<float> vector);
bool is_finite(std::span<const float> vector);

}  // namespace accel::models
