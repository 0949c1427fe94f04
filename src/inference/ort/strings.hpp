// SPDX-License-Identifier: Apache-2.0
#pragma once
// Tensors of strings in ONNX Runtime, whose C API hands them over by copies alone: each element is
// an object of the runtime's own. Used by ort/session. Threads: any.

#include "accel/tensor/tensor.hpp"
#include "ort/runtime.hpp"

namespace accel::inference::ort {

// Errors: internal (the runtime's own words are the cause).
Result<Handle<OrtValue>> value_of_strings(const Runtime& runtime, const tensor::Tensor& strings);
// Errors: resource_exhausted (more than a tensor of strings may have; names the output), internal.
Result<tensor::Tensor> strings_of_value(const Runtime& runtime, const OrtValue* value,
                                        tensor::Shape shape, const std::string& name);

}  // namespace accel::inference::ort
