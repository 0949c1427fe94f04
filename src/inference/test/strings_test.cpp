// SPDX-License-Identifier: Apache-2.0
// Tensors of strings: through ONNX Runtime and its kernels for text, and refused where they are not
// taken.
#include <gmock/gmock.h>

#include "accel/inference/batching.hpp"
#include "engine_fixture.hpp"
#include "onnx_builder.hpp"
#include "onnx_types.hpp"

namespace accel::inference {
namespace {

using tensor::DType;
using tensor::Tensor;
using ::testing::ElementsAre;
using testing::GraphParts;
using ::testing::HasSubstr;
using Texts = std::vector<std::string_view>;

constexpr std::uint64_t kString = detail::kOnnxString;
constexpr std::uint64_t kInt64 = 7;

GraphParts graph_of(Bytes node, const std::vector<std::int64_t>& dims,
                    std::uint64_t output = kString) {
  return {{std::move(node)},
          {},
          {testing::value("x", dims, kString)},
          {testing::value("y", dims, output)}};
}

GraphParts identity(const std::vector<std::int64_t>& dims) {
  return graph_of(testing::node("Identity", {"x"}, "y"), dims);
}

// AttributeProto: name = 1, i = 3, s = 4, ints = 8, strings = 9, type = 20.
Bytes text_attribute(std::string_view name, std::string_view value) {
  Bytes out;
  testing::put_text(out, 1, name);
  testing::put_text(out, 4, value);
  testing::put_varint_field(out, 20, 3);
  return out;
}

Bytes lower_case() {
  Bytes node = testing::node("StringNormalizer", {"x"}, "y");
  testing::put_bytes(node, 5, text_attribute("case_change_action", "LOWER"));
  testing::put_bytes(node, 5, text_attribute("locale", "C"));  // Every machine has it.
  return node;
}

// Of ai.onnx.ml: cat is 3, dog is 5, what else there is -1.
Bytes label_encoder() {
  Bytes node = testing::node("LabelEncoder", {"x"}, "y");
  testing::put_text(node, 7, "ai.onnx.ml");
  Bytes keys;
  testing::put_text(keys, 1, "keys_strings");
  for (const char* key : {"cat", "dog"}) testing::put_text(keys, 9, key);
  testing::put_varint_field(keys, 20, 8);
  Bytes values;
  testing::put_text(values, 1, "values_int64s");
  for (const std::uint64_t value : {3U, 5U}) testing::put_varint_field(values, 8, value);
  testing::put_varint_field(values, 20, 7);
  testing::put_bytes(node, 5, keys);
  testing::put_bytes(node, 5, values);
  return node;
}

Bytes model_with_ml(const GraphParts& parts) {
  Bytes model = testing::model(testing::graph(parts));
  Bytes opset;
  testing::put_text(opset, 1, "ai.onnx.ml");
  testing::put_varint_field(opset, 2, 2);
  testing::put_bytes(model, 8, opset);
  return model;
}

class StringsInOnnxRuntime : public testing::EngineTest {
 protected:
  void SetUp() override {
    EngineTest::SetUp();
    use("onnxruntime");
  }
  std::unique_ptr<Session> open(const GraphParts& parts) {
    return backend_->open_bytes(model_with_ml(parts), {}).value();
  }
  static Result<std::vector<Tensor>> run(Session& session, tensor::Shape shape,
                                         const Texts& texts) {
    const Tensor input = Tensor::of_strings(std::move(shape), texts).value();
    const NamedTensor named{"x", &input};
    return session.run({&named, 1}, {}, {});
  }
};

TEST_F(StringsInOnnxRuntime, pass_through_unchanged_also_zeros_and_no_text) {
  const auto session = open(identity({-1, 2}));
  EXPECT_EQ(to_string(session->inputs()[0]), "x: string [?, 2]");
  const std::string_view zeros("a\0b", 3);
  const auto outputs = run(*session, {2, 2}, {"", "Käse", zeros, "\xFF\xFE"});
  ASSERT_TRUE(outputs) << outputs.error().to_string();
  EXPECT_EQ(outputs->at(0).dtype(), DType::string);
  EXPECT_EQ(outputs->at(0).shape(), (tensor::Shape{2, 2}));
  EXPECT_THAT(outputs->at(0).strings(), ElementsAre("", "Käse", zeros, "\xFF\xFE"));
}

TEST_F(StringsInOnnxRuntime, none_are_given_back_for_none) {
  const auto outputs = run(*open(identity({-1})), {0}, {});
  ASSERT_TRUE(outputs) << outputs.error().to_string();
  EXPECT_EQ(outputs->at(0).shape(), tensor::Shape{0});
}

TEST_F(StringsInOnnxRuntime, outlive_their_session) {
  auto session = open(identity({-1}));
  const auto outputs = run(*session, {1}, {"kept"}).value();
  session.reset();
  EXPECT_THAT(outputs.at(0).strings(), ElementsAre("kept"));
}

TEST_F(StringsInOnnxRuntime, kernels_for_text_read_and_write_them) {
  const auto lower = run(*open(graph_of(lower_case(), {-1})), {2}, {"ONE", "Two"});
  ASSERT_TRUE(lower) << lower.error().to_string();
  EXPECT_THAT(lower->at(0).strings(), ElementsAre("one", "two"));
  const auto labels =
      run(*open(graph_of(label_encoder(), {-1}, kInt64)), {3}, {"dog", "cow", "cat"});
  ASSERT_TRUE(labels) << labels.error().to_string();
  EXPECT_THAT(labels->at(0).data<std::int64_t>(), ElementsAre(5, -1, 3));
}

TEST_F(StringsInOnnxRuntime, are_checked_like_numbers_before_the_engine_sees_them) {
  const auto session = open(identity({-1, 2}));
  EXPECT_EQ(run(*session, {3}, {"a", "b", "c"}).error().code, Errc::invalid_argument);
  const Tensor numbers = Tensor::of<float>({1, 2}, {1, 2}).value();
  const NamedTensor named{"x", &numbers};
  const auto refused = session->run({&named, 1}, {}, {});
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("the model takes x: string [?, 2]"));
}

TEST_F(StringsInOnnxRuntime, are_never_batched) {
  EXPECT_FALSE(can_batch(*open(identity({-1}))));
  EXPECT_FALSE(can_batch(*open(graph_of(label_encoder(), {-1}, kInt64))));
  EXPECT_TRUE(can_batch(*open(testing::add_graph())));
}

// Expand repeats its input as often as the caller says: a small request for gigabytes.
TEST_F(StringsInOnnxRuntime, an_output_beyond_the_limits_is_refused_by_name) {
  GraphParts parts = graph_of(testing::node("Expand", {"x", "n"}, "y"), {-1});
  parts.inputs.push_back(testing::value("n", std::vector<std::int64_t>{1}, kInt64));
  const auto session = open(parts);
  const Tensor text = Tensor::of_strings({1}, Texts{"x"}).value();
  const auto most = static_cast<std::int64_t>(tensor::kMaxStrings);
  const Tensor times = Tensor::of<std::int64_t>({1}, {most + 1}).value();
  const std::vector<NamedTensor> inputs{{"x", &text}, {"n", &times}};
  const auto refused = session->run(inputs, {}, {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::resource_exhausted) << refused.error().to_string();
  EXPECT_THAT(refused.error().message, HasSubstr("\"y\" has 1048577 strings"));
}

TEST(StringsInOpenVino, are_refused_by_name_before_the_engine_sees_the_model) {
  const auto backend = make_openvino_backend();
  const auto session =
      backend->open_bytes(testing::model(testing::graph(identity({-1}))), SessionOptions{});
  ASSERT_FALSE(session);
  EXPECT_EQ(session.error().code, Errc::unsupported);
  EXPECT_THAT(session.error().message, HasSubstr("\"x\" of the model is a tensor of strings"));
}

}  // namespace
}  // namespace accel::inference
