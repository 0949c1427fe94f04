// SPDX-License-Identifier: Apache-2.0
// Which text fits an image, on a tiny CLIP with RANDOM weights, against CLIP written in numpy, the
// pixels of Pillow and the tokenizers of Hugging Face: test/data/models/tiny_clip_cases.json.
#include <gmock/gmock.h>

#include <cmath>
#include <fstream>

#include "accel/core/file.hpp"
#include "accel/inference/backend.hpp"
#include "accel/inference/graph_set.hpp"
#include "accel/models/family.hpp"
#include "accel/models/tokenizer.hpp"
#include "test_files.hpp"

namespace accel::models {
namespace {

using nlohmann::json;

constexpr double kTolerance = 1e-4;
constexpr const char* kTask = "zero-shot-image-classification";

std::filesystem::path data(const std::string& below) {
  return std::filesystem::path(ACCEL_TEST_DATA) / "models" / below;
}
Fetcher model_files() { return directory_fetcher(data("tiny-random-clip")); }
Bytes image(const std::string& name) {
  return read_file(data("inputs/" + name), 1U << 22U).value();
}

class TinyClip : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto manifest =
        read_manifest(list_directory(data("tiny-random-clip")).value(), model_files());
    ASSERT_TRUE(manifest) << manifest.error().to_string();
    manifest_ = *manifest;
    EXPECT_EQ(manifest_.task, kTask);
    const auto files = fetch_graphs(manifest_.variants.at(0), model_files());
    ASSERT_TRUE(files) << files.error().to_string();
    const auto backend = inference::make_onnxruntime_backend();
    auto session = inference::open_graphs(*backend, *files, {});
    if (!session && session.error().code == Errc::unavailable)
      GTEST_SKIP() << session.error().to_string();
    ASSERT_TRUE(session) << session.error().to_string();
    session_ = std::move(*session);
  }

  Result<FamilyResult> run(FamilyInput input, const Fetcher& fetcher = model_files()) {
    ACCEL_TRY(const auto family, find_family(kTask)->open(manifest_, fetcher));
    ACCEL_TRY(const auto workload, family->prepare(std::move(input)));
    return workload->run(*session_, {});
  }
  static FamilyInput asked(std::vector<std::string> texts, Bytes media = image("cat.png")) {
    return {.texts = std::move(texts), .media_kind = "image", .media = std::move(media)};
  }
  Errc refusal(FamilyInput input) {
    const auto result = run(std::move(input));
    return result ? Errc::internal : result.error().code;
  }

  const json cases_ = testing::test_data("tiny_clip_cases.json");
  const std::vector<std::string> texts_ = cases_["texts"];
  ModelManifest manifest_;
  std::unique_ptr<inference::Session> session_;
};

TEST_F(TinyClip, finds_what_numpy_finds) {
  for (const json& row : cases_["rows"]) {
    const auto result = run(asked(texts_, image(row["image"])));
    ASSERT_TRUE(result) << result.error().to_string();
    const std::vector<double> logits = row["logits"];
    double sum = 0;
    for (const double value : logits) sum += std::exp(value);
    ASSERT_EQ(result->numbers.at(0).size(), logits.size());
    ASSERT_EQ(result->rows.at(0).size(), logits.size());
    for (std::size_t i = 0; i < logits.size(); ++i)
      EXPECT_NEAR(static_cast<double>(result->numbers[0][i]), logits[i], kTolerance);
    double before = 1;
    for (const Finding& finding : result->rows[0]) {
      const std::size_t index = finding.index.value();
      EXPECT_EQ(finding.label, texts_[index]);
      EXPECT_NEAR(finding.score, std::exp(logits[index]) / sum, kTolerance);
      EXPECT_LE(finding.score, before);
      before = finding.score;
    }
  }
}

TEST_F(TinyClip, cuts_texts_into_the_tokens_of_hugging_face) {
  const Bytes text = read_file(data("tiny-random-clip/tokenizer.json"), kMaxTokenizerBytes).value();
  const Tokenizer tokenizer = Tokenizer::from_json(text).value();
  std::size_t tokens = 0;
  for (std::size_t i = 0; i < texts_.size(); ++i) {
    const std::vector<std::int32_t> ids = cases_["ids"][i];
    EXPECT_EQ(tokenizer.encode(texts_[i], {.max_length = 20}).ids, ids);
    tokens += ids.size();
  }
  const auto result = run(asked(texts_));
  ASSERT_TRUE(result);
  EXPECT_EQ(result->tokens, tokens);
  EXPECT_EQ(result->truncated, 1U);
}

