// SPDX-License-Identifier: Apache-2.0
#include "ort/shareable.hpp"

#include <gtest/gtest.h>

#include "onnx_builder.hpp"

namespace accel::inference::ort {
namespace {

using testing::GraphParts;
using testing::node;

constexpr std::int64_t kSide = 64;  // 64 x 64 float32: 16 KiB, just large enough.

Bytes weight(std::string_view name, std::uint64_t type = 1, std::size_t element_bytes = 4) {
  return testing::tensor({.name = std::string(name),
                          .dims = {kSide, kSide},
                          .type = type,
                          .raw = Bytes(std::size_t{kSide * kSide} * element_bytes, 1),
                          .external = {}});
}

GraphParts matmul_graph() {
  const std::vector<std::int64_t> dims{-1, kSide};
  return {{node("MatMul", {"x", "w"}, "y")},
          {weight("w")},
          {testing::value("x", dims)},
          {testing::value("y", dims)}};
}

std::vector<std::string> shareable(const Bytes& file) {
  const OnnxSummary summary = read_onnx(file).value();
  const std::vector<std::size_t> places = find_shareable(file, summary).value();
  std::vector<std::string> names;
  for (const std::size_t index : places) names.push_back(summary.initializers[index].name);
  return names;
}

std::vector<std::string> shareable(const GraphParts& parts) {
  return shareable(testing::model(testing::graph(parts)));
}

TEST(Shareable, is_what_an_operator_takes_as_its_weights_beside_a_value) {
  EXPECT_EQ(shareable(matmul_graph()), std::vector<std::string>{"w"});
}

TEST(Shareable, is_not_what_an_optimization_may_turn_around_in_place) {
  GraphParts parts = matmul_graph();
  parts.nodes.push_back(node("Add", {"y", "w"}, "z"));
  EXPECT_TRUE(shareable(parts).empty());
  parts = matmul_graph();
  parts.nodes = {node("MatMul", {"w", "x"}, "y")};
  EXPECT_TRUE(shareable(parts).empty());
}

TEST(Shareable, is_not_what_is_folded) {
  GraphParts parts = matmul_graph();
  parts.initializers.push_back(weight("v"));
  parts.nodes.push_back(node("MatMul", {"v", "w"}, "folded"));
  EXPECT_TRUE(shareable(parts).empty());
  parts = matmul_graph();
  parts.nodes.push_back(node("Constant", {}, "c"));
  parts.nodes.push_back(node("MatMul", {"c", "w"}, "folded"));
  EXPECT_TRUE(shareable(parts).empty());
}

TEST(Shareable, is_not_what_a_subgraph_names) {
  GraphParts inner;
  inner.nodes = {node("Identity", {"w"}, "inner")};
  Bytes attribute;
  testing::put_bytes(attribute, 6, testing::graph(inner));
  Bytes loop = node("Loop", {"x"}, "z");
  testing::put_bytes(loop, 5, attribute);
  GraphParts parts = matmul_graph();
  parts.nodes.push_back(loop);
  EXPECT_TRUE(shareable(parts).empty());
}

TEST(Shareable, is_not_what_a_subgraph_calls_by_the_same_name) {
  GraphParts inner;
  inner.initializers = {weight("w")};
  Bytes attribute;
  testing::put_bytes(attribute, 6, testing::graph(inner));
  Bytes branch = node("If", {"x"}, "z");
  testing::put_bytes(branch, 5, attribute);
  GraphParts parts = matmul_graph();
  parts.nodes.push_back(branch);
  EXPECT_TRUE(shareable(parts).empty());
}

TEST(Shareable, is_not_what_comes_in_or_goes_out) {
  GraphParts parts = matmul_graph();
  const std::vector<std::int64_t> dims{kSide, kSide};
  parts.outputs.push_back(testing::value("w", dims));
  EXPECT_TRUE(shareable(parts).empty());
  parts = matmul_graph();
  parts.inputs.push_back(testing::value("w", dims));
  EXPECT_TRUE(shareable(parts).empty());
}

TEST(Shareable, is_not_what_is_cast_before_it_is_used) {
  GraphParts parts = matmul_graph();
  parts.initializers = {weight("w", 10, 2)};  // float16
  EXPECT_TRUE(shareable(parts).empty());
}

TEST(Shareable, is_not_what_shares_its_name) {
  GraphParts parts = matmul_graph();
  parts.initializers.push_back(weight("w", 3, 1));
  EXPECT_TRUE(shareable(parts).empty());
}

TEST(Shareable, is_nothing_in_a_model_with_functions_or_operators_of_its_own) {
  Bytes file = testing::model(testing::graph(matmul_graph()));
  testing::put_bytes(file, 25, Bytes{});
  EXPECT_TRUE(shareable(file).empty());
  GraphParts parts = matmul_graph();
  testing::put_text(parts.nodes[0], 7, "org.example");
  EXPECT_TRUE(shareable(parts).empty());
}

}  // namespace
}  // namespace accel::inference::ort
