// SPDX-License-Identifier: Apache-2.0
#include "accel/tensor/shape.hpp"

#include <fmt/format.h>

namespace accel::tensor {

Result<std::uint64_t> element_count(std::span<const std::int64_t> dims) {
  if (dims.size() > kMaxRank) {
    return fail(Errc::invalid_argument,
                "A tensor of rank {} is refused; at most {} dimensions are supported.", dims.size(),
                kMaxRank);
  }
  std::uint64_t count = 1;
  bool overflow = false;
  bool empty = false;
  for (const std::int64_t dim : dims) {
    if (dim < 0)
      return fail(Errc::invalid_argument, "The shape [{}] has a negative dimension.",
                  fmt::join(dims, ", "));
    empty = empty || dim == 0;
    overflow = __builtin_mul_overflow(count, static_cast<std::uint64_t>(dim), &count) || overflow;
  }
  if (empty) return std::uint64_t{0};
  if (overflow)
    return fail(Errc::invalid_argument, "The shape {} has more elements than 64 bits can count.",
                shape_text(dims));
  return count;
}

Result<std::uint64_t> byte_count(DType dtype, std::span<const std::int64_t> dims) {
  ACCEL_TRY(const std::uint64_t count, element_count(dims));
  if (dtype_bytes(dtype) == 0) {
    return fail(Errc::invalid_argument,
                "The size of a tensor {} of {} does not follow from its shape.", shape_text(dims),
                dtype_name(dtype));
  }
  if (count > kMaxTensorBytes / dtype_bytes(dtype)) {
    return fail(Errc::invalid_argument,
                "A tensor {} of {} has {} elements, more than {} bytes; it is refused.",
                shape_text(dims), dtype_name(dtype), count, kMaxTensorBytes);
  }
  return count * dtype_bytes(dtype);
}

std::string shape_text(std::span<const std::int64_t> dims) {
  std::string text = "[";
  for (const std::int64_t dim : dims) {
    if (text.size() > 1) text += ", ";
    text += dim < 0 ? "?" : fmt::format("{}", dim);
  }
  return text + "]";
}

}  // namespace accel::tensor
