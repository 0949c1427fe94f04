// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include <limits>

#include "accel/models/text_embedder.hpp"
#include "fake_session.hpp"
#include "test_files.hpp"

namespace accel::models {
namespace {

using tensor::Shape;
using testing::FakeSession;
using ::testing::HasSubstr;
using Vector = std::vector<float>;

constexpr std::string_view kTokenizer = R"({
  "normalizer": {"type": "BertNormalizer"}, "pre_tokenizer": {"type": "BertPreTokenizer"},
  "post_processor": {"type": "BertProcessing", "cls": ["[CLS]", 2], "sep": ["[SEP]", 4]},
  "padding": {"pad_id": 9},
  "model": {"type": "WordPiece", "vocab": {"[UNK]": 1, "[CLS]": 2, "[SEP]": 4, "a": 6, "b": 12}}})";

TextPipeline pipeline(TextEmbeddingConfig config = {}) {
  return {config, Tokenizer::from_json(as_bytes(kTokenizer)).value()};
}

std::vector<Vector> embed(const TextPipeline& with, FakeSession& session,
                          const std::vector<std::string>& texts) {
  const auto result = with.embed(session, texts, {});
  EXPECT_TRUE(result) << result.error().to_string();
  return result ? result->vectors : std::vector<Vector>{};
}

TEST(TextPipeline, pads_a_batch_to_its_longest_text) {
  const std::vector<std::string> texts{"a", "a b"};
  const TextBatch batch = pipeline().prepare(texts).value();
  EXPECT_EQ(batch.input_ids.shape(), (Shape{2, 4}));
  EXPECT_THAT(batch.input_ids.data<std::int64_t>(),
              ::testing::ElementsAre(2, 6, 4, 9, 2, 6, 12, 4));
  EXPECT_THAT(batch.attention_mask.data<std::int64_t>(),
              ::testing::ElementsAre(1, 1, 1, 0, 1, 1, 1, 1));
  EXPECT_EQ(batch.tokens, (std::vector<std::size_t>{3, 4}));
  EXPECT_EQ(pipeline().prepare(texts, 16)->input_ids.shape(), (Shape{2, 16}));
}

TEST(TextPipeline, takes_the_mean_over_tokens_and_not_over_padding) {
  FakeSession session;
  EXPECT_EQ(embed(pipeline(), session, {"a", "a b a b"}),
            (std::vector<Vector>{{4, 0, 1}, {7, 0, 1}}));
}

TEST(TextPipeline, normalizes_when_the_model_says_so) {
  FakeSession session;
  const auto vectors = embed(pipeline({.normalize = true}), session, {"a"});
  EXPECT_FLOAT_EQ(vectors[0][0], 4 / std::sqrt(17.0F));
}

TEST(TextPipeline, cuts_texts_to_the_models_length_and_counts_them) {
  FakeSession session;
  const std::vector<std::string> texts{"a a a a", "a"};
  const auto result = pipeline({.max_length = 4}).embed(session, texts, {}).value();
  EXPECT_EQ(result.tokens, (std::vector<std::size_t>{4, 3}));
  EXPECT_EQ(result.cut, std::vector<std::size_t>{0});
  EXPECT_EQ(session.shapes, (std::vector<Shape>{{2, 4}}));
}

TEST(TextPipeline, gives_results_in_the_order_of_the_texts_whatever_the_batches) {
  FakeSession session;
  std::vector<std::string> texts;
  for (int i = 0; i < 2500; ++i) {
    std::string text = "a";
    for (int j = 0; j < (i * 7) % 50; ++j) text += " b";
    texts.push_back(text);
  }
  const auto together = embed(pipeline(), session, texts);
  const auto batches = session.shapes;
  for (std::size_t i = 0; i < texts.size(); i += 97) {
    ASSERT_EQ(together[i], embed(pipeline(), session, {texts[i]})[0]) << i;
  }
  for (const Shape& shape : batches) {
    EXPECT_LE(shape[0], static_cast<std::int64_t>(kMaxBatchRows));
  }
}

