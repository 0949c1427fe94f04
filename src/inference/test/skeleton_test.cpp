// SPDX-License-Identifier: Apache-2.0
#include "ort/skeleton.hpp"

#include <gtest/gtest.h>

#include "onnx_builder.hpp"

namespace accel::inference {
namespace {

using testing::GraphParts;

// Weights of the given sizes in bytes, named w0, w1, ..., around one node.
Bytes model_with(const std::vector<std::size_t>& sizes) {
  GraphParts graph = testing::add_graph();
  for (std::size_t index = 0; index < sizes.size(); ++index) {
    graph.initializers.push_back(
        testing::tensor({.name = fmt::format("w{}", index),
                         .dims = {static_cast<std::int64_t>(sizes[index])},
                         .type = 3,
                         .raw = Bytes(sizes[index], static_cast<std::uint8_t>(index + 1)),
                         .external = {}}));
  }
  return testing::model(testing::graph(graph));
}

TEST(Skeleton, points_each_large_weight_back_into_the_stored_file) {
  const Bytes file = model_with({ort::kSkeletonMinBytes, 100, 50'000});
  const OnnxSummary summary = read_onnx(file).value();
  const ort::Skeleton skeleton = ort::make_skeleton(file, summary, "model.onnx");
  EXPECT_EQ(skeleton.moved, 2U);
  EXPECT_EQ(skeleton.moved_bytes, ort::kSkeletonMinBytes + 50'000);
  EXPECT_LT(skeleton.model.size(), 1500U);
  const OnnxSummary read = read_onnx(skeleton.model).value();
  ASSERT_EQ(read.initializers.size(), summary.initializers.size());
  for (std::size_t index = 0; index < read.initializers.size(); ++index) {
    const OnnxInitializer& before = summary.initializers[index];
    const OnnxInitializer& after = read.initializers[index];
    EXPECT_EQ(after.name, before.name);
    EXPECT_EQ(after.dims, before.dims);
    EXPECT_EQ(after.onnx_type, before.onnx_type);
    if (!after.external) continue;
    EXPECT_EQ(after.external->location, "model.onnx");
    EXPECT_EQ(after.external->offset, before.raw->offset);
    EXPECT_EQ(after.external->length, before.raw->length);
  }
  EXPECT_EQ(read.external.size(), 2U);
}

TEST(Skeleton, keeps_everything_else_as_it_was) {
  const Bytes file = model_with({20'000});
  const OnnxSummary before = read_onnx(file).value();
  const OnnxSummary after = read_onnx(ort::make_skeleton(file, before, "m").model).value();
  EXPECT_EQ(after.opset, before.opset);
  EXPECT_EQ(after.ir_version, before.ir_version);
  EXPECT_EQ(after.node_count, before.node_count);
  EXPECT_EQ(to_string(after.inputs.at(0)), to_string(before.inputs.at(0)));
  EXPECT_EQ(to_string(after.outputs.at(0)), to_string(before.outputs.at(0)));
}

TEST(Skeleton, of_a_model_with_small_weights_is_the_model_itself) {
  const Bytes file = model_with({100, 200});
  const OnnxSummary summary = read_onnx(file).value();
  EXPECT_FALSE(ort::is_worth_a_skeleton(summary));
  EXPECT_EQ(ort::make_skeleton(file, summary, "m").model, file);
}

TEST(Skeleton, leaves_weights_that_are_external_already_where_they_are) {
  GraphParts graph = testing::add_graph();
  graph.initializers = {testing::tensor(
      {.name = "w", .dims = {1'000'000}, .external = {{"location", "big.bin"}, {"offset", "64"}}})};
  const Bytes file = testing::model(testing::graph(graph));
  const OnnxSummary summary = read_onnx(file).value();
  EXPECT_FALSE(ort::is_worth_a_skeleton(summary));
  EXPECT_EQ(ort::make_skeleton(file, summary, "m").model, file);
}

}  // namespace
}  // namespace accel::inference
