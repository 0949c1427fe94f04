// SPDX-License-Identifier: Apache-2.0
#include "accel/tensor/tensor.hpp"

#include <cstdlib>
#include <cstring>

namespace accel::tensor {
namespace {

// At least one element's worth, so that an empty tensor has an address that engines accept.
std::size_t allocation_bytes(std::uint64_t size_bytes) {
  const std::uint64_t lines = (size_bytes + kTensorAlignment - 1) / kTensorAlignment;
  return static_cast<std::size_t>((lines == 0 ? 1 : lines) * kTensorAlignment);
}

}  // namespace

Result<Tensor> Tensor::zeros(DType dtype, Shape shape) {
  ACCEL_TRY(const std::uint64_t size, byte_count(dtype, shape));
  const std::size_t allocated = allocation_bytes(size);
  auto* memory = static_cast<std::uint8_t*>(std::aligned_alloc(kTensorAlignment, allocated));
  if (memory == nullptr) {
    return fail(Errc::resource_exhausted, "There is no memory for a tensor {} of {} ({}).",
                shape_text(shape), dtype_name(dtype), human_bytes(size));
  }
  std::memset(memory, 0, allocated);
  Tensor tensor;
  tensor.dtype_ = dtype;
  tensor.shape_ = std::move(shape);
  tensor.bytes_ = {memory, static_cast<std::size_t>(size)};
  tensor.writable_ = memory;
  tensor.owner_ = std::shared_ptr<const void>(
      memory, [](const void* held) { std::free(const_cast<void*>(held)); });
  return tensor;
}

Result<Tensor> Tensor::borrow(DType dtype, Shape shape, ByteView bytes,
                              std::shared_ptr<const void> owner) {
  ACCEL_TRY(const std::uint64_t size, byte_count(dtype, shape));
  if (bytes.size() != size) {
    return fail(Errc::invalid_argument, "A tensor {} of {} takes {} bytes; {} were given.",
                shape_text(shape), dtype_name(dtype), size, bytes.size());
  }
  if (reinterpret_cast<std::uintptr_t>(bytes.data()) % dtype_bytes(dtype) != 0) {
    return fail(Errc::invalid_argument,
                "Memory at an odd address cannot be read as {}; copy it first.", dtype_name(dtype));
  }
  Tensor tensor;
  tensor.dtype_ = dtype;
  tensor.shape_ = std::move(shape);
  tensor.bytes_ = bytes;
  tensor.owner_ = std::move(owner);
  return tensor;
}

std::uint64_t Tensor::elements() const {
  const std::size_t size = dtype_bytes(dtype_);
  return size == 0 ? element_count(shape_).value_or(0) : bytes_.size() / size;
}

Tensor Tensor::share() {
  writable_ = nullptr;
  Tensor alias;
  alias.dtype_ = dtype_;
  alias.shape_ = shape_;
  alias.bytes_ = bytes_;
  alias.owner_ = owner_;
  return alias;
}

Result<Tensor> Tensor::reshaped(Shape shape) {
  ACCEL_TRY(const std::uint64_t count, element_count(shape));
  if (count != elements()) {
    return fail(Errc::invalid_argument,
                "A tensor of shape {} cannot be read as {}: {} elements are not {}.",
                shape_text(shape_), shape_text(shape), elements(), count);
  }
  Tensor alias = share();
  alias.shape_ = std::move(shape);
  return alias;
}

Result<Tensor> Tensor::rows(std::int64_t first, std::int64_t count) {
  if (shape_.empty()) return fail(Errc::invalid_argument, "A scalar has no rows.");
  if (first < 0 || count < 0 || first > shape_[0] || count > shape_[0] - first) {
    return fail(Errc::invalid_argument,
                "{} rows from row {} on do not lie in a tensor of shape {}.", count, first,
                shape_text(shape_));
  }
  if (dtype_bytes(dtype_) == 0)
    return fail(Errc::unsupported, "Rows of a tensor of {} are not cut.", dtype_name(dtype_));
  const std::size_t row_bytes =
      shape_[0] == 0 ? 0 : bytes_.size() / static_cast<std::size_t>(shape_[0]);
  Tensor alias = share();
  alias.bytes_ = bytes_.subspan(static_cast<std::size_t>(first) * row_bytes,
                                static_cast<std::size_t>(count) * row_bytes);
  alias.shape_[0] = count;
  return alias;
}

}  // namespace accel::tensor
