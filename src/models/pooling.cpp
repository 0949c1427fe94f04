// SPDX-License-Identifier: Apache-2.0
#include "pooling.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>

namespace accel::models {
namespace {

constexpr float kMinNorm = 1e-12F;  // torch.nn.functional.normalize's eps.

template <class Combine>
std::size_t combine_rows(std::span<const float> tokens, std::span<const std::int64_t> mask,
                         std::span<float> out, Combine combine) {
  std::size_t rows = 0;
  for (std::size_t row = 0; row < mask.size(); ++row) {
    if (mask[row] == 0) continue;
    const std::span<const float> values = tokens.subspan(row * out.size(), out.size());
    if (rows++ == 0) {
      std::copy(values.begin(), values.end(), out.begin());
    } else {
      std::transform(values.begin(), values.end(), out.begin(), out.begin(), combine);
    }
  }
  return rows;
}

void scale(std::span<float> vector, float factor) {
  for (float& value : vector) value *= factor;
}

}  // namespace

std::vector<float> pool(Pooling pooling, std::span<const float> tokens,
                        std::span<const std::int64_t> mask) {
  if (mask.empty()) return {};
  std::vector<float> out(tokens.size() / mask.size());
  if (pooling == Pooling::cls) {
    std::copy_n(tokens.begin(), out.size(), out.begin());
    return out;
  }
  if (pooling == Pooling::max) {
    combine_rows(tokens, mask, out, [](float a, float b) { return std::max(a, b); });
    return out;
  }
  const auto count = static_cast<float>(combine_rows(tokens, mask, out, std::plus<float>()));
  if (count > 0) scale(out, 1 / (pooling == Pooling::mean ? count : std::sqrt(count)));
  return out;
}

void normalize(std::span<float> vector) {
  const float squares = std::inner_product(vector.begin(), vector.end(), vector.begin(), 0.0F);
  scale(vector, 1 / std::max(std::sqrt(squares), kMinNorm));
}

bool is_finite(std::span<const float> vector) {
  return std::all_of(vector.begin(), vector.end(),
                     [](float value) { return std::isfinite(value); });
}

}  // namespace accel::models
