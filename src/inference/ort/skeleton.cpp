// SPDX-License-Identifier: Apache-2.0
#include "ort/skeleton.hpp"

#include "proto_writer.hpp"

namespace accel::inference::ort {
namespace {

// Field numbers of onnx.proto3.
constexpr std::uint32_t kModelGraph = 7;
constexpr std::uint32_t kGraphInitializer = 5;
constexpr std::uint32_t kTensorDims = 1;
constexpr std::uint32_t kTensorType = 2;
constexpr std::uint32_t kTensorName = 8;
constexpr std::uint32_t kTensorExternal = 13;
constexpr std::uint32_t kTensorLocation = 14;
constexpr std::uint64_t kExternal = 1;

bool moves(const OnnxInitializer& tensor) {
  return tensor.raw && tensor.raw->length >= kSkeletonMinBytes;
}

void append(Bytes& out, ByteView file, std::uint64_t begin, std::uint64_t end) {
  const ByteView part = file.subspan(begin, end - begin);
  out.insert(out.end(), part.begin(), part.end());
}

void put_entry(Bytes& out, std::string_view key, std::string_view value) {
  Bytes entry;
  detail::put_text(entry, 1, key);
  detail::put_text(entry, 2, value);
  detail::put_bytes(out, kTensorExternal, entry);
}

Bytes external_tensor(const OnnxInitializer& tensor, std::string_view file_name) {
  Bytes out;
  for (const std::int64_t dim : tensor.dims) {
    detail::put_varint_field(out, kTensorDims, static_cast<std::uint64_t>(dim));
  }
  detail::put_varint_field(out, kTensorType, static_cast<std::uint64_t>(tensor.onnx_type));
  detail::put_text(out, kTensorName, tensor.name);
  put_entry(out, "location", file_name);
  put_entry(out, "offset", std::to_string(tensor.raw->offset));
  put_entry(out, "length", std::to_string(tensor.raw->length));
  detail::put_varint_field(out, kTensorLocation, kExternal);
  return out;
}

}  // namespace

bool is_worth_a_skeleton(const OnnxSummary& summary) {
  for (const OnnxInitializer& tensor : summary.initializers) {
    if (moves(tensor)) return true;
  }
  return false;
}

Skeleton make_skeleton(ByteView file, const OnnxSummary& summary, std::string_view file_name) {
  Skeleton skeleton;
  Bytes graph;
  std::uint64_t copied = summary.graph.offset;
  for (const OnnxInitializer& tensor : summary.initializers) {
    if (!moves(tensor)) continue;
    append(graph, file, copied, tensor.field_start);
    detail::put_bytes(graph, kGraphInitializer, external_tensor(tensor, file_name));
    copied = tensor.message.end();
    skeleton.moved += 1;
    skeleton.moved_bytes += tensor.raw->length;
  }
  append(graph, file, copied, summary.graph.end());
  append(skeleton.model, file, 0, summary.graph_field_start);
  detail::put_bytes(skeleton.model, kModelGraph, graph);
  append(skeleton.model, file, summary.graph.end(), file.size());
  return skeleton;
}

}  // namespace accel::inference::ort
