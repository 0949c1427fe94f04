// SPDX-License-Identifier: Apache-2.0
#pragma once
// Reads one TensorProto: its name, dims and the place of its bytes, and checks that they fit each
// other. Used by onnx_reader.cpp. Spec: onnx.proto3, TensorProto.

#include "accel/inference/onnx_reader.hpp"

namespace accel::inference::detail {

// Errors: corrupt.
Result<OnnxInitializer> read_tensor(ByteView file, ByteRange message);

// Errors: corrupt when the path is absolute, empty, has a ".." or a zero byte, or is no plain
// relative path.
Status check_external_location(std::string_view location);

}  // namespace accel::inference::detail
