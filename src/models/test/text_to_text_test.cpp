// SPDX-License-Identifier: Apache-2.0
// Texts out of texts, on a tiny T5 with RANDOM weights, against T5 written in numpy and the
// tokenizers of Hugging Face: test/data/models/tiny_t5_cases.json.
#include <cmath>
#include <fstream>

#include "accel/inference/backend.hpp"
#include "accel/inference/graph_set.hpp"
#include "accel/models/family.hpp"
#include "accel/models/tokenizer.hpp"
#include "generation_rules.hpp"
#include "test_files.hpp"

namespace accel::models {
namespace {

using nlohmann::json;

constexpr double kTolerance = 1e-4;

const std::filesystem::path& folder() {
  static const auto kFolder = std::filesystem::path(ACCEL_TEST_DATA) / "models/tiny-random-t5";
  return kFolder;
}

class TinyT5 : public ::testing::Test {
 protected:
  void SetUp() override {
    const Fetcher fetcher = directory_fetcher(folder());
    const auto manifest = read_manifest(list_directory(folder()).value(), fetcher);
    ASSERT_TRUE(manifest) << manifest.error().to_string();
    manifest_ = *manifest;
    EXPECT_EQ(manifest_.task, "text2text-generation");
    ASSERT_EQ(manifest_.variants.size(), 1U);
    const auto files = fetch_graphs(manifest_.variants[0], fetcher);
    ASSERT_TRUE(files) << files.error().to_string();
    const auto backend = inference::make_onnxruntime_backend();
    auto session = inference::open_graphs(*backend, *files, {});
    if (!session && session.error().code == Errc::unavailable)
      GTEST_SKIP() << session.error().to_string();
    ASSERT_TRUE(session) << session.error().to_string();
    session_ = std::move(*session);
  }

  Result<FamilyResult> run(FamilyInput input, const char* task = "text2text-generation",
                           const Fetcher& fetcher = directory_fetcher(folder())) {
    ACCEL_TRY(const auto family, find_family(task)->open(manifest_, fetcher));
    ACCEL_TRY(const auto workload, family->prepare(std::move(input)));
    return workload->run(*session_, {});
  }

  void expect_rows(const std::string& rules, const Fetcher& fetcher) {
    for (const json& row : cases_["rows"]) {
      if (row["rules"] != rules) continue;
      const auto result =
          run({.texts = {row["text"]}, .query = row["task"]}, "text2text-generation", fetcher);
      ASSERT_TRUE(result) << result.error().to_string();
      const Finding& answer = result->rows.at(0).at(0);
      EXPECT_EQ(answer.text, row["answer"].get<std::string>());
      EXPECT_NEAR(std::log(answer.score), row["score"].get<double>(), kTolerance);
      EXPECT_EQ(result->tokens, row["input"].size() + row["tokens"].size());
    }
  }

  const json cases_ = testing::test_data("tiny_t5_cases.json");
  ModelManifest manifest_;
  std::unique_ptr<inference::Session> session_;
};

// The model's files, but for one that says something else.
class ChangedFile {
 public:
  ChangedFile(std::string path, const json& value) : path_(std::move(path)) {
    local_ = std::filesystem::path(::testing::TempDir()) /
             ("t5-" + std::to_string(std::hash<std::string>()(value.dump())) + ".json");
    std::ofstream(local_) << value.dump();
  }
  ~ChangedFile() { std::filesystem::remove(local_); }
  ChangedFile(const ChangedFile&) = delete;
  ChangedFile& operator=(const ChangedFile&) = delete;

  Fetcher fetcher() const {
    return [this, whole = directory_fetcher(folder())](
               std::string_view path) -> Result<std::filesystem::path> {
      return path == path_ ? Result<std::filesystem::path>(local_) : whole(path);
    };
  }

