// SPDX-License-Identifier: Apache-2.0
#pragma once
// A dense row-major tensor: element type, shape and contiguous bytes. A string's bytes are its
// length, 32 bits little-endian, and so many bytes of any content; those of a tensor of strings are
// one after the other, as the binary tensors of the Open Inference Protocol write BYTES. Used by
// models to fill inputs and by inference engines to hand out results without copying.
//
// Ownership: a Tensor owns aligned memory, or borrows it, with or without a handle that keeps it
// alive (a mapped file, a result that lies in an engine's memory). Move-only; share() makes a
// second Tensor over the same memory on purpose. Threads: const access from many threads; writing
// only by the one that filled it, before it is shared.

#include <algorithm>
#include <initializer_list>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "accel/core/bytes.hpp"
#include "accel/tensor/shape.hpp"

namespace accel::tensor {

constexpr std::size_t kTensorAlignment =
    64;  // A cache line and the widest vector register (AVX-512).

// Of one tensor of strings: engines make an object of each.
constexpr std::uint64_t kMaxStrings = 1U << 20U;
constexpr std::uint64_t kMaxStringBytes = 256U << 20U;  // With their lengths.

class Tensor {
 public:
  // f32, shape [0]: a placeholder.
  Tensor() : shape_{0} {}
  Tensor(Tensor&&) noexcept = default;
  Tensor& operator=(Tensor&&) noexcept = default;
  Tensor(const Tensor&) = delete;
  Tensor& operator=(const Tensor&) = delete;
  ~Tensor() = default;

  // Zeroed memory of its own, aligned to kTensorAlignment.
  // Errors: invalid_argument (the shape, or strings), resource_exhausted (the machine does not have
  // that much).
  static Result<Tensor> zeros(DType dtype, Shape shape);

  // Memory that lies elsewhere, not copied. `owner` keeps it alive (its owners: this tensor and
  // what share() makes of it); without one, the caller does. Errors: invalid_argument when
  // bytes.size() is not what dtype and shape say, when the memory is not aligned for the element
  // type, or of strings.
  static Result<Tensor> borrow(DType dtype, Shape shape, ByteView bytes,
                               std::shared_ptr<const void> owner = {});

  // A copy of values. Errors: as zeros; invalid_argument when their number does not fit the shape.
  template <class T>
  static Result<Tensor> copy_of(Shape shape, std::span<const T> values);
  template <class T>
  static Result<Tensor> of(Shape shape, std::initializer_list<T> values) {
    return copy_of<T>(std::move(shape), std::span<const T>(values.begin(), values.size()));
  }

  // Strings, copied; never written to afterwards. Errors: invalid_argument when their number does
  // not fit the shape, or beyond kMaxStrings or kMaxStringBytes; resource_exhausted, as zeros.
  static Result<Tensor> of_strings(Shape shape, std::span<const std::string_view> values);
  // The same of bytes as they lie in such a tensor, by strangers. Errors: as above; also
  // invalid_argument (a length that leads beyond the end, too few or too many elements).
  static Result<Tensor> of_packed_strings(Shape shape, ByteView packed);

  DType dtype() const { return dtype_; }
  const Shape& shape() const { return shape_; }
  std::uint64_t elements() const;
  ByteView bytes() const { return bytes_; }
  bool owns_memory() const { return writable_ != nullptr; }

  // The elements as T; empty when T is not the element type (check dtype() of what comes from a
  // model).
  template <class T>
  std::span<const T> data() const;
  // The elements of strings, which lie in this tensor's memory; empty of other types.
  std::vector<std::string_view> strings() const;
  // The same as data() for writing; empty too when the memory is borrowed or shared.
  template <class T>
  std::span<T> mutable_data();
  std::span<std::uint8_t> mutable_bytes() { return {writable_, writable_ ? bytes_.size() : 0}; }

  // A read-only alias of the same memory. Memory that is borrowed without an owner must outlive it
  // too. From here on this tensor is read-only as well.
  Tensor share();
  // The same memory under another shape. Errors: invalid_argument when the number of elements
  // differs.
  Result<Tensor> reshaped(Shape shape);
  // Rows [first, first + count) of the first axis, the same memory. Errors: invalid_argument (a
  // scalar, or out of range), unsupported (strings).
  Result<Tensor> rows(std::int64_t first, std::int64_t count);

 private:
  static Result<Tensor> packed_memory(Shape shape, std::uint64_t size_bytes);

  DType dtype_ = DType::f32;
  Shape shape_;
  ByteView bytes_;
  std::uint8_t* writable_ = nullptr;  // Set while this is the only tensor over memory of its own.
  std::shared_ptr<const void>
      owner_;  // Keeps bytes_ alive; shared by the aliases that share() makes.
};

template <class T>
std::span<const T> Tensor::data() const {
  if (dtype_ != dtype_of<T>()) return {};
  return {reinterpret_cast<const T*>(bytes_.data()), bytes_.size() / sizeof(T)};
}

template <class T>
std::span<T> Tensor::mutable_data() {
  if (dtype_ != dtype_of<T>() || writable_ == nullptr) return {};
  return {reinterpret_cast<T*>(writable_), bytes_.size() / sizeof(T)};
}

template <class T>
Result<Tensor> Tensor::copy_of(Shape shape, std::span<const T> values) {
  ACCEL_TRY(Tensor tensor, zeros(dtype_of<T>(), std::move(shape)));
  if (tensor.elements() != values.size()) {
    return fail(Errc::invalid_argument, "{} values do not fill a tensor of shape {}.",
                values.size(), shape_text(tensor.shape()));
  }
  std::copy(values.begin(), values.end(), tensor.mutable_data<T>().begin());
  return tensor;
}

}  // namespace accel::tensor
