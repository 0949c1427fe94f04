// SPDX-License-Identifier: Apache-2.0
#include "accel/models/tensor_index.hpp"

#include <fnmatch.h>

#include <algorithm>

#include "accel/core/edit_distance.hpp"
#include "accel/inference/onnx_reader.hpp"

namespace accel::models {
namespace {

constexpr std::size_t kNearNames = 3;
constexpr std::size_t kNearAmong = 10'000;  // Of a file with more, the first ones say enough.
constexpr std::size_t kNearBytes = 128;

// TensorProto.DataType of onnx.proto3.
constexpr std::string_view kOnnxTypes[] = {"UNDEFINED", "F32",  "U8",       "I8",   "U16",  "I16",
                                           "I32",       "I64",  "STRING",   "BOOL", "F16",  "F64",
                                           "U32",       "U64",  "C64",      "C128", "BF16", "F8E4",
                                           "F8E4",      "F8E5", "F8E5FNUZ", "U4",   "I4",   "F4"};

std::string onnx_type(std::int32_t type) {
  const bool known = type >= 0 && static_cast<std::size_t>(type) < std::size(kOnnxTypes);
  return known ? std::string(kOnnxTypes[static_cast<std::size_t>(type)])
               : fmt::format("type {}", type);
}

TensorPlace place_of(const inference::OnnxInitializer& initializer) {
  TensorPlace tensor;
  tensor.name = initializer.name;
  tensor.dtype = onnx_type(initializer.onnx_type);
  for (const std::int64_t dim : initializer.dims) {
    tensor.shape.push_back(static_cast<std::uint64_t>(dim));
  }
  const inference::ByteRange bytes = initializer.raw.value_or(initializer.message);
  tensor.offset = bytes.offset;
  tensor.length = bytes.length;
  if (initializer.external) {
    tensor.file = initializer.external->location;
    tensor.offset = initializer.external->offset;
    tensor.length = initializer.external->length.value_or(0);
  }
  return tensor;
}

std::string near_names(const TensorIndex& index, const std::string& pattern) {
  std::vector<std::pair<std::size_t, std::string_view>> near;
  for (const TensorPlace& tensor : index.tensors) {
    if (near.size() == kNearAmong) break;
    const std::string_view name = std::string_view(tensor.name).substr(0, kNearBytes);
    near.emplace_back(edit_distance(name, pattern.substr(0, kNearBytes)), name);
  }
  const auto middle = near.begin() + static_cast<std::ptrdiff_t>(std::min(kNearNames, near.size()));
  std::partial_sort(near.begin(), middle, near.end());
  std::string text;
  for (auto it = near.begin(); it != middle; ++it) {
    text += fmt::format("{}{}", text.empty() ? "" : ", ", it->second);
  }
  return text;
}

}  // namespace

Result<TensorIndex> read_onnx_tensors(ByteView file) {
  ACCEL_TRY(const inference::OnnxSummary summary, inference::read_onnx(file));
  TensorIndex index;
  index.format = "onnx";
  for (const auto& initializer : summary.initializers) {
    index.tensors.push_back(place_of(initializer));
  }
  return index;
}

Result<WeightsFormat> weights_format(std::string_view name, ByteView start) {
  if (name.ends_with(".safetensors")) return WeightsFormat::safetensors;
  if (name.ends_with(".gguf")) return WeightsFormat::gguf;
  if (name.ends_with(".onnx")) return WeightsFormat::onnx;
  const std::string_view text = as_text(start);
  if (text.starts_with("GGUF")) return WeightsFormat::gguf;
  if (text.size() > 8 && text[8] == '{') return WeightsFormat::safetensors;
  if (text.starts_with('\x08')) return WeightsFormat::onnx;  // ir_version comes first.
  return fail(Errc::unsupported,
              "This file is no weights file that is known here: safetensors, GGUF or ONNX.");
}

Result<std::vector<TensorPlace>> select_tensors(const TensorIndex& index,
                                                const std::vector<std::string>& patterns) {
  if (patterns.empty()) return index.tensors;
  std::vector<bool> used(patterns.size());
  std::vector<TensorPlace> selected;
  for (const TensorPlace& tensor : index.tensors) {
    bool matches = false;
    for (std::size_t i = 0; i < patterns.size(); ++i) {
      if (::fnmatch(patterns[i].c_str(), tensor.name.c_str(), 0) != 0) continue;
      used[i] = matches = true;
    }
    if (matches) selected.push_back(tensor);
  }
  const auto unused = std::ranges::find(used, false);
  if (unused == used.end()) return selected;
  const std::string& pattern = patterns[static_cast<std::size_t>(unused - used.begin())];
  return fail(Errc::not_found, "No tensor matches \"{}\"; the file has {}, such as {}.", pattern,
              index.tensors.size(), near_names(index, pattern));
}

}  // namespace accel::models
