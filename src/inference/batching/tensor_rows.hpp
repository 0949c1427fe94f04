// SPDX-License-Identifier: Apache-2.0
#pragma once
// Rows of several requests in one tensor, and back. Used by the batching session. Pure functions.

#include <optional>
#include <span>

#include "accel/tensor/tensor.hpp"

namespace accel::inference::batching {

// Joins along the first axis. With `padding` (tensors i64 or i32 of rank 2 or more), the second
// axis grows to `length` and is filled with it. The tensors agree in all else: the caller groups
// them so. Errors: invalid_argument (they do not agree), resource_exhausted.
Result<tensor::Tensor> join_rows(std::span<const tensor::Tensor* const> parts,
                                 std::optional<std::int64_t> padding, std::size_t length);

// Rows [first, first + rows), in the same memory; with `length`, a copy that has only so much of
// the second axis. Errors: invalid_argument (out of range).
Result<tensor::Tensor> part_of(tensor::Tensor& whole, std::size_t first, std::size_t rows,
                               std::optional<std::size_t> length);

// Same type and shape, and floating-point values as near to each other as two orders of adding up
// leave them: |a - b| <= tolerance * (1 + |b|). What is not a number must not be one on both sides.
bool nearly_equal(const tensor::Tensor& a, const tensor::Tensor& b, double tolerance);

}  // namespace accel::inference::batching
