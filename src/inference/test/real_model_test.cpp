// SPDX-License-Identifier: Apache-2.0
// Real weights against published references: MiniLM-L6 in f32 and with int8 weights. The reference
// outputs were made with ONNX Runtime 1.31.1 and checked against PyTorch and onnx's reference
// evaluator (test/data/models says how).
#include <algorithm>
#include <cmath>

#include "engine_fixture.hpp"

namespace accel::inference {
namespace {

using tensor::DType;
using tensor::Tensor;

// "The cat sits on the mat."
const std::vector<std::int64_t> kIds{101, 1996, 4937, 7719, 2006, 1996, 13523, 1012, 102};

std::filesystem::path models_folder() {
  const char* cache = std::getenv("XDG_CACHE_HOME");
  const char* home = std::getenv("HOME");
  const std::filesystem::path base =
      cache != nullptr && *cache != '\0'
          ? std::filesystem::path(cache)
          : std::filesystem::path(home == nullptr ? "/" : home) / ".cache";
  return base / "ipfs-accelerate" / "deps" / "models";
}

class RealModel : public testing::EngineTest {
 protected:
  void use_model(const std::string& engine, const std::filesystem::path& relative) {
    use(engine);
    if (IsSkipped()) return;
    model_ = models_folder() / relative;
    if (!std::filesystem::exists(model_)) {
      GTEST_SKIP() << model_ << " is not installed; run `tools/deps install model test`.";
    }
  }

  std::vector<float> run(const SessionOptions& options, std::int64_t batch = 1) {
    auto session = backend_->open(model_, options);
    EXPECT_TRUE(session) << session.error().to_string();
    if (!session) return {};
    load_ = (*session)->info().load;
    const tensor::Shape shape{batch, static_cast<std::int64_t>(kIds.size())};
    Tensor ids = Tensor::zeros(DType::i64, shape).value();
    Tensor mask = Tensor::zeros(DType::i64, shape).value();
    const Tensor types = Tensor::zeros(DType::i64, shape).value();
    std::ranges::fill(mask.mutable_data<std::int64_t>(), 1);
    for (std::size_t index = 0; index < ids.elements(); ++index) {
      ids.mutable_data<std::int64_t>()[index] = kIds[index % kIds.size()];
    }
    const auto outputs = (*session)->run(
        std::vector<NamedTensor>{
            {"input_ids", &ids}, {"attention_mask", &mask}, {"token_type_ids", &types}},
        std::vector<std::string>{"last_hidden_state"}, {});
    EXPECT_TRUE(outputs) << outputs.error().to_string();
    if (!outputs) return {};
    EXPECT_EQ(outputs->at(0).shape(), (tensor::Shape{batch, shape[1], 384}));
    const auto values = outputs->at(0).data<float>();
    return {values.begin(), values.end()};
  }

  std::filesystem::path model_;
  std::string load_;
};

double largest_difference(std::span<const float> a, std::span<const float> b) {
  double largest = 0;
  for (std::size_t index = 0; index < std::min(a.size(), b.size()); ++index) {
    largest = std::max(largest, std::abs(double{a[index]} - double{b[index]}));
  }
  return largest;
}

constexpr std::string_view kF32 = "minilm-l6-f32/onnx/model.onnx";
constexpr std::string_view kInt8 = "minilm-int8/model.onnx";
const std::vector<float> kF32First8{0.514679F,  -0.051789F, -0.100055F, 0.208115F,
                                    -0.323456F, 0.223315F,  0.080477F,  -0.01316F};
const std::vector<float> kInt8First8{0.503194F,  -0.049796F, -0.082251F, 0.19137F,
                                     -0.324173F, 0.230852F,  0.092454F,  0.007222F};

TEST_F(RealModel, f32_on_onnx_runtime_agrees_with_the_reference) {
  use_model("onnxruntime", kF32);
  if (IsSkipped()) return;
  EXPECT_LT(largest_difference(run({}), kF32First8), 1e-5);
  EXPECT_EQ(load_, "skeleton");
}

TEST_F(RealModel, f32_on_openvino_agrees_with_the_reference) {
  use_model("openvino", kF32);
  if (IsSkipped()) return;
  EXPECT_LT(largest_difference(run({}), kF32First8), 1e-4);
}

TEST_F(RealModel, int8_weights_on_onnx_runtime_agree_with_the_reference) {
  use_model("onnxruntime", kInt8);
  if (IsSkipped()) return;
  EXPECT_LT(largest_difference(run({}), kInt8First8), 1e-5);
}

TEST_F(RealModel, by_path_and_as_a_skeleton_give_the_same_bits) {
  use_model("onnxruntime", kF32);
  if (IsSkipped()) return;
  SessionOptions options;
  options.load = LoadMode::by_path;
  const auto by_path = run(options, 3);
  options.load = LoadMode::skeleton;
  EXPECT_EQ(run(options, 3), by_path);
}

TEST_F(RealModel, sessions_that_share_their_weights_give_the_same_bits) {
  use_model("onnxruntime", kF32);
  if (IsSkipped()) return;
  SessionOptions options;
  options.load = LoadMode::by_path;
  const auto by_path = run(options, 3);
  options.load = LoadMode::shared;
  const auto held = backend_->open(model_, options).value();
  EXPECT_EQ(run(options, 3), by_path);
  EXPECT_EQ(load_, "shared");
}

TEST_F(RealModel, openvinos_reduced_precisions_differ_and_by_how_much_is_bounded) {
  use_model("openvino", kInt8);
  if (IsSkipped()) return;
  const auto reference = run({});
  EXPECT_LT(largest_difference(std::span(reference).first(8), kInt8First8), 1e-3);
  const auto offered = backend_->probe().value().precisions;
  for (const std::string precision : {"int8dyn", "bf16"}) {
    if (std::ranges::find(offered, precision) == offered.end()) continue;
    SessionOptions options;
    options.precision = precision;
    const double error = largest_difference(run(options), reference);
    EXPECT_GT(error, 1e-4) << precision << " was asked for and did not change anything";
    EXPECT_LT(error, 0.3) << precision;
    RecordProperty("max_abs_error_" + precision, fmt::format("{:.4f}", error));
  }
}

TEST_F(RealModel, openvino_finds_again_what_it_compiled) {
  use_model("openvino", kF32);
  if (IsSkipped()) return;
  SessionOptions options;
  options.cache_folder = folder_;
  const auto first = run(options);
  EXPECT_FALSE(std::filesystem::is_empty(folder_));
  EXPECT_EQ(run(options), first);
  EXPECT_EQ(load_, "cache");
}

}  // namespace
}  // namespace accel::inference
