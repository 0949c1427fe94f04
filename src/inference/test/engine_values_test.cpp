// SPDX-License-Identifier: Apache-2.0
// What goes in and comes out of every engine: element types, ranks, empty tensors, several outputs,
// sub-graphs.
#include <array>

#include "engine_fixture.hpp"
#include "onnx_builder.hpp"
#include "onnx_types.hpp"

namespace accel::inference {
namespace {

using tensor::DType;
using tensor::Tensor;
using testing::GraphParts;

class Values : public testing::EngineTest, public ::testing::WithParamInterface<const char*> {
 protected:
  void SetUp() override {
    EngineTest::SetUp();
    use(GetParam());
  }
  Result<std::unique_ptr<Session>> open(const GraphParts& graph) {
    return backend_->open_bytes(testing::model(testing::graph(graph)), {});
  }
};

// y = transpose(transpose(x)): the same values, through two copies inside the engine.
GraphParts copy_graph(DType dtype) {
  const std::vector<std::int64_t> dims{-1, -1};
  const auto type = static_cast<std::uint64_t>(detail::onnx_from_dtype(dtype));
  GraphParts graph;
  graph.nodes = {testing::node("Transpose", {"x"}, "t"), testing::node("Transpose", {"t"}, "y")};
  graph.inputs = {testing::value("x", dims, type)};
  graph.outputs = {testing::value("y", dims, type)};
  return graph;
}

Tensor counted(DType dtype, tensor::Shape shape) {
  Tensor tensor = Tensor::zeros(dtype, std::move(shape)).value();
  if (dtype == DType::f64) {  // Values that survive OpenVINO's computing them in f32.
    for (double& value : tensor.mutable_data<double>()) value = 1.5;
    return tensor;
  }
  const auto bytes = tensor.mutable_bytes();
  const std::size_t size = tensor::dtype_bytes(dtype);
  for (std::size_t index = 0; index < tensor.elements(); ++index) {
    bytes[index * size] = static_cast<std::uint8_t>(dtype == DType::boolean ? index % 2 : index);
  }
  return tensor;
}

TEST_P(Values, each_element_type_passes_through_unchanged) {
  for (const DType dtype : {DType::f32, DType::f64, DType::f16, DType::i8, DType::u8, DType::i32,
                            DType::i64, DType::boolean}) {
    const auto session = open(copy_graph(dtype));
    if (!session) {
      // An engine may lack a type, but must say so.
      EXPECT_EQ(session.error().code, Errc::unsupported) << session.error().to_string();
      continue;
    }
    const Tensor input = counted(dtype, {3, 5});
    const NamedTensor named{"x", &input};
    const auto outputs = (*session)->run({&named, 1}, {}, {});
    ASSERT_TRUE(outputs) << tensor::dtype_name(dtype) << ": " << outputs.error().to_string();
    EXPECT_EQ(outputs->at(0).dtype(), dtype) << tensor::dtype_name(dtype);
    EXPECT_EQ(to_bytes(outputs->at(0).bytes()), to_bytes(input.bytes()))
        << tensor::dtype_name(dtype);
  }
}

TEST_P(Values, an_empty_batch_gives_an_empty_result) {
  const auto session = open(copy_graph(DType::f32)).value();
  const Tensor input = Tensor::zeros(DType::f32, {0, 5}).value();
  const NamedTensor named{"x", &input};
  const auto outputs = session->run({&named, 1}, {}, {});
  ASSERT_TRUE(outputs) << outputs.error().to_string();
  EXPECT_EQ(outputs->at(0).shape(), (tensor::Shape{0, 5}));
}

TEST_P(Values, a_scalar_has_an_empty_shape) {
  GraphParts graph;
  graph.nodes = {testing::node("Add", {"x", "x"}, "y")};
  graph.inputs = {testing::value("x", {})};
  graph.outputs = {testing::value("y", {})};
  const auto session = open(graph).value();
  const Tensor input = Tensor::of<float>({}, {21}).value();
  const NamedTensor named{"x", &input};
  const auto outputs = session->run({&named, 1}, {}, {}).value();
  EXPECT_TRUE(outputs.at(0).shape().empty());
  EXPECT_EQ(outputs.at(0).data<float>()[0], 42.0F);
}

GraphParts two_outputs() {
  const std::vector<std::int64_t> dims{-1, 2};
  GraphParts graph = testing::add_graph();
  graph.nodes.push_back(testing::node("Mul", {"x", "w"}, "z"));
  graph.outputs.push_back(testing::value("z", dims));
  return graph;
}

TEST_P(Values, outputs_come_in_the_order_that_was_asked_for) {
  const auto session = open(two_outputs()).value();
  const Tensor input = Tensor::of<float>({1, 2}, {10, 20}).value();
  const NamedTensor named{"x", &input};
  const auto all = session->run({&named, 1}, {}, {}).value();
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0].data<float>()[1], 22.0F);
  EXPECT_EQ(all[1].data<float>()[1], 40.0F);
  const auto turned = session->run({&named, 1}, std::vector<std::string>{"z", "y"}, {}).value();
  ASSERT_EQ(turned.size(), 2U);
  EXPECT_EQ(turned[0].data<float>()[1], 40.0F);
  const auto one = session->run({&named, 1}, std::vector<std::string>{"z"}, {}).value();
  EXPECT_EQ(one.size(), 1U);
}

