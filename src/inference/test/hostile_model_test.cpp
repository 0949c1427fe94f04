// SPDX-License-Identifier: Apache-2.0
// Models that are well formed as files and wrong as graphs, on every engine: an error in a
// sentence, never a crash.
#include <thread>

#include "engine_fixture.hpp"
#include "onnx_builder.hpp"

namespace accel::inference {
namespace {

using tensor::DType;
using tensor::Tensor;
using testing::GraphParts;

class Hostile : public testing::EngineTest, public ::testing::WithParamInterface<const char*> {
 protected:
  void SetUp() override {
    EngineTest::SetUp();
    use(GetParam());
  }
  Result<std::unique_ptr<Session>> open(const GraphParts& graph, std::uint64_t opset = 13) {
    return backend_->open_bytes(testing::model(testing::graph(graph), opset), {});
  }
  bool is_onnxruntime() const { return std::string_view(GetParam()) == "onnxruntime"; }
  void expect_refused(const GraphParts& graph, std::uint64_t opset = 13) {
    const auto session = open(graph, opset);
    ASSERT_FALSE(session);
    EXPECT_TRUE(session.error().code == Errc::corrupt || session.error().code == Errc::unsupported)
        << session.error().to_string();
    EXPECT_TRUE(session.error().message.ends_with(".")) << session.error().message;
  }
};

const std::vector<std::int64_t> kPair{-1, 2};

TEST_P(Hostile, a_circle_of_nodes) {
  GraphParts graph = testing::add_graph();
  graph.nodes = {testing::node("Add", {"x", "b"}, "a"), testing::node("Add", {"a", "w"}, "b"),
                 testing::node("Add", {"a", "b"}, "y")};
  expect_refused(graph);
}

TEST_P(Hostile, an_output_that_nothing_computes) {
  GraphParts graph = testing::add_graph();
  graph.outputs = {testing::value("nothing", kPair)};
  expect_refused(graph);
}

TEST_P(Hostile, an_operator_with_too_few_inputs) {
  GraphParts graph = testing::add_graph();
  graph.nodes = {testing::node("Add", {"x"}, "y")};
  expect_refused(graph);
}

TEST_P(Hostile, types_that_do_not_fit_the_operator) {
  GraphParts graph = testing::add_graph();
  graph.inputs = {testing::value("x", kPair, 7)};  // i64 + f32
  expect_refused(graph);
}

TEST_P(Hostile, two_nodes_that_make_the_same_value) {
  GraphParts graph = testing::add_graph();
  graph.nodes.push_back(testing::node("Mul", {"x", "w"}, "y"));
  expect_refused(graph);
}

TEST_P(Hostile, an_operator_set_from_the_future) {
  const auto session = open(testing::add_graph(), 9999);
  if (is_onnxruntime()) {
    ASSERT_FALSE(session);
    EXPECT_EQ(session.error().code, Errc::unsupported) << session.error().to_string();
  } else if (!session) {
    EXPECT_FALSE(session.error().message.empty());
  }
}

TEST_P(Hostile, a_file_without_operator_sets) {
  Bytes file;
  testing::put_varint_field(file, 1, 8);
  testing::put_bytes(file, 7, testing::graph(testing::add_graph()));
  const auto session = backend_->open_bytes(file, {});
  if (!session) {
    EXPECT_FALSE(session.error().message.empty());
  }
}

TEST_P(Hostile, weights_whose_dims_contradict_the_graph) {
  GraphParts graph = testing::add_graph();
  const std::vector<float> three{1, 2, 3};
  graph.initializers = {testing::tensor({.name = "w", .dims = {3}, .raw = testing::floats(three)})};
  const auto session = open(graph);
  if (!session) return;  // Found when it was opened, or below when it runs.
  const Tensor input = Tensor::zeros(DType::f32, {1, 2}).value();
  const NamedTensor named{"x", &input};
  const auto outputs = (*session)->run({&named, 1}, {}, {});
  EXPECT_TRUE(!outputs || outputs->at(0).elements() != 2U);
}

TEST_P(Hostile, an_index_far_outside_of_a_table) {
  GraphParts graph;
  const std::vector<float> table{1, 2, 3};
  const std::vector<std::int64_t> dims{-1};
  graph.nodes = {testing::node("Gather", {"table", "at"}, "y")};
  graph.initializers = {
      testing::tensor({.name = "table", .dims = {3}, .raw = testing::floats(table)})};
  graph.inputs = {testing::value("at", dims, 7)};
  graph.outputs = {testing::value("y", dims)};
  const auto session = open(graph).value();
  const Tensor input = Tensor::of<std::int64_t>({2}, {1, 1'000'000'000'000}).value();
  const NamedTensor named{"at", &input};
  const auto outputs = session->run({&named, 1}, {}, {});
  if (is_onnxruntime()) {
    ASSERT_FALSE(outputs);
    EXPECT_NE(outputs.error().cause.find("out"), std::string::npos) << outputs.error().cause;
  }
  EXPECT_TRUE(session->run({&named, 1}, {}, {}) || is_onnxruntime());
}

TEST_P(Hostile, an_impossible_reshape_at_run_time) {
  GraphParts graph;
  const std::vector<std::int64_t> dims{-1};
  graph.nodes = {testing::node("Reshape", {"x", "shape"}, "y")};
  graph.inputs = {testing::value("x", dims),
                  testing::value("shape", std::vector<std::int64_t>{2}, 7)};
  graph.outputs = {testing::value("y", std::vector<std::int64_t>{-1, -1})};
  const auto session = open(graph).value();
  const Tensor x = Tensor::zeros(DType::f32, {6}).value();
  const Tensor shape = Tensor::of<std::int64_t>({2}, {4, 4}).value();
  const auto outputs = session->run(std::vector<NamedTensor>{{"x", &x}, {"shape", &shape}}, {}, {});
  // OpenVINO answers with an empty tensor.
  EXPECT_EQ(outputs.has_value(), !is_onnxruntime());
  if (outputs) {
    EXPECT_EQ(outputs->at(0).elements(), 0U);
  }
  const Tensor good = Tensor::of<std::int64_t>({2}, {2, 3}).value();
  EXPECT_TRUE(session->run(std::vector<NamedTensor>{{"x", &x}, {"shape", &good}}, {}, {}));
}

TEST_P(Hostile, an_endless_loop_ends_when_it_is_stopped) {
  Bytes body;
  {
    GraphParts graph;
    graph.nodes = {testing::node("Identity", {"go"}, "go_on"),
                   testing::node("MatMul", {"state", "state"}, "next")};
    graph.inputs = {testing::value("turn", {}, 7), testing::value("go", {}, 9),
                    testing::value("state", std::vector<std::int64_t>{64, 64})};
    graph.outputs = {testing::value("go_on", {}, 9),
                     testing::value("next", std::vector<std::int64_t>{64, 64})};
    body = testing::graph(graph);
  }
  Bytes attribute;
  testing::put_text(attribute, 1, "body");
  testing::put_bytes(attribute, 6, body);
  testing::put_varint_field(attribute, 20, 5);
  Bytes loop = testing::node("Loop", {"", "yes", "x"}, "y");
  testing::put_bytes(loop, 5, attribute);
  GraphParts graph;
  graph.nodes = {loop};
  graph.initializers = {testing::tensor({.name = "yes", .dims = {}, .type = 9, .raw = Bytes{1}})};
  graph.inputs = {testing::value("x", std::vector<std::int64_t>{64, 64})};
  graph.outputs = {testing::value("y", std::vector<std::int64_t>{64, 64})};
  const auto session = open(graph);
  ASSERT_TRUE(session) << session.error().to_string();
  if (!is_onnxruntime())
    GTEST_SKIP() << "OpenVINO runs a loop as one operator and does not end it.";
  const Tensor x = Tensor::zeros(DType::f32, {64, 64}).value();
  const NamedTensor named{"x", &x};
  std::stop_source stop;
  const std::jthread stopper([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    stop.request_stop();
  });
  EXPECT_EQ((*session)->run({&named, 1}, {}, {stop.get_token()}).error().code, Errc::cancelled);
}

INSTANTIATE_TEST_SUITE_P(All, Hostile, ::testing::Values("onnxruntime", "openvino"),
                         [](const auto& engine) { return std::string(engine.param); });

}  // namespace
}  // namespace accel::inference