 private:
  std::string path_;
  std::filesystem::path local_;
};

json generation() {
  return {{"decoder_start_token_id", 0}, {"eos_token_id", 1}, {"max_length", 33}};
}

TEST_F(TinyT5, writes_what_numpy_writes) { expect_rows("plain", directory_fetcher(folder())); }

TEST_F(TinyT5, writes_what_numpy_writes_by_rules) {
  json rules = generation();
  rules["min_length"] = 8;
  rules["no_repeat_ngram_size"] = 2;
  const ChangedFile changed("generation_config.json", rules);
  expect_rows("strict", changed.fetcher());
}

TEST_F(TinyT5, takes_the_prefix_of_a_task_that_has_one_alone) {
  const FamilyInput input{.texts = {"A model is a folder."}};
  const auto named = run({.texts = input.texts, .query = "summarization"});
  const auto by_task = run(input, "summarization");
  const auto by_words = run({.texts = input.texts, .query = "summarize: "});
  const auto bare = run(input);
  ASSERT_TRUE(named && by_task && by_words && bare);
  EXPECT_EQ(named->rows[0][0].text, by_task->rows[0][0].text);
  EXPECT_EQ(named->rows[0][0].text, by_words->rows[0][0].text);
  EXPECT_NE(named->rows[0][0].text, bare->rows[0][0].text);
  EXPECT_TRUE(run(input, "translation"));
}

TEST_F(TinyT5, refuses_a_task_that_the_model_does_not_know_and_names_those_that_it_does) {
  const auto result = run({.texts = {"a"}, .query = "translation_en_to_xx"});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Errc::invalid_argument);
  EXPECT_NE(result.error().message.find("translation_en_to_de"), std::string::npos);
}

TEST_F(TinyT5, stops_after_as_many_tokens_as_are_wanted) {
  const auto result =
      run({.texts = {"The cat sat on the mat."}, .parameters = {{"max_tokens", 3}}});
  ASSERT_TRUE(result);
  EXPECT_EQ(result->tokens, cases_["rows"][0]["input"].size() + 3);
  for (const double wrong : {0.0, -1.0, 1.5, 1e9}) {
    EXPECT_FALSE(run({.texts = {"a"}, .parameters = {{"max_tokens", wrong}}}));
  }
  EXPECT_FALSE(run({.texts = {"a"}, .parameters = {{"beams", 2}}}));
}

TEST_F(TinyT5, refuses_media_and_no_text) {
  EXPECT_EQ(run({}).error().code, Errc::invalid_argument);
  EXPECT_EQ(run({.texts = {"a"}, .media_kind = "image", .media = {1}}).error().code,
            Errc::invalid_argument);
}

TEST_F(TinyT5, refuses_options_that_would_write_something_else) {
  for (const char* patch :
       {R"({"repetition_penalty": 1.2})", R"({"bad_words_ids": [[3, 4]]})",
        R"({"eos_token_id": "x"})", R"({"max_length": -1})", R"({"suppress_tokens": [1.5]})"}) {
    json rules = generation();
    rules.update(json::parse(patch));
    const ChangedFile changed("generation_config.json", rules);
    EXPECT_FALSE(GenerationRules::read(manifest_, changed.fetcher())) << patch;
  }
}

GenerationRules rules_of_three() {
  GenerationRules rules;
  rules.ends = {1};
  rules.most = 5;
  return rules;
}

std::vector<float> after(const GenerationRules& rules, const std::vector<std::int32_t>& written) {
  std::vector<float> logits{1, 2, 3, 4};
  rules.apply(written, rules.most, logits);
  for (float& value : logits) value = std::isfinite(value) ? value : -1;
  return logits;
}

TEST(GenerationRules, without_any_change_nothing) {
  EXPECT_EQ(after(rules_of_three(), {0, 2, 2, 2}), (std::vector<float>{1, 2, 3, 4}));
}

TEST(GenerationRules, let_no_answer_end_before_its_least_length) {
  GenerationRules rules = rules_of_three();
  rules.least_length = 3;
  EXPECT_EQ(after(rules, {0, 2}), (std::vector<float>{1, -1, 3, 4}));
  EXPECT_EQ(after(rules, {0, 2, 2}), (std::vector<float>{1, 2, 3, 4}));
}

TEST(GenerationRules, let_no_run_of_tokens_come_twice) {
  GenerationRules rules = rules_of_three();
  rules.no_repeat = 2;
  EXPECT_EQ(after(rules, {0, 2, 3, 2}), (std::vector<float>{1, 2, 3, -1}));
  rules.no_repeat = 1;
  EXPECT_EQ(after(rules, {0, 2, 3}), (std::vector<float>{-1, 2, -1, -1}));
  rules.no_repeat = 9;
  EXPECT_EQ(after(rules, {0, 2, 3}), (std::vector<float>{1, 2, 3, 4}));
}

TEST(GenerationRules, force_the_first_and_the_last_token) {
  GenerationRules rules = rules_of_three();
  rules.forced_first = 3;
  rules.forced_last = 1;
  EXPECT_EQ(after(rules, {0}), (std::vector<float>{-1, -1, -1, 0}));
  EXPECT_EQ(after(rules, {0, 3, 2, 2, 2}), (std::vector<float>{-1, 0, -1, -1}));
  EXPECT_EQ(after(rules, {0, 3}), (std::vector<float>{1, 2, 3, 4}));
}

TEST(GenerationRules, write_no_token_that_is_never_written) {
  GenerationRules rules = rules_of_three();
  rules.never = {2, 99};
  EXPECT_EQ(after(rules, {0}), (std::vector<float>{1, 2, -1, 4}));
}

}  // namespace
}  // namespace accel::models
