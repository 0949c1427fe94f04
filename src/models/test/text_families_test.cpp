// SPDX-License-Identifier: Apache-2.0
// Families over texts on tiny BERTs with RANDOM weights, against BERT written in numpy and the
// tokenizers of Hugging Face: test/data/models/tiny_bert_cases.json.
#include <atomic>
#include <cmath>
#include <thread>

#include "accel/inference/backend.hpp"
#include "accel/inference/batching.hpp"
#include "accel/models/family.hpp"
#include "test_files.hpp"
#include "text_pairs.hpp"
#include "words.hpp"

namespace accel::models {
namespace {

using nlohmann::json;

constexpr double kTolerance = 1e-5;

std::filesystem::path folder_of_task(const std::string& task) {
  return std::filesystem::path(ACCEL_TEST_DATA) / "models" / ("tiny-random-bert-" + task);
}

class TinyBerts : public ::testing::Test {
 protected:
  void open(const std::string& task) {
    const auto folder = folder_of_task(task);
    const Fetcher fetcher = directory_fetcher(folder);
    const auto manifest = read_manifest(list_directory(folder).value(), fetcher);
    ASSERT_TRUE(manifest) << manifest.error().to_string();
    // A ranking model looks like a classifier; the caller says which it is.
    EXPECT_EQ(manifest->task, task == "text-ranking" ? "text-classification" : task);
    auto family = find_family(task)->open(*manifest, fetcher);
    ASSERT_TRUE(family) << family.error().to_string();
    family_ = *family;
    auto session = inference::make_onnxruntime_backend()->open(folder / "model.onnx", {});
    if (!session && session.error().code == Errc::unavailable)
      GTEST_SKIP() << session.error().to_string();
    ASSERT_TRUE(session) << session.error().to_string();
    session_ = std::move(*session);
  }

  Result<FamilyResult> try_run(FamilyInput input) {
    ACCEL_TRY(const auto workload, family_->prepare(std::move(input)));
    return workload->run(*session_, {});
  }
  FamilyResult run(FamilyInput input) {
    auto result = try_run(std::move(input));
    EXPECT_TRUE(result) << result.error().to_string();
    return result.value_or(FamilyResult());
  }
  std::string refusal(FamilyInput input) {
    const auto result = try_run(std::move(input));
    return result ? "taken" : std::string(errc_name(result.error().code));
  }

  std::vector<std::string> texts(bool with_long) const {
    std::vector<std::string> all = cases_["texts"];
    if (with_long) all.push_back(cases_["long"]);
    return all;
  }

  const json cases_ = testing::test_data("tiny_bert_cases.json");
  std::shared_ptr<const Family> family_;
  std::unique_ptr<inference::Session> session_;
};

TEST_F(TinyBerts, classify_texts_alone_and_in_a_batch_alike) {
  open("text-classification");
  if (!session_) return;
  const FamilyResult result = run({.texts = texts(true)});
  const json& wanted = cases_["text-classification"];
  ASSERT_EQ(result.rows.size(), wanted.size());
  EXPECT_EQ(result.truncated, 1U);
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    ASSERT_EQ(result.rows[i].size(), wanted[i].size());
    for (std::size_t j = 0; j < wanted[i].size(); ++j) {
      EXPECT_EQ(result.rows[i][j].label, wanted[i][j]["label"].get<std::string>());
      EXPECT_NEAR(result.rows[i][j].score, wanted[i][j]["score"].get<double>(), kTolerance);
    }
    const FamilyResult alone = run({.texts = {texts(true)[i]}});
    EXPECT_NEAR(alone.rows[0][0].score, result.rows[i][0].score, kTolerance);
  }
}

TEST_F(TinyBerts, rank_texts_by_a_query) {
  open("text-ranking");
  if (!session_) return;
  const FamilyResult result = run({.texts = texts(true), .query = cases_["query"]});
  const json& wanted = cases_["text-ranking"];
  ASSERT_EQ(result.rows.size(), 1U);
  ASSERT_EQ(result.rows[0].size(), wanted.size());
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    EXPECT_EQ(result.rows[0][i].index, wanted[i]["index"].get<std::size_t>());
    EXPECT_NEAR(result.rows[0][i].score, wanted[i]["score"].get<double>(), kTolerance);
  }
  EXPECT_EQ(refusal({.texts = {"no query"}}), "invalid_argument");
}