TEST_P(Values, inputs_are_taken_by_name_in_any_order) {
  const std::vector<std::int64_t> dims{-1};
  GraphParts graph;
  graph.nodes = {testing::node("Sub", {"a", "b"}, "y")};
  graph.inputs = {testing::value("a", dims), testing::value("b", dims)};
  graph.outputs = {testing::value("y", dims)};
  const auto session = open(graph).value();
  const Tensor a = Tensor::of<float>({1}, {5}).value();
  const Tensor b = Tensor::of<float>({1}, {3}).value();
  const auto outputs = session->run(std::vector<NamedTensor>{{"b", &b}, {"a", &a}}, {}, {}).value();
  EXPECT_EQ(outputs.at(0).data<float>()[0], 2.0F);
}

TEST_P(Values, inputs_of_one_call_are_not_remembered_by_the_next) {
  const auto session = open(testing::add_graph()).value();
  for (const float value : {1.0F, 100.0F, -7.0F}) {
    const Tensor input = Tensor::of<float>({1, 2}, {value, value}).value();
    const NamedTensor named{"x", &input};
    const auto outputs = session->run({&named, 1}, {}, {}).value();
    EXPECT_EQ(outputs.at(0).data<float>()[0], value + 1.0F);
  }
}

TEST_P(Values, borrowed_input_memory_is_read_where_it_lies_and_left_unchanged) {
  const auto session = open(testing::add_graph()).value();
  alignas(64) const std::array<float, 4> memory{1, 2, 3, 4};
  const ByteView bytes(reinterpret_cast<const std::uint8_t*>(memory.data()), sizeof memory);
  const Tensor input = Tensor::borrow(DType::f32, {2, 2}, bytes).value();
  const NamedTensor named{"x", &input};
  const auto outputs = session->run({&named, 1}, {}, {}).value();
  EXPECT_EQ(outputs.at(0).data<float>()[3], 6.0F);
  EXPECT_EQ(memory, (std::array<float, 4>{1, 2, 3, 4}));
}

// y = x > 0 ? x + x : x * x, by an If with two sub-graphs.
GraphParts if_graph() {
  const auto branch = [](std::string_view op, std::string_view output) {
    GraphParts graph;
    graph.nodes = {testing::node(op, {"x", "x"}, output)};
    graph.outputs = {testing::value(output, {})};
    return testing::graph(graph);
  };
  const auto attribute = [](std::string_view name, const Bytes& graph) {
    Bytes out;
    testing::put_text(out, 1, name);
    testing::put_bytes(out, 6, graph);
    testing::put_varint_field(out, 20, 5);  // AttributeProto.GRAPH
    return out;
  };
  Bytes node = testing::node("If", {"positive"}, "y");
  testing::put_bytes(node, 5, attribute("then_branch", branch("Add", "sum")));
  testing::put_bytes(node, 5, attribute("else_branch", branch("Mul", "square")));
  GraphParts graph;
  const std::vector<float> zero{0.0F};
  graph.nodes = {testing::node("Greater", {"x", "zero"}, "positive"), node};
  graph.initializers = {
      testing::tensor({.name = "zero", .dims = {}, .raw = testing::floats(zero)})};
  graph.inputs = {testing::value("x", {})};
  graph.outputs = {testing::value("y", {})};
  return graph;
}

TEST_P(Values, a_model_with_sub_graphs_takes_the_branch_that_its_input_says) {
  const auto session = open(if_graph());
  ASSERT_TRUE(session) << session.error().to_string();
  for (const auto& [given, wanted] : {std::pair{3.0F, 6.0F}, {-3.0F, 9.0F}}) {
    const Tensor input = Tensor::of<float>({}, {given}).value();
    const NamedTensor named{"x", &input};
    const auto outputs = (*session)->run({&named, 1}, {}, {}).value();
    EXPECT_EQ(outputs.at(0).data<float>()[0], wanted);
  }
}

TEST_P(Values, threads_and_optimization_levels_do_not_change_an_exact_answer) {
  const Bytes model = testing::model(testing::graph(two_outputs()));
  const Tensor input = Tensor::of<float>({1, 2}, {10, 20}).value();
  const NamedTensor named{"x", &input};
  for (const int threads : {0, 1, 2}) {
    for (const int level : {0, 3}) {
      SessionOptions options;
      options.threads = threads;
      options.optimization = level;
      options.spinning = threads == 2;
      const auto session = backend_->open_bytes(model, options).value();
      const auto outputs = session->run({&named, 1}, {}, {}).value();
      EXPECT_EQ(outputs.at(1).data<float>()[0], 10.0F) << threads << " threads, level " << level;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, Values, ::testing::Values("onnxruntime", "openvino"),
                         [](const auto& engine) { return std::string(engine.param); });

}  // namespace
}  // namespace accel::inference
