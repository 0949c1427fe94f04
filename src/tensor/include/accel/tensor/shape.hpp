// SPDX-License-Identifier: Apache-2.0
#pragma once
// Shapes and their overflow-checked sizes. Used by Tensor, by engines and by readers of model
// files: the dims may come from a stranger's file, so nothing here trusts them. Plain values;
// thread-safe.

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "accel/core/result.hpp"
#include "accel/tensor/dtype.hpp"

namespace accel::tensor {

// Dimensions, slowest first (row-major). {} is a scalar: one element.
using Shape = std::vector<std::int64_t>;

constexpr std::size_t kMaxRank = 16;  // ONNX models stay below 8.
constexpr std::uint64_t kMaxTensorBytes = std::uint64_t{1}
                                          << 46;  // Beyond any machine; keeps sums of sizes safe.

// The product of the dims. Errors: invalid_argument (a negative dim, a rank above kMaxRank, or a
// product that overflows).
Result<std::uint64_t> element_count(std::span<const std::int64_t> dims);
// The same times the element size. Errors: as element_count; also above kMaxTensorBytes, and of
// strings, whose sizes no shape tells.
Result<std::uint64_t> byte_count(DType dtype, std::span<const std::int64_t> dims);

// "[2, 128]"; a negative dim (dynamic in a specification) reads "?": "[?, 128]".
std::string shape_text(std::span<const std::int64_t> dims);

}  // namespace accel::tensor