TEST(TextPipeline, bounds_the_tokens_of_a_batch) {
  FakeSession session;
  std::string text;
  for (int i = 0; i < 3000; ++i) text += "a ";
  embed(pipeline({.max_length = 3000}), session, std::vector<std::string>(5, text));
  EXPECT_EQ(session.shapes, (std::vector<Shape>{{2, 3000}, {2, 3000}, {1, 3000}}));
}

TEST(TextPipeline, fills_up_the_only_batch_and_length_that_a_model_takes) {
  FakeSession session;
  for (auto& spec : session.inputs_) spec.dims = {2, 5};
  EXPECT_EQ(embed(pipeline(), session, {"a", "a a a a a a a", "b"}),
            (std::vector<Vector>{{4, 0, 1}, {4.8F, 0, 1}, {6, 0, 1}}));
  EXPECT_EQ(session.shapes, (std::vector<Shape>{{2, 5}, {2, 5}}));
}

TEST(TextPipeline, gives_only_the_inputs_that_the_model_has_in_its_own_type) {
  FakeSession session;
  session.inputs_.pop_back();
  for (auto& spec : session.inputs_) spec.dtype = tensor::DType::i32;
  EXPECT_EQ(embed(pipeline(), session, {"a"}), (std::vector<Vector>{{4, 0, 1}}));
}

TEST(TextPipeline, finds_the_output_by_its_names_and_then_by_its_shape) {
  FakeSession session;
  const testing::TensorSpec pooled{"pooler_output", tensor::DType::f32, {-1, 3}, true};
  for (const std::string name : {"output_0", "token_embeddings", "some_output"}) {
    session.outputs_ = {pooled, {name, tensor::DType::f32, {-1, -1, 3}, true}};
    EXPECT_EQ(embed(pipeline(), session, {"a"}).size(), 1U) << name;
  }
  session.outputs_ = {{"last_hidden_state", tensor::DType::f32, {}, false}};
  EXPECT_EQ(embed(pipeline(), session, {"a"}).size(), 1U);
}

TEST(TextPipeline, refuses_a_session_that_is_no_sentence_encoder) {
  const std::vector<std::string> texts{"a"};
  FakeSession images;
  images.inputs_ = {{"pixel_values", tensor::DType::f32, {1, 3, 224, 224}, true}};
  EXPECT_EQ(pipeline().embed(images, texts, {}).error().code, Errc::unsupported);
  EXPECT_THAT(pipeline().embed(images, texts, {}).error().message, HasSubstr("pixel_values"));
  FakeSession no_ids;
  no_ids.inputs_.erase(no_ids.inputs_.begin());
  EXPECT_THAT(pipeline().embed(no_ids, texts, {}).error().message, HasSubstr("input_ids"));
  FakeSession classifier;
  classifier.outputs_ = {{"logits", tensor::DType::f32, {-1, 2}, true}};
  EXPECT_THAT(pipeline().embed(classifier, texts, {}).error().message,
              HasSubstr("last_hidden_state"));
}

TEST(TextPipeline, refuses_results_that_are_not_finite_or_of_another_dimension) {
  const std::vector<std::string> texts{"a"};
  FakeSession session;
  EXPECT_EQ(pipeline({.dimension = 384}).embed(session, texts, {}).error().code, Errc::corrupt);
  session.scale = std::numeric_limits<float>::infinity();
  EXPECT_EQ(pipeline().embed(session, texts, {}).error().code, Errc::internal);
}

TEST(TextPipeline, refuses_no_text_and_too_many) {
  FakeSession session;
  EXPECT_EQ(pipeline().embed(session, {}, {}).error().code, Errc::invalid_argument);
  EXPECT_EQ(pipeline().prepare({}).error().code, Errc::invalid_argument);
  const std::vector<std::string> many(kMaxEmbedTexts + 1);
  EXPECT_EQ(pipeline().embed(session, many, {}).error().code, Errc::resource_exhausted);
}

TEST(TextPipeline, stops_between_batches) {
  FakeSession session;
  std::stop_source source;
  session.on_run = [&] { source.request_stop(); };
  const std::vector<std::string> texts(kMaxBatchRows + 1, "a");
  EXPECT_EQ(pipeline().embed(session, texts, {source.get_token()}).error().code, Errc::cancelled);
  EXPECT_EQ(session.shapes.size(), 1U);
}

