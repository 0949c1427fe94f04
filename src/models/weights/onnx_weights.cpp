// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <map>
#include <set>

#include "accel/core/file.hpp"
#include "accel/inference/onnx_reader.hpp"
#include "layouts.hpp"

namespace accel::models {
namespace {

// A type of onnx.proto3's TensorProto.DataType as manifests spell it, and its bits.
struct WeightType {
  std::int32_t onnx_type;
  std::string_view precision;
  std::uint64_t bits;
};
constexpr WeightType kWeightTypes[] = {
    {1, "f32", 32}, {11, "f64", 64}, {10, "f16", 16}, {16, "bf16", 16},
    {2, "int8", 8}, {3, "int8", 8},  {21, "int4", 4}, {22, "int4", 4},
    {17, "f8", 8},  {18, "f8", 8},   {19, "f8", 8},   {20, "f8", 8},
};
constexpr std::string_view kPrecisionOrder[] = {"f32", "f64", "bf16", "f16", "f8", "int8", "int4"};

}  // namespace

int precision_rank(std::string_view precision) {
  const auto* const end = std::end(kPrecisionOrder);
  return static_cast<int>(std::find(std::begin(kPrecisionOrder), end, precision) -
                          std::begin(kPrecisionOrder));
}

Result<OnnxWeights> inspect_onnx(const std::filesystem::path& file) {
  ACCEL_TRY(const MappedFile map, MappedFile::open(file));
  ACCEL_TRY(const inference::OnnxSummary summary, inference::read_onnx(map.data()));
  std::map<std::string_view, std::uint64_t> bits;
  std::set<std::string> externals;
  for (const inference::OnnxInitializer& tensor : summary.initializers) {
    if (tensor.external) externals.insert(tensor.external->location);
    for (const WeightType& type : kWeightTypes) {
      if (type.onnx_type != tensor.onnx_type) continue;
      bits[type.precision] += tensor::element_count(tensor.dims).value_or(0) * type.bits;
    }
  }
  const auto most = std::max_element(
      bits.begin(), bits.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  OnnxWeights weights{std::string(most == bits.end() ? "f32" : most->first),
                      {externals.begin(), externals.end()},
                      {}};
  for (const inference::TensorSpec& input : summary.inputs) weights.inputs.push_back(input.name);
  return weights;
}

}  // namespace accel::models
