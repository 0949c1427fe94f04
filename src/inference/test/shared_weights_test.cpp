// SPDX-License-Identifier: Apache-2.0
// Sessions of ONNX Runtime that read their weights from one place: results, ends in any order.
#include <algorithm>
#include <thread>

#include "engine_fixture.hpp"
#include "onnx_builder.hpp"

namespace accel::inference {
namespace {

using tensor::Tensor;
using testing::GraphParts;
using testing::node;

constexpr std::int64_t kSide = 96;

class SharedWeights : public testing::EngineTest {
 protected:
  void SetUp() override {
    EngineTest::SetUp();
    use("onnxruntime");
  }

  static Bytes weight(std::string_view name, float scale) {
    std::vector<float> values(std::size_t{kSide * kSide});
    for (std::size_t index = 0; index < values.size(); ++index)
      values[index] = scale * (static_cast<float>(index % 83) - 41.0F);
    return testing::tensor({.name = std::string(name),
                            .dims = {kSide, kSide},
                            .type = 1,
                            .raw = testing::floats(values),
                            .external = {}});
  }

  // y = (x w)ᵀ a, with a Transpose between: what optimizations like to move.
  static Bytes model(std::string_view name, float scale = 0.01F, float other = 0.02F) {
    const std::vector<std::int64_t> dims{kSide, kSide};
    const std::string w(name);
    GraphParts parts{
        {node("MatMul", {"x", w}, "h"), node("Transpose", {"h"}, "t"),
         node("MatMul", {"t", w}, "u"), node("Add", {"t", "b"}, "v"), node("Add", {"u", "v"}, "s"),
         node("Transpose", {"s"}, "r"), node("MatMul", {"r", "a"}, "y")},
        {weight(w, scale), weight("a", other), weight("b", 0.5F)},
        {testing::value("x", dims)},
        {testing::value("y", dims)}};
    return testing::model(testing::graph(parts));
  }

  std::unique_ptr<Session> open(const std::filesystem::path& path, LoadMode load) {
    SessionOptions options;
    options.load = load;
    auto session = backend_->open(path, options);
    EXPECT_TRUE(session) << session.error().to_string();
    return session ? std::move(*session) : nullptr;
  }

