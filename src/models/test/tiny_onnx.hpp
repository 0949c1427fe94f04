// SPDX-License-Identifier: Apache-2.0
#pragma once
// Tiny ONNX files for tests: one output and some weights, in the file or outside. Spec:
// onnx.proto3.

#include <string>
#include <string_view>
#include <vector>

namespace accel::models::testing {

inline std::string varint(std::uint64_t value) {
  std::string out;
  for (; value > 0x7F; value >>= 7U) out.push_back(static_cast<char>((value & 0x7FU) | 0x80U));
  out.push_back(static_cast<char>(value));
  return out;
}
inline std::string number(std::uint64_t field, std::uint64_t value) {
  return varint(field << 3U) + varint(value);
}
inline std::string block(std::uint64_t field, std::string_view bytes) {
  return varint(field << 3U | 2U) + varint(bytes.size()) + std::string(bytes);
}

struct TinyWeight {
  std::uint64_t type = 1;     // TensorProto.DataType: 1 is float, 3 is int8.
  std::uint64_t count = 4;    // Elements.
  std::uint64_t bytes = 16;   // As many as type and count say.
  std::string external = {};  // A file that holds them.
};

inline std::string tiny_weight(const TinyWeight& weight, std::string_view name) {
  std::string out = number(1, weight.count) + number(2, weight.type) + block(8, name);
  if (weight.external.empty()) return out + block(9, std::string(weight.bytes, '\0'));
  const auto entry = [](std::string_view key, std::string_view value) {
    return block(13, block(1, key) + block(2, value));
  };
  return out + entry("location", weight.external) + entry("offset", "0") +
         entry("length", std::to_string(weight.bytes)) + number(14, 1);
}

inline std::string tiny_onnx(const std::vector<TinyWeight>& weights) {
  const std::string type = block(1, number(1, 1) + block(2, block(1, number(1, 4))));
  const std::string output = block(1, "y") + block(2, type);
  std::string graph = block(1, block(1, "w0") + block(2, "y") + block(4, "Identity"));
  graph += block(2, "g");
  for (std::size_t i = 0; i < weights.size(); ++i) {
    graph += block(5, tiny_weight(weights[i], "w" + std::to_string(i)));
  }
  graph += block(12, output);
  return number(1, 8) + block(8, block(1, "") + number(2, 13)) + block(7, graph);
}

}  // namespace accel::models::testing
