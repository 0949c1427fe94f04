// SPDX-License-Identifier: Apache-2.0
#include "onnx_types.hpp"

#include <array>

namespace accel::inference::detail {
namespace {

using tensor::DType;

struct Row {
  std::int32_t onnx_type;
  DType dtype;
};

constexpr std::array kRows{
    Row{1, DType::f32},   Row{2, DType::u8},
    Row{3, DType::i8},    Row{4, DType::u16},
    Row{5, DType::i16},   Row{6, DType::i32},
    Row{7, DType::i64},   Row{9, DType::boolean},
    Row{10, DType::f16},  Row{11, DType::f64},
    Row{12, DType::u32},  Row{13, DType::u64},
    Row{16, DType::bf16}, Row{kOnnxString, DType::string},
};

}  // namespace

std::optional<DType> dtype_from_onnx(std::int32_t onnx_type) {
  for (const Row& row : kRows) {
    if (row.onnx_type == onnx_type) return row.dtype;
  }
  return std::nullopt;
}

std::int32_t onnx_from_dtype(DType dtype) {
  for (const Row& row : kRows) {
    if (row.dtype == dtype) return row.onnx_type;
  }
  return 0;
}

std::uint32_t onnx_type_bits(std::int32_t onnx_type) {
  if (const auto dtype = dtype_from_onnx(onnx_type)) {
    return static_cast<std::uint32_t>(tensor::dtype_bytes(*dtype) * 8);
  }
  switch (onnx_type) {
    case 14:
      return 64;  // complex64
    case 15:
      return 128;  // complex128
    case 17:
    case 18:
    case 19:
    case 20:
    case 24:
      return 8;  // float8 and its kin
    case 21:
    case 22:
    case 23:
      return 4;  // uint4, int4, float4
    case 25:
    case 26:
      return 2;  // uint2, int2
    default:
      return 0;
  }
}

}  // namespace accel::inference::detail
