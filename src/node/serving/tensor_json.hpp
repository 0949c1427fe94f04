// SPDX-License-Identifier: Apache-2.0
#pragma once
// Tensors in the JSON of the Open Inference Protocol v2: {"name", "datatype", "shape", "data"}, the
// data flat or nested, row-major. Used by model.infer. Pure functions over JSON of strangers.

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "accel/tensor/tensor.hpp"

namespace accel::node {

constexpr std::uint64_t kMaxTensorElements = 64U << 20U;  // Of one input in JSON.
constexpr std::size_t kMaxTensorRank = 16;

struct NamedInput {
  std::string name;
  tensor::Tensor value;
};

// "data" may also be a JSON value of type binary: the elements' bytes, little-endian; each of a
// BYTES tensor behind its length of 32 bits (tensor.hpp). In JSON those are strings. Errors:
// invalid_argument (names the tensor and what is wrong with it), unsupported (FP16, BF16 as JSON).
Result<NamedInput> tensor_of_json(const nlohmann::json& value);
// Errors: unsupported (FP16, BF16, BYTES that are no UTF-8, and values that are not finite, where
// they are not `binary`).
Result<nlohmann::json> json_of_tensor(std::string_view name, const tensor::Tensor& value,
                                      bool binary = false);
// "FP32", "INT64", "BOOL": the protocol's spelling.
std::string_view oip_datatype(tensor::DType dtype);

}  // namespace accel::node