TEST_F(TinyBerts, tag_the_words_of_texts) {
  open("token-classification");
  if (!session_) return;
  const std::vector<std::string> given = texts(false);
  const FamilyResult result = run({.texts = given});
  const json& wanted = cases_["token-classification"];
  ASSERT_EQ(result.rows.size(), wanted.size());
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    ASSERT_EQ(result.rows[i].size(), wanted[i].size()) << given[i];
    for (std::size_t j = 0; j < wanted[i].size(); ++j) {
      const Finding& found = result.rows[i][j];
      EXPECT_EQ(found.label, wanted[i][j]["label"].get<std::string>());
      EXPECT_EQ(found.text, wanted[i][j]["text"].get<std::string>());
      EXPECT_EQ((*found.bytes)[0], wanted[i][j]["start"].get<std::size_t>());
      EXPECT_EQ((*found.bytes)[1], wanted[i][j]["end"].get<std::size_t>());
      EXPECT_NEAR(found.score, wanted[i][j]["score"].get<double>(), kTolerance);
    }
  }
}

TEST_F(TinyBerts, fill_the_mask_of_texts) {
  open("fill-mask");
  if (!session_) return;
  const std::vector<std::string> given = cases_["masked"];
  const FamilyResult result = run({.texts = given});
  const json& wanted = cases_["fill-mask"];
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    ASSERT_EQ(result.rows.at(i).size(), wanted[i].size());
    for (std::size_t j = 0; j < wanted[i].size(); ++j) {
      const Finding& found = result.rows[i][j];
      EXPECT_EQ(found.label, wanted[i][j]["label"].get<std::string>());
      EXPECT_NEAR(found.score, wanted[i][j]["score"].get<double>(), kTolerance);
      EXPECT_EQ(found.text.find("[MASK]"), std::string::npos);
      EXPECT_EQ(found.text.find("##"), std::string::npos);
    }
  }
  EXPECT_EQ(refusal({.texts = {"nothing is missing"}}), "invalid_argument");
  const auto second = try_run({.texts = {given[0], "nothing is missing"}});
  EXPECT_TRUE(second.error().message.starts_with("inputs[1]: ")) << second.error().to_string();
  EXPECT_EQ(refusal({.texts = {"[MASK] and [MASK]"}}), "invalid_argument");
  EXPECT_EQ(refusal({.texts = {cases_["long"].get<std::string>() + "[MASK]"}}), "invalid_argument");
}

TEST_F(TinyBerts, answer_questions_also_beyond_one_window) {
  open("question-answering");
  if (!session_) return;
  const std::vector<std::string> given{texts(false)[1], texts(false)[3], cases_["long"]};
  const FamilyResult result = run({.texts = given, .query = cases_["query"], .top_k = 3});
  const json& wanted = cases_["question-answering"];
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    ASSERT_EQ(result.rows.at(i).size(), wanted[i].size());
    for (std::size_t j = 0; j < wanted[i].size(); ++j) {
      const Finding& found = result.rows[i][j];
      EXPECT_EQ((*found.bytes)[0], wanted[i][j]["start"].get<std::size_t>()) << i << " " << j;
      EXPECT_EQ((*found.bytes)[1], wanted[i][j]["end"].get<std::size_t>()) << i << " " << j;
      EXPECT_NEAR(found.score, wanted[i][j]["score"].get<double>(), kTolerance);
    }
  }
  EXPECT_EQ(refusal({.texts = {""}, .query = "who"}), "invalid_argument");
  EXPECT_EQ(refusal({.texts = {"a text"}, .query = cases_["long"]}), "invalid_argument");
}