TEST_F(TinyClip, a_text_counts_the_same_beside_longer_ones) {
  const auto pair = run(asked({texts_[0], texts_[1]}));
  const auto padded = run(asked({texts_[0], texts_[4]}));
  ASSERT_TRUE(pair && padded);
  EXPECT_NEAR(pair->numbers[0][0], padded->numbers[0][0], kTolerance);
}

TEST_F(TinyClip, puts_texts_into_the_sentence_of_the_query) {
  FamilyInput input = asked({"cat", "dog"});
  input.query = "a photo of a {}.";
  const auto named = run(input);
  const auto whole = run(asked({"a photo of a cat.", "a photo of a dog."}));
  ASSERT_TRUE(named && whole);
  EXPECT_EQ(named->numbers, whole->numbers);
  EXPECT_THAT((std::vector<std::string>{named->rows[0][0].label, named->rows[0][1].label}),
              ::testing::UnorderedElementsAre("cat", "dog"));
  input.query = "a photo";
  EXPECT_EQ(refusal(input), Errc::invalid_argument);
  input.query = std::string(2000, 'x') + "{}";
  EXPECT_EQ(refusal(input), Errc::invalid_argument);
}

TEST_F(TinyClip, shows_the_best_alone_when_asked) {
  FamilyInput input = asked(texts_);
  input.top_k = 2;
  const auto result = run(input);
  ASSERT_TRUE(result);
  EXPECT_EQ(result->rows[0].size(), 2U);
  EXPECT_EQ(result->numbers[0].size(), texts_.size());
}

TEST_F(TinyClip, refuses_requests_that_it_can_not_answer) {
  EXPECT_EQ(refusal(asked({})), Errc::invalid_argument);
  EXPECT_EQ(refusal(asked({"one alone"})), Errc::invalid_argument);
  EXPECT_EQ(refusal(asked(std::vector<std::string>(257, "x"))), Errc::resource_exhausted);
  EXPECT_EQ(refusal({.texts = {"a", "b"}}), Errc::invalid_argument);
  FamilyInput sound = asked({"a", "b"});
  sound.media_kind = "audio";
  EXPECT_EQ(refusal(sound), Errc::invalid_argument);
  EXPECT_EQ(refusal(asked({"a", "b"}, {})), Errc::invalid_argument);
  EXPECT_EQ(refusal(asked({"a", "b"}, Bytes(100, 7))), Errc::unsupported);
  Bytes cut = image("cat.png");
  cut.resize(cut.size() / 2);
  EXPECT_EQ(refusal(asked({"a", "b"}, cut)), Errc::invalid_argument);
  FamilyInput seeded = asked({"a", "b"});
  seeded.seed = 1;
  EXPECT_EQ(refusal(seeded), Errc::invalid_argument);
}

TEST_F(TinyClip, takes_whatever_texts_hold) {
  const std::string nul("a\0b", 3);
  for (const std::string& odd : {std::string(), nul, std::string("\xff\xfe"), std::string("🙂"),
                                 std::string(100'000, 'x'), std::string("<|endoftext|>")}) {
    const auto result = run(asked({"a cat", odd}));
    ASSERT_TRUE(result) << result.error().to_string();
    EXPECT_NEAR(result->rows[0][0].score + result->rows[0][1].score, 1, kTolerance);
  }
}

TEST_F(TinyClip, refuses_files_that_say_nonsense) {
  const auto changed = [](const std::string& name, const std::string& text) -> Fetcher {
    const auto local = std::filesystem::path(::testing::TempDir()) / ("clip-" + name);
    std::ofstream(local) << text;
    return [name, local, whole = model_files()](std::string_view path) {
      return path == name ? Result<std::filesystem::path>(local) : whole(path);
    };
  };
  const auto code = [&](const Fetcher& fetcher) {
    const auto result = run(asked({"a", "b"}), fetcher);
    return result ? Errc::internal : result.error().code;
  };
  for (const char* config :
       {R"({"text_config": 5})", "[]", "no", R"({"text_config": {"max_position_embeddings": 1}})",
        R"({"text_config": {"max_position_embeddings": 99999999}})",
        R"({"text_config": {"max_position_embeddings": -3}})"}) {
    EXPECT_EQ(code(changed("config.json", config)), Errc::corrupt) << config;
  }
  EXPECT_EQ(code(changed("tokenizer.json", "{}")), Errc::corrupt);
  EXPECT_EQ(code(changed("preprocessor_config.json", "{}")), Errc::corrupt);
  // Longer texts than the graph has places for: the engine refuses them, nothing is read beyond.
  const auto longer = run(
      asked(texts_), changed("config.json", R"({"text_config": {"max_position_embeddings": 64}})"));
  EXPECT_FALSE(longer);
}

}  // namespace
}  // namespace accel::models
