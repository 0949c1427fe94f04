// SPDX-License-Identifier: Apache-2.0
#include "batching/tensor_rows.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace accel::inference::batching {
namespace {

using tensor::Shape;
using tensor::Tensor;

// Shape without the axes that joining may change.
bool agree(const Shape& a, const Shape& b, std::size_t free_axes) {
  return a.size() == b.size() && a.size() >= free_axes &&
         std::equal(a.begin() + static_cast<std::ptrdiff_t>(free_axes), a.end(),
                    b.begin() + static_cast<std::ptrdiff_t>(free_axes));
}

// Bytes of one element of the first (axis 1) or second axis (axis 2).
std::size_t bytes_below(const Tensor& tensor, std::size_t axis) {
  std::size_t bytes = tensor::dtype_bytes(tensor.dtype());
  for (std::size_t i = axis; i < tensor.shape().size(); ++i)
    bytes *= static_cast<std::size_t>(tensor.shape()[i]);
  return bytes;
}

template <class T>
void fill_all(Tensor& tensor, std::int64_t value) {
  const auto data = tensor.mutable_data<T>();
  std::fill(data.begin(), data.end(), static_cast<T>(value));
}

// Copies rows of `row_bytes` each to places that are `stride` apart.
void copy_rows(ByteView from, std::size_t row_bytes, std::uint8_t* into, std::size_t stride) {
  if (row_bytes == 0) return;
  for (std::size_t at = 0; at < from.size(); at += row_bytes, into += stride)
    std::memcpy(into, from.data() + at, row_bytes);
}

template <class T>
bool near_values(const Tensor& a, const Tensor& b, double tolerance) {
  const auto left = a.data<T>();
  const auto right = b.data<T>();
  return std::equal(left.begin(), left.end(), right.begin(), right.end(), [&](T x, T y) {
    if (std::isnan(x) || std::isnan(y)) return std::isnan(x) == std::isnan(y);
    if (x == y) return true;
    return std::abs(static_cast<double>(x) - y) <=
           tolerance * (1 + std::abs(static_cast<double>(y)));
  });
}

}  // namespace

Result<Tensor> join_rows(std::span<const Tensor* const> parts, std::optional<std::int64_t> padding,
                         std::size_t length) {
  const std::size_t free_axes = padding ? 2 : 1;
  if (parts.empty() || parts[0]->shape().size() < free_axes)
    return fail(Errc::invalid_argument, "There are no rows to join.");
  Shape shape = parts[0]->shape();
  shape[0] = 0;
  for (const Tensor* part : parts) {
    const bool too_long =
        padding && part->shape().size() > 1 && part->shape()[1] > static_cast<std::int64_t>(length);
    if (part->dtype() != parts[0]->dtype() || !agree(part->shape(), shape, free_axes) || too_long)
      return fail(Errc::invalid_argument, "Rows of different tensors can't be joined.");
    shape[0] += part->shape()[0];
  }
  if (padding) shape[1] = static_cast<std::int64_t>(length);
  ACCEL_TRY(Tensor whole, Tensor::zeros(parts[0]->dtype(), std::move(shape)));
  if (padding && *padding != 0) {
    whole.dtype() == tensor::DType::i32 ? fill_all<std::int32_t>(whole, *padding)
                                        : fill_all<std::int64_t>(whole, *padding);
  }
  const std::size_t stride = bytes_below(whole, 1);
  std::uint8_t* into = whole.mutable_bytes().data();
  for (const Tensor* part : parts) {
    copy_rows(part->bytes(), bytes_below(*part, 1), into, stride);
    into += stride * static_cast<std::size_t>(part->shape()[0]);
  }
  return whole;
}

Result<Tensor> part_of(Tensor& whole, std::size_t first, std::size_t rows,
                       std::optional<std::size_t> length) {
  ACCEL_TRY(Tensor part,
            whole.rows(static_cast<std::int64_t>(first), static_cast<std::int64_t>(rows)));
  if (!length || part.shape().size() < 2 || part.shape()[1] <= static_cast<std::int64_t>(*length)) {
    return part;
  }
  Shape shape = part.shape();
  shape[1] = static_cast<std::int64_t>(*length);
  ACCEL_TRY(Tensor cut, Tensor::zeros(part.dtype(), std::move(shape)));
  const std::size_t kept = bytes_below(cut, 1);
  const std::size_t stride = bytes_below(part, 1);
  for (std::size_t row = 0; row < rows; ++row) {
    if (kept > 0)
      std::memcpy(cut.mutable_bytes().data() + row * kept, part.bytes().data() + row * stride,
                  kept);
  }
  return cut;
}

bool nearly_equal(const Tensor& a, const Tensor& b, double tolerance) {
  if (a.dtype() != b.dtype() || a.shape() != b.shape()) return false;
  if (a.dtype() == tensor::DType::f32) return near_values<float>(a, b, tolerance);
  if (a.dtype() == tensor::DType::f64) return near_values<double>(a, b, tolerance);
  return std::ranges::equal(a.bytes(), b.bytes());
}

}  // namespace accel::inference::batching