  static Result<std::vector<Tensor>> run(Session& session) {
    Tensor x = Tensor::zeros(tensor::DType::f32, {kSide, kSide}).value();
    for (std::size_t index = 0; index < x.elements(); ++index)
      x.mutable_data<float>()[index] = static_cast<float>(index % 17) - 8.0F;
    return session.run(std::vector<NamedTensor>{{"x", &x}}, {}, {});
  }
  static std::vector<float> result(Session& session) {
    const auto outputs = run(session);
    EXPECT_TRUE(outputs) << outputs.error().to_string();
    if (!outputs) return {};
    const auto values = outputs->at(0).data<float>();
    return {values.begin(), values.end()};
  }
};

TEST_F(SharedWeights, give_the_same_bits_as_weights_of_its_own) {
  const auto path = write("model.onnx", model("w"));
  const auto by_path = result(*open(path, LoadMode::by_path));
  const auto first = open(path, LoadMode::shared);
  const auto second = open(path, LoadMode::shared);
  EXPECT_EQ(first->info().load, "shared");
  EXPECT_EQ(second->info().load, "shared");
  EXPECT_EQ(result(*first), by_path);
  EXPECT_EQ(result(*second), by_path);
}

TEST_F(SharedWeights, of_another_file_under_another_name_give_the_same_bits) {
  const auto a = open(write("a.onnx", model("w")), LoadMode::shared);
  const auto b = open(write("b.onnx", model("renamed")), LoadMode::shared);
  const auto c_path = write("c.onnx", model("w", 0.01F, 0.03F));  // Shares one of two.
  const auto c = open(c_path, LoadMode::shared);
  EXPECT_EQ(result(*b), result(*a));
  EXPECT_EQ(result(*c), result(*open(c_path, LoadMode::by_path)));
  EXPECT_NE(result(*c), result(*a));
}

TEST_F(SharedWeights, stay_until_the_last_session_ends_in_whatever_order) {
  const auto path = write("a.onnx", model("w"));
  const auto copy = write("b.onnx", model("w"));
  const auto expected = result(*open(path, LoadMode::by_path));
  std::vector<int> order{0, 1, 2, 3};
  do {
    std::vector<std::unique_ptr<Session>> sessions;
    for (int index = 0; index < 4; ++index)
      sessions.push_back(open(index % 2 == 0 ? path : copy, LoadMode::shared));
    for (const int gone : order) {
      sessions[static_cast<std::size_t>(gone)].reset();
      for (const auto& session : sessions) EXPECT_TRUE(!session || result(*session) == expected);
    }
  } while (std::ranges::next_permutation(order).found && order[0] < 2);
}

TEST_F(SharedWeights, outlive_the_backend_and_results_outlive_the_session) {
  auto session = open(write("a.onnx", model("w")), LoadMode::shared);
  const auto expected = result(*session);
  backend_.reset();
  const auto outputs = run(*session).value();
  session.reset();
  const auto values = outputs.at(0).data<float>();
  EXPECT_EQ(std::vector<float>(values.begin(), values.end()), expected);
}

TEST_F(SharedWeights, survive_the_removal_of_the_file) {
  const auto path = write("a.onnx", model("w"));
  const auto session = open(path, LoadMode::shared);
  const auto expected = result(*session);
  std::filesystem::remove(path);
  EXPECT_EQ(result(*session), expected);
}

TEST_F(SharedWeights, serve_sessions_of_many_threads) {
  const auto path = write("a.onnx", model("w"));
  const auto copy = write("b.onnx", model("k"));
  const auto expected = result(*open(path, LoadMode::by_path));
  std::atomic<int> wrong{0};
  {
    std::vector<std::jthread> threads;
    for (int thread = 0; thread < 4; ++thread) {
      threads.emplace_back([&, thread] {
        for (int round = 0; round < 5; ++round) {
          const auto session = open((thread + round) % 2 == 0 ? path : copy, LoadMode::shared);
          if (!session || result(*session) != expected) ++wrong;
        }
      });
    }
  }
  EXPECT_EQ(wrong, 0);
}

TEST_F(SharedWeights, may_lie_in_external_data) {
  const std::vector<std::int64_t> dims{kSide, kSide};
  std::vector<float> values(std::size_t{kSide * kSide}, 0.25F);
  values[7] = 3.0F;
  write("weights.bin", testing::floats(values));
  const GraphParts parts{
      {node("MatMul", {"x", "w"}, "y")},
      {testing::tensor({.name = "w",
                        .dims = dims,
                        .external = {{"location", "weights.bin"},
                                     {"offset", "0"},
                                     {"length", std::to_string(values.size() * 4)}}})},
      {testing::value("x", dims)},
      {testing::value("y", dims)}};
  const auto path = write("model.onnx", testing::model(testing::graph(parts)));
  const auto first = open(path, LoadMode::shared);
  const auto second = open(path, LoadMode::shared);
  EXPECT_EQ(second->info().load, "shared");
  const auto expected = result(*open(path, LoadMode::by_path));
  EXPECT_EQ(result(*first), expected);
  EXPECT_EQ(result(*second), expected);
}

TEST_F(SharedWeights, are_not_asked_of_a_model_that_has_none) {
  const std::vector<std::int64_t> dims{kSide, kSide};
  const GraphParts parts{{node("Add", {"x", "b"}, "y")},
                         {weight("b", 1.0F)},
                         {testing::value("x", dims)},
                         {testing::value("y", dims)}};
  const auto session =
      open(write("model.onnx", testing::model(testing::graph(parts))), LoadMode::shared);
  EXPECT_EQ(session->info().load, "skeleton");
}

}  // namespace
}  // namespace accel::inference
