// SPDX-License-Identifier: Apache-2.0
#pragma once
// ONNX's TensorProto.DataType and our DType. Used by the ONNX reader, the ONNX Runtime engine
// (whose enum has the same values) and the canary. Spec: onnx.proto3, TensorProto.DataType.

#include <cstdint>
#include <optional>

#include "accel/tensor/dtype.hpp"

namespace accel::inference::detail {

constexpr std::int32_t kOnnxString = 8;

std::optional<tensor::DType> dtype_from_onnx(std::int32_t onnx_type);
std::int32_t onnx_from_dtype(tensor::DType dtype);
// Bits of one element as raw_data stores it: 2 and 4 for the packed types; 0 for strings, unknown
// and undefined.
std::uint32_t onnx_type_bits(std::int32_t onnx_type);

}  // namespace accel::inference::detail