// What was embedded before, of one model and caller.
class KnownTexts : public ::testing::Test {
 protected:
  Embeddings embed(const std::vector<std::string>& texts, const std::string& scope = {},
                   const TextPipeline& with = pipeline()) {
    session_.shapes.clear();
    inference::OutputUse use(model_, scope);
    return with.embed(session_, texts, {}, &use).value();
  }
  std::int64_t rows() const {
    std::int64_t rows = 0;
    for (const Shape& shape : session_.shapes) rows += shape[0];
    return rows;
  }

  Metrics metrics_;
  inference::OutputCache cache_{1U << 20U, metrics_};
  inference::OutputOwner model_{cache_};
  FakeSession session_;
};

TEST_F(KnownTexts, only_those_that_are_new_run) {
  EXPECT_EQ(embed({"a", "b", "a b"}).known, 0U);
  EXPECT_EQ(rows(), 3);
  const Embeddings mixed = embed({"b b", "a", "b", "a b", "a a"});
  EXPECT_EQ(mixed.known, 3U);
  EXPECT_EQ(rows(), 2);
  FakeSession fresh;
  EXPECT_EQ(mixed.vectors,
            ::accel::models::embed(pipeline(), fresh, {"b b", "a", "b", "a b", "a a"}));
  EXPECT_EQ(mixed.tokens, (std::vector<std::size_t>{4, 3, 3, 4, 4}));
  EXPECT_EQ(embed({"a a", "b"}).known, 2U);
  EXPECT_TRUE(session_.shapes.empty());
}

TEST_F(KnownTexts, equal_texts_of_one_call_run_once) {
  const Embeddings result = embed({"a", "b", "a", "a"});
  EXPECT_EQ(result.known, 2U);
  EXPECT_EQ(rows(), 2);
  EXPECT_EQ(result.vectors[2], result.vectors[0]);
  EXPECT_EQ(result.vectors[3], result.vectors[0]);
}

TEST_F(KnownTexts, are_known_by_their_tokens_and_how_these_become_a_vector) {
  EXPECT_EQ(embed({"A b"}).known, 0U);
  EXPECT_EQ(embed({"a  B"}).known, 1U);
  EXPECT_EQ(embed({"a b"}, "", pipeline({.pooling = Pooling::cls})).known, 0U);
  EXPECT_EQ(embed({"a b"}, "", pipeline({.normalize = true})).known, 0U);
}

TEST_F(KnownTexts, are_nothing_to_another_caller) {
  (void)embed({"a"}, "ak_1");
  EXPECT_EQ(embed({"a"}, "ak_2").known, 0U);
  EXPECT_EQ(embed({"a"}).known, 0U);
  EXPECT_EQ(embed({"a"}, "ak_1").known, 1U);
}

TEST_F(KnownTexts, are_counted_over_the_slices_of_a_long_call) {
  const std::vector<std::string> texts(3000, "a");
  const Embeddings result = embed(texts);
  EXPECT_EQ(result.known, 2999U);
  EXPECT_EQ(rows(), 1);
  EXPECT_EQ(result.vectors.size(), 3000U);
  EXPECT_EQ(result.vectors.back(), result.vectors.front());
}

class TextEmbedderFiles : public testing::Folder {};

TEST_F(TextEmbedderFiles, opens_from_a_directory_and_says_what_is_missing) {
  write("tokenizer.json", kTokenizer);
  ModelManifest manifest;
  manifest.files = list_directory(folder_).value();
  const Fetcher fetcher = directory_fetcher(folder_);
  auto embedder = TextEmbedder::open(manifest, fetcher, std::make_unique<FakeSession>());
  ASSERT_TRUE(embedder) << embedder.error().to_string();
  const std::vector<std::string> texts{"b"};
  EXPECT_EQ((*embedder)->embed(texts)->vectors, (std::vector<Vector>{{6, 0, 1}}));
  manifest.files.clear();
  const auto missing = TextPipeline::open(manifest, fetcher);
  EXPECT_EQ(missing.error().code, Errc::not_found);
  EXPECT_THAT(missing.error().message, HasSubstr("tokenizer.json"));
}

}  // namespace
}  // namespace accel::models
