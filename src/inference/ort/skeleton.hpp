// SPDX-License-Identifier: Apache-2.0
#pragma once
// The skeleton of a stored model: its graph with the large initializers turned into external data
// that points back into the stored file. ONNX Runtime maps external data instead of copying it, so
// the weights stay shared with the page cache: half the memory and half the time to the first
// result of loading by path (README.md, "Loading without copies"). Used by the ONNX Runtime engine.
// Plain functions. Spec: onnx.proto3, TensorProto.external_data.

#include <string_view>

#include "accel/core/bytes.hpp"
#include "accel/inference/onnx_reader.hpp"

namespace accel::inference::ort {

// Smaller initializers stay inside: shape inference must read small constants, and a mapping costs
// a page.
constexpr std::uint64_t kSkeletonMinBytes = 16 * 1024;

struct Skeleton {
  Bytes model;            // An ONNX file without its large weights.
  std::size_t moved = 0;  // Initializers that became external.
  std::uint64_t moved_bytes = 0;
};

// `file_name` is the stored file's name in its folder; `file` its bytes, `summary` what read_onnx()
// said of them.
Skeleton make_skeleton(ByteView file, const OnnxSummary& summary, std::string_view file_name);

// Whether a skeleton would gain anything: some initializer is large and inside the file.
bool is_worth_a_skeleton(const OnnxSummary& summary);

}  // namespace accel::inference::ort
