// SPDX-License-Identifier: Apache-2.0
// Whole embeddings of real weights against the reference vectors of an independent run (ONNX
// Runtime 1.31.1 in Python, checked against PyTorch): test/data/models/minilm_l6_{f32,int8}.json.
#include <cmath>
#include <numeric>

#include "accel/inference/backend.hpp"
#include "accel/models/text_embedder.hpp"
#include "test_files.hpp"

namespace accel::models {
namespace {

using nlohmann::json;
using testing::models_folder;
using Vector = std::vector<float>;

double cosine(const Vector& a, const Vector& b) {
  const double dot = std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
  const double aa = std::inner_product(a.begin(), a.end(), a.begin(), 0.0);
  const double bb = std::inner_product(b.begin(), b.end(), b.begin(), 0.0);
  return dot / std::sqrt(aa * bb);
}

class MiniLm : public ::testing::Test {
 protected:
  // The int8 package ships no configuration: it is the same model, so it takes the other's.
  void open(const std::string& weights_folder, const std::string& entry) {
    const auto folder = models_folder() / "minilm-l6-f32";
    const auto weights = models_folder() / weights_folder / entry;
    for (const auto& needed : {folder / "config.json", weights}) {
      if (std::filesystem::exists(needed)) continue;
      GTEST_SKIP() << needed << " is missing: run `tools/deps install model test`.";
    }
    auto session = inference::make_onnxruntime_backend()->open(weights, {});
    if (!session && session.error().code == Errc::unavailable) {
      GTEST_SKIP() << session.error().to_string();
    }
    ASSERT_TRUE(session) << session.error().to_string();
    ModelManifest manifest;
    for (const char* file :
         {"config.json", "modules.json", "1_Pooling/config.json", "tokenizer.json",
          "sentence_bert_config.json", "tokenizer_config.json"}) {
      manifest.files.push_back({file, {}, 0});
    }
    auto embedder = TextEmbedder::open(manifest, directory_fetcher(folder), std::move(*session));
    ASSERT_TRUE(embedder) << embedder.error().to_string();
    embedder_ = std::move(*embedder);
  }

  void expect_reference(const std::string& file, double max_error) {
    const json reference = testing::test_data(file);
    std::vector<std::string> texts;
    for (const json& row : reference["cases"]) texts.push_back(row["text"]);
    const auto together = embedder_->embed(texts);
    ASSERT_TRUE(together) << together.error().to_string();
    double worst = 0;
    for (std::size_t i = 0; i < texts.size(); ++i) {
      const json& row = reference["cases"][i];
      const auto wanted = row["embedding"].get<Vector>();
      EXPECT_EQ(embedder_->pipeline().tokenizer().encode(texts[i], {.max_length = 256}).ids,
                row["input_ids"].get<std::vector<std::int32_t>>());
      ASSERT_EQ(together->vectors[i].size(), wanted.size());
      EXPECT_GE(cosine(together->vectors[i], wanted), 0.9999) << texts[i];
      for (std::size_t j = 0; j < wanted.size(); ++j) {
        worst = std::max(worst, std::abs(double{together->vectors[i][j]} - wanted[j]));
      }
    }
    RecordProperty("max_abs_difference", std::to_string(worst));
    EXPECT_LE(worst, max_error);
  }

  std::unique_ptr<TextEmbedder> embedder_;
};

// The reference is printed with six decimals: half a unit of the last is 5e-7.
TEST_F(MiniLm, in_f32_gives_the_reference_embeddings) {
  open("minilm-l6-f32", "onnx/model.onnx");
  if (embedder_) expect_reference("minilm_l6_f32.json", 2e-6);
}

TEST_F(MiniLm, with_int8_weights_gives_the_reference_embeddings) {
  open("minilm-int8", "model.onnx");
  if (embedder_) expect_reference("minilm_l6_int8.json", 2e-6);
}

TEST_F(MiniLm, gives_one_text_the_same_embedding_alone_and_in_a_batch) {
  open("minilm-l6-f32", "onnx/model.onnx");
  if (!embedder_) return;
  const std::vector<std::string> both{"A short text.",
                                      "A text that is a good deal longer than that."};
  const auto together = embedder_->embed(both).value();
  for (std::size_t i = 0; i < both.size(); ++i) {
    const auto alone = embedder_->embed(std::span(both).subspan(i, 1)).value();
    EXPECT_GE(cosine(alone.vectors[0], together.vectors[i]), 0.999999);
  }
}

TEST(MiniLmFolder, reads_as_a_sentence_encoder_in_f32) {
  const auto folder = models_folder() / "minilm-l6-f32";
  const auto listing = list_directory(folder);
  if (!listing) GTEST_SKIP() << "run `tools/deps install model`: " << listing.error().message;
  const Fetcher fetcher = directory_fetcher(folder);
  const auto manifest = read_manifest(*listing, fetcher);
  ASSERT_TRUE(manifest) << manifest.error().to_string();
  EXPECT_EQ(manifest->task, "text-embedding");
  EXPECT_EQ(manifest->family, "bert");
  EXPECT_EQ(manifest->variants.at(0).precision, "f32");
  EXPECT_EQ(weights_sha256(manifest->variants[0], fetcher).value(),
            "95dc6a1f6bf4c865b40635532207645a0e10a925abdb58c5dfb0e7d30a139fd1");
  EXPECT_EQ(fetch_variant(manifest->variants[0], fetcher).value(), folder / "onnx/model.onnx");
}

}  // namespace
}  // namespace accel::models