// Requests of eight callers at once, until some of them ran together.
class TinyBertsTogether : public TinyBerts {
 protected:
  void expect_alike(const std::vector<FamilyInput>& inputs) {
    if (!session_) return;
    std::vector<FamilyResult> alone;
    for (const FamilyInput& input : inputs) alone.push_back(run(input));
    auto rules = family_->row_rules(*session_);
    ASSERT_TRUE(rules);
    EXPECT_FALSE(rules->padding.empty());
    inference::BatchingOptions options;
    options.rows = *std::move(rules);
    session_ = inference::make_batching_session(std::move(session_), std::move(options));
    for (int round = 0; joined_ < 5 && round < 200; ++round) {
      std::vector<std::thread> callers;
      for (std::size_t i = 0; i < inputs.size(); ++i)
        callers.emplace_back([&, i] { ask(inputs[i], alone[i]); });
      for (std::thread& caller : callers) caller.join();
    }
    EXPECT_GE(joined_, 5) << "no two requests ran together";
  }

 private:
  void ask(const FamilyInput& input, const FamilyResult& alone) {
    const auto workload = family_->prepare(input);
    ASSERT_TRUE(workload);
    std::vector<inference::BatchNote> notes;
    const auto result = (*workload)->run(*session_, {.notes = &notes});
    ASSERT_TRUE(result) << result.error().to_string();
    for (const inference::BatchNote& note : notes) joined_ += note.requests > 1 ? 1 : 0;
    ASSERT_EQ(result->numbers.size(), alone.numbers.size());
    for (std::size_t row = 0; row < alone.numbers.size(); ++row) {
      ASSERT_EQ(result->numbers[row].size(), alone.numbers[row].size());
      for (std::size_t i = 0; i < alone.numbers[row].size(); ++i)
        ASSERT_NEAR(result->numbers[row][i], alone.numbers[row][i], kTolerance);
    }
  }

  std::atomic<int> joined_ = 0;
};

TEST_F(TinyBertsTogether, label_texts_as_alone) {
  open("text-classification");
  std::vector<FamilyInput> inputs;
  for (const std::string& text : texts(true)) inputs.push_back({.texts = {text}});
  expect_alike(inputs);
}

TEST_F(TinyBertsTogether, tag_words_as_alone) {
  open("token-classification");
  std::vector<FamilyInput> inputs;
  for (const std::string& text : texts(false)) inputs.push_back({.texts = {text, text + " too"}});
  expect_alike(inputs);
}

TEST_F(TinyBertsTogether, answer_questions_as_alone) {
  open("question-answering");
  std::vector<FamilyInput> inputs;
  for (const std::string& text : texts(true))
    inputs.push_back({.texts = {text}, .query = cases_["query"]});
  expect_alike(inputs);
}

TEST_F(TinyBerts, are_tried_on_the_first_texts_of_many) {
  open("text-classification");
  if (!session_) return;
  const std::vector<std::string> given(20, texts(false)[0]);
  EXPECT_EQ((*family_->prepare({.texts = {given.begin(), given.begin() + 8}}))->sample(), nullptr);
  const auto whole = family_->prepare({.texts = given}).value();
  const auto sample = whole->sample();
  ASSERT_NE(sample, nullptr);
  EXPECT_EQ(sample->calls, 2.5);
  EXPECT_EQ(sample->workload->rows(), 8U);
  EXPECT_EQ(sample->workload->run(*session_, {})->numbers.size(), 8U);
  EXPECT_EQ(whole->run(*session_, {})->rows.size(), 20U);
}

TEST_F(TinyBerts, refuse_a_head_that_is_for_another_task) {
  open("question-answering");
  if (!session_) return;
  const auto folder = folder_of_task("fill-mask");
  const auto other = inference::make_onnxruntime_backend()->open(folder / "model.onnx", {});
  ASSERT_TRUE(other);
  const auto workload = family_->prepare({.texts = {"a text"}, .query = "who"});
  EXPECT_EQ((*workload)->run(**other, {}).error().code, Errc::unsupported);
}

Bytes tokenizer_file() {
  return read_file(folder_of_task("fill-mask") / "tokenizer.json", 1 << 20).value();
}

