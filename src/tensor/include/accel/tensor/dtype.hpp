// SPDX-License-Identifier: Apache-2.0
#pragma once
// Element types of tensors. Used by inference, models and everything that carries tensors. Plain
// values; thread-safe. Names and sizes are those of ONNX (TensorProto.DataType) where ONNX has the
// type; half types are raw 16-bit patterns. Strings have no C++ type here and no fixed size: what
// computes with element sizes refuses them (byte_count), tensor.hpp says how they lie.

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>

#include "accel/core/result.hpp"

namespace accel::tensor {

enum class DType : std::uint8_t {
  f32,
  f64,
  f16,
  bf16,
  i8,
  u8,
  i16,
  u16,
  i32,
  u32,
  i64,
  u64,
  boolean,
  string,
};

// Bytes of one element: 1, 2, 4 or 8; 0 of strings.
std::size_t dtype_bytes(DType dtype);
// "f32", "i64", "bool", "string": the spelling in manifests, messages and JSON.
std::string_view dtype_name(DType dtype);
// The inverse of dtype_name(). Errors: invalid_argument naming the known types.
Result<DType> dtype_from_name(std::string_view name);

namespace detail {
template <class>
inline constexpr bool always_false = false;
}

// dtype_of<float>() is DType::f32. The 16-bit floats have no C++ type here: read them as bytes;
// strings as Tensor::strings().
template <class T>
constexpr DType dtype_of() {
  using U = std::remove_cv_t<T>;
  if constexpr (std::is_same_v<U, float>)
    return DType::f32;
  else if constexpr (std::is_same_v<U, double>)
    return DType::f64;
  else if constexpr (std::is_same_v<U, bool>)
    return DType::boolean;
  else if constexpr (std::is_same_v<U, std::int8_t>)
    return DType::i8;
  else if constexpr (std::is_same_v<U, std::uint8_t>)
    return DType::u8;
  else if constexpr (std::is_same_v<U, std::int16_t>)
    return DType::i16;
  else if constexpr (std::is_same_v<U, std::uint16_t>)
    return DType::u16;
  else if constexpr (std::is_same_v<U, std::int32_t>)
    return DType::i32;
  else if constexpr (std::is_same_v<U, std::uint32_t>)
    return DType::u32;
  else if constexpr (std::is_same_v<U, std::int64_t>)
    return DType::i64;
  else if constexpr (std::is_same_v<U, std::uint64_t>)
    return DType::u64;
  else
    static_assert(detail::always_false<T>, "no DType for this C++ type");
}

}  // namespace accel::tensor
