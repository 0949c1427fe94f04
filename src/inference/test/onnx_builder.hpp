// SPDX-License-Identifier: Apache-2.0
#pragma once
// Builds small ONNX files for tests, valid and hostile ones alike. Spec: onnx.proto3.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proto_writer.hpp"

namespace accel::inference::testing {

using detail::put_bytes;
using detail::put_text;
using detail::put_varint_field;

struct TensorParts {
  std::string name = "w";
  std::vector<std::int64_t> dims{2};
  std::uint64_t type = 1;  // float
  Bytes raw = Bytes(8);
  std::vector<std::pair<std::string, std::string>> external = {};  // Then raw is left out.
};

inline Bytes tensor(const TensorParts& parts) {
  Bytes out;
  for (const std::int64_t dim : parts.dims) {
    put_varint_field(out, 1, static_cast<std::uint64_t>(dim));
  }
  put_varint_field(out, 2, parts.type);
  put_text(out, 8, parts.name);
  for (const auto& [key, value] : parts.external) {
    Bytes entry;
    put_text(entry, 1, key);
    put_text(entry, 2, value);
    put_bytes(out, 13, entry);
  }
  if (parts.external.empty()) {
    put_bytes(out, 9, parts.raw);
  } else {
    put_varint_field(out, 14, 1);
  }
  return out;
}

// A dim below zero becomes a named, dynamic one.
inline Bytes value(std::string_view name, std::span<const std::int64_t> dims,
                   std::uint64_t type = 1) {
  Bytes shape;
  for (const std::int64_t dim : dims) {
    Bytes part;
    if (dim < 0) {
      put_text(part, 2, "n");
    } else {
      put_varint_field(part, 1, static_cast<std::uint64_t>(dim));
    }
    put_bytes(shape, 1, part);
  }
  Bytes tensor_type;
  put_varint_field(tensor_type, 1, type);
  put_bytes(tensor_type, 2, shape);
  Bytes wrapped;
  put_bytes(wrapped, 1, tensor_type);
  Bytes out;
  put_text(out, 1, name);
  put_bytes(out, 2, wrapped);
  return out;
}

inline Bytes node(std::string_view op, std::vector<std::string> inputs, std::string_view output) {
  Bytes out;
  for (const std::string& input : inputs) put_text(out, 1, input);
  put_text(out, 2, output);
  put_text(out, 4, op);
  return out;
}

struct GraphParts {
  std::vector<Bytes> nodes;
  std::vector<Bytes> initializers;
  std::vector<Bytes> inputs;
  std::vector<Bytes> outputs;
};

inline Bytes graph(const GraphParts& parts) {
  Bytes out;
  for (const Bytes& part : parts.nodes) put_bytes(out, 1, part);
  put_text(out, 2, "g");
  for (const Bytes& part : parts.initializers) put_bytes(out, 5, part);
  for (const Bytes& part : parts.inputs) put_bytes(out, 11, part);
  for (const Bytes& part : parts.outputs) put_bytes(out, 12, part);
  return out;
}

inline Bytes model(const Bytes& graph_bytes, std::uint64_t opset = 13) {
  Bytes out;
  put_varint_field(out, 1, 8);
  put_text(out, 2, "test");
  put_bytes(out, 7, graph_bytes);
  Bytes opset_bytes;
  put_text(opset_bytes, 1, "");
  put_varint_field(opset_bytes, 2, opset);
  put_bytes(out, 8, opset_bytes);
  return out;
}

inline Bytes floats(std::span<const float> values) {
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(values.data());
  return {bytes, bytes + values.size_bytes()};
}

// y = x + w, float32[n, 2]: the smallest model that computes.
inline GraphParts add_graph() {
  const std::vector<std::int64_t> dims{-1, 2};
  const std::vector<float> weights{1.0F, 2.0F};
  return {{node("Add", {"x", "w"}, "y")},
          {tensor({.name = "w", .dims = {2}, .type = 1, .raw = floats(weights), .external = {}})},
          {value("x", dims)},
          {value("y", dims)}};
}

}  // namespace accel::inference::testing
