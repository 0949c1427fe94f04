// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "accel/inference/canary.hpp"
#include "accel/inference/onnx_reader.hpp"
#include "onnx_builder.hpp"

namespace accel::inference {
namespace {

using testing::add_graph;
using testing::GraphParts;
using testing::node;

const std::vector<std::int64_t> kPair{-1, 2};

Status check(const Bytes& file) { return check_onnx_graph(file, read_onnx(file).value()); }
Status check(const GraphParts& graph) { return check(testing::model(testing::graph(graph))); }

void expect_corrupt(const GraphParts& graph, std::string_view word) {
  const Status status = check(graph);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, Errc::corrupt);
  EXPECT_NE(status.error().message.find(word), std::string::npos) << status.error().message;
}

// A node with one sub-graph as its attribute.
Bytes node_with(std::string_view op, std::vector<std::string> inputs, std::string_view output,
                const GraphParts& body) {
  Bytes attribute;
  testing::put_bytes(attribute, 6, testing::graph(body));
  Bytes out = node(op, std::move(inputs), output);
  testing::put_bytes(out, 5, attribute);
  return out;
}

GraphParts body_using(std::string_view name) {
  GraphParts body;
  body.nodes = {node("Identity", {std::string(name)}, "inner")};
  body.outputs = {testing::value("inner", kPair)};
  return body;
}

TEST(OnnxGraph, accepts_graphs_that_fit_together) {
  EXPECT_TRUE(check(canary_model()));
  EXPECT_TRUE(check(add_graph()));
}

TEST(OnnxGraph, a_value_that_nothing_makes_is_named) {
  GraphParts graph = add_graph();
  graph.nodes = {node("Add", {"x", "ghost"}, "y")};
  expect_corrupt(graph, "ghost");
  graph = add_graph();
  graph.outputs = {testing::value("phantom", kPair)};
  expect_corrupt(graph, "phantom");
}

TEST(OnnxGraph, an_input_that_is_left_out_is_no_missing_value) {
  GraphParts graph = add_graph();
  graph.nodes = {node("Clip", {"x", "", "w"}, "y")};
  EXPECT_TRUE(check(graph));
}

TEST(OnnxGraph, a_value_made_twice_is_named) {
  GraphParts graph = add_graph();
  graph.nodes.push_back(node("Mul", {"x", "w"}, "y"));
  expect_corrupt(graph, "\"y\"");
  graph = add_graph();
  graph.nodes = {node("Add", {"x", "w"}, "y"), node("Mul", {"x", "w"}, "x")};
  expect_corrupt(graph, "\"x\"");
}

TEST(OnnxGraph, circles_of_any_length_are_found) {
  GraphParts graph = add_graph();
  graph.nodes = {node("Add", {"y", "w"}, "y")};
  expect_corrupt(graph, "circle");
  graph.nodes = {node("Add", {"c", "w"}, "a"), node("Add", {"a", "w"}, "b"),
                 node("Add", {"b", "w"}, "c"), node("Add", {"c", "w"}, "y")};
  expect_corrupt(graph, "circle");
}

TEST(OnnxGraph, nodes_out_of_order_are_no_circle) {
  GraphParts graph = add_graph();
  graph.nodes = {node("Mul", {"sum", "w"}, "y"), node("Add", {"x", "w"}, "sum")};
  EXPECT_TRUE(check(graph));
}

TEST(OnnxGraph, a_long_chain_backwards_is_checked_quickly_and_without_recursion) {
  constexpr int kNodes = 20'000;
  GraphParts graph = add_graph();
  graph.nodes.clear();
  for (int index = kNodes; index > 0; --index) {
    graph.nodes.push_back(node("Identity", {index == 1 ? "x" : fmt::format("v{}", index - 1)},
                               index == kNodes ? "y" : fmt::format("v{}", index)));
  }
  EXPECT_TRUE(check(graph));
}

TEST(OnnxGraph, a_sub_graph_sees_the_values_around_it) {
  GraphParts graph = add_graph();
  graph.nodes = {node("Add", {"x", "w"}, "sum"), node_with("If", {"x"}, "y", body_using("sum"))};
  EXPECT_TRUE(check(graph));
  graph.nodes = {node_with("If", {"x"}, "y", body_using("ghost"))};
  expect_corrupt(graph, "ghost");
}

TEST(OnnxGraph, what_a_sub_graph_makes_is_not_seen_outside) {
  GraphParts graph = add_graph();
  graph.nodes = {node_with("If", {"x"}, "branch", body_using("w")),
                 node("Add", {"branch", "inner"}, "y")};
  expect_corrupt(graph, "inner");
}

TEST(OnnxGraph, a_circle_through_a_sub_graph_is_found) {
  GraphParts graph = add_graph();
  graph.nodes = {node_with("If", {"x"}, "branch", body_using("y")),
                 node("Add", {"branch", "w"}, "y")};
  expect_corrupt(graph, "circle");
}

TEST(OnnxGraph, functions_are_checked_in_their_own_scope) {
  const auto with_function = [](std::string_view uses) {
    Bytes function;
    testing::put_text(function, 1, "Twice");
    testing::put_text(function, 4, "given");
    testing::put_text(function, 5, "made");
    testing::put_bytes(function, 7, node("Add", {std::string(uses), "given"}, "made"));
    Bytes file = testing::model(testing::graph(add_graph()));
    testing::put_bytes(file, 25, function);
    return file;
  };
  EXPECT_TRUE(check(with_function("given")));
  EXPECT_FALSE(check(with_function("x"))) << "a function does not see the main graph";
  EXPECT_FALSE(check(with_function("made"))) << "a circle";
}

}  // namespace
}  // namespace accel::inference
