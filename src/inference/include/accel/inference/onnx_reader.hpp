// SPDX-License-Identifier: Apache-2.0
#pragma once
// A reader of ONNX files that trusts nothing: it walks the protobuf framing with bounds, and lists
// inputs, outputs and initializers with the place of their bytes, without copying or decoding
// weights. Used by the engines before their own parsers see a file (a corrupt file becomes a
// sentence, not a crash), by the skeleton loader, and by models (external data files). Spec:
// onnx.proto3 of ONNX 1.x (IR versions 3 to 13). Plain functions; results borrow nothing but the
// offsets.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "accel/core/bytes.hpp"
#include "accel/inference/session.hpp"

namespace accel::inference {

struct ByteRange {
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
  std::uint64_t end() const { return offset + length; }
};

struct ExternalPlace {
  std::string location;  // Relative to the model's folder; never absolute, never with "..".
  std::uint64_t offset = 0;
  std::optional<std::uint64_t> length;
};

struct OnnxInitializer {
  std::string name;
  std::int32_t onnx_type = 0;  // TensorProto.DataType.
  std::vector<std::int64_t> dims;
  std::uint64_t field_start = 0;  // Where the tag of the initializer lies in the file.
  ByteRange message;              // The whole TensorProto in the file, without its tag and length.
  // raw_data in the file; absent for typed fields (float_data, ...) and external data.
  std::optional<ByteRange> raw;
  std::optional<ExternalPlace> external;  // Set when the bytes lie in another file.
};

struct OnnxSummary {
  std::int64_t ir_version = 0;
  std::int64_t opset = 0;  // Of the default domain; 0 when the file names none.
  std::string producer;
  std::vector<TensorSpec> inputs;  // Without initializers that double as inputs.
  std::vector<TensorSpec> outputs;
  // Of the main graph; those of sub-graphs are checked, not listed.
  std::vector<OnnxInitializer> initializers;
  std::vector<ExternalPlace> external;  // Of every tensor in the file, sub-graphs included.
  std::uint64_t graph_field_start = 0;  // Where the tag of the graph lies in the file.
  ByteRange graph;                      // The GraphProto in the file.
  std::uint64_t node_count = 0;         // With sub-graphs.
  bool draws = false;                   // A node draws at random, in whichever graph.
};

// Limits, each far above real models and far below what hurts.
constexpr std::uint64_t kMaxOnnxBytes = 1ULL << 31;  // protobuf's own limit for one message.
constexpr std::size_t kMaxOnnxInitializers = 1'000'000;
constexpr std::size_t kMaxOnnxNodes = 4'000'000;
constexpr std::size_t kMaxOnnxPorts = 4096;  // Inputs, and outputs.
constexpr std::size_t kMaxOnnxNameBytes = 4096;
constexpr std::size_t kMaxOnnxDepth = 16;  // Nested sub-graphs (If, Loop, Scan).

// Errors: corrupt (where and what: framing, sizes that do not match, a path that leaves the model's
// folder), unsupported (a type of input that is no tensor).
Result<OnnxSummary> read_onnx(ByteView file);

// Whether the graph makes sense before an engine follows it: every value that is used is made once,
// by an input, an initializer or a node, and no nodes wait for each other in a circle. `summary` is
// what read_onnx() said of `file`. Errors: corrupt (names the value).
Status check_onnx_graph(ByteView file, const OnnxSummary& summary);

// Errors: corrupt when an external file is missing, too short, or no regular file below `folder`
// (symbolic links that lead out of it are refused too).
Status check_external_data(const OnnxSummary& summary, const std::filesystem::path& folder);

}  // namespace accel::inference