TEST(TextPairs, are_cut_longest_first_as_tokenizers_does) {
  const Bytes file = tokenizer_file();
  const Tokenizer tokenizer = Tokenizer::from_json(file).value();
  const TextPairs pairs = TextPairs::from_json(file).value();
  const auto type_ids = [&](std::string_view a, std::string_view b, std::size_t length) {
    const auto encoding = pairs.encode(tokenizer, a, b, length);
    std::string types;
    for (const std::uint8_t type : encoding.value().type_ids)
      types += static_cast<char>('0' + type);
    return types;
  };
  EXPECT_EQ(type_ids("a b c", "d e", 20), "00000111");
  EXPECT_EQ(type_ids("a b c d e f g h", "i j", 9), "000000111");  // The first alone gives way.
  EXPECT_EQ(type_ids("a b c d e f", "g h i j k l", 10),
            "0000011111");  // The second has what is odd.
  EXPECT_EQ(type_ids("a b c d e f g", "h i j k l m", 10), "0000001111");
  EXPECT_EQ(pairs.encode(tokenizer, "a", "b", 4).error().code, Errc::invalid_argument);
}

TEST(TextPairs, say_where_the_second_text_begins) {
  json file = json::parse(as_text(tokenizer_file()));
  json& pair = file["post_processor"]["pair"];
  ASSERT_EQ(pair.size(), 5U);
  const json end = pair[4];
  const auto second = [&] {
    const std::string text = file.dump();
    const auto joined =
        TextPairs::from_json(as_bytes(text))->join(std::vector{7, 8}, std::vector{9, 10, 11});
    EXPECT_EQ(joined->encoding.ids.at(joined->second), 9);
    return joined->second;
  };
  EXPECT_EQ(second(), 4U);
  pair.push_back(end);  // However much is behind it.
  EXPECT_EQ(second(), 4U);
  pair.erase(4), pair.erase(4), pair.erase(2);
  EXPECT_EQ(second(), 3U);
}

TEST(Words, keep_the_ids_of_the_whole_text) {
  const Tokenizer tokenizer = Tokenizer::from_json(tokenizer_file()).value();
  for (const std::string_view text :
       {"", "Anna's cat, (red)!", "a[MASK]b [MASK]", "\xC3\xA9t\xC3\xA9 caf\xC3\xA9", "\xFF a"}) {
    const WordTokens tokens = split_words(tokenizer, text);
    EXPECT_EQ(tokens.ids, tokenizer.encode(text, {EncodeOptions::kUnlimited, false}).ids) << text;
    ASSERT_EQ(tokens.word_of.size(), tokens.ids.size());
    for (const std::uint32_t word : tokens.word_of) EXPECT_LT(word, tokens.words.size());
  }
}

std::vector<std::string> words_in(const Tokenizer& tokenizer, std::string_view text) {
  std::vector<std::string> words;
  for (const auto& [begin, end] : split_words(tokenizer, text).words)
    words.emplace_back(text.substr(begin, end - begin));
  return words;
}

TEST(Words, are_those_of_the_tokenizer_beyond_ascii_too) {
  using List = std::vector<std::string>;
  const Tokenizer tokenizer = Tokenizer::from_json(tokenizer_file()).value();
  EXPECT_EQ(words_in(tokenizer, "Anna's cat, [MASK]!"),
            (List{"Anna", "'", "s", "cat", ",", "[MASK]", "!"}));
  EXPECT_EQ(words_in(tokenizer, "in \u201CParis\u201D\u2014yes\u2026"),
            (List{"in", "\u201C", "Paris", "\u201D", "\u2014", "yes", "\u2026"}));
  EXPECT_EQ(words_in(tokenizer, "\u6771\u4EAC\u3001abc\u6771"),
            (List{"\u6771", "\u4EAC", "\u3001", "abc", "\u6771"}));
  EXPECT_EQ(words_in(tokenizer, "caf\u00E9\u00A0cafe\u0301\u3000b"),
            (List{"caf\u00E9", "cafe\u0301", "b"}));
}

TEST(Words, follow_another_pre_tokenizer_and_normalizer) {
  using List = std::vector<std::string>;
  json file = json::parse(as_text(tokenizer_file()));
  file["pre_tokenizer"] = {{"type", "WhitespaceSplit"}};
  file["normalizer"]["handle_chinese_chars"] = false;
  const std::string text = file.dump();
  const Tokenizer tokenizer = Tokenizer::from_json(as_bytes(text)).value();
  EXPECT_EQ(words_in(tokenizer, "a, \u201Cb\u201D \u6771\u4EAC"),
            (List{"a,", "\u201Cb\u201D", "\u6771\u4EAC"}));
}

}  // namespace
}  // namespace accel::models
