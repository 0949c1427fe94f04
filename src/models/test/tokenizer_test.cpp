// SPDX-License-Identifier: Apache-2.0
// What the cases of Hugging Face can't say: bytes that are no UTF-8, files that are no tokenizer.
#include "accel/models/tokenizer.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <random>
#include <thread>

namespace accel::models {
namespace {

using nlohmann::json;
using Ids = std::vector<std::int32_t>;

json document() {
  return json::parse(R"({
    "version": "1.0",
    "added_tokens": [{"id": 0, "content": "[PAD]", "special": true, "normalized": false},
                     {"id": 3, "content": "[SEP]", "special": true, "normalized": false}],
    "normalizer": {"type": "BertNormalizer"},
    "pre_tokenizer": {"type": "BertPreTokenizer"},
    "post_processor": {"type": "BertProcessing", "cls": ["[CLS]", 2], "sep": ["[SEP]", 3]},
    "decoder": {"type": "WordPiece", "prefix": "##"},
    "model": {"type": "WordPiece", "vocab": {"[PAD]": 0, "[UNK]": 1, "[CLS]": 2, "[SEP]": 3,
              "a": 4, "b": 5, "##b": 6, "ab": 7, "cat": 8, "##s": 9, ",": 10, "é": 11}}})");
}

Result<Tokenizer> open(const json& value) { return Tokenizer::from_json(as_bytes(value.dump())); }

Ids encode(const json& value, std::string_view text, const EncodeOptions& options = {}) {
  const auto tokenizer = open(value);
  EXPECT_TRUE(tokenizer) << tokenizer.error().to_string();
  return tokenizer ? tokenizer->encode(text, options).ids : Ids{};
}

Error error_of(const json& value) {
  const auto tokenizer = open(value);
  EXPECT_FALSE(tokenizer);
  return tokenizer ? Error{} : tokenizer.error();
}

TEST(Tokenizer, takes_the_longest_token_first_and_marks_what_continues_a_word) {
  EXPECT_EQ(encode(document(), "Cats, abb"), (Ids{2, 8, 9, 10, 7, 6, 3}));
}

TEST(Tokenizer, gives_unknown_for_a_word_with_a_part_that_no_token_has) {
  EXPECT_EQ(encode(document(), "catx a"), (Ids{2, 1, 4, 3}));
}

TEST(Tokenizer, leaves_special_tokens_out_when_asked) {
  EXPECT_EQ(encode(document(), "a", {.max_length = {}, .add_special = false}), (Ids{4}));
}

TEST(Tokenizer, ignores_the_padding_of_the_file_but_for_the_pad_token) {
  json value = document();
  value["padding"] = {{"strategy", {{"Fixed", 128}}}, {"pad_id", 10}};
  EXPECT_EQ(encode(value, "a"), (Ids{2, 4, 3}));
  EXPECT_EQ(open(value)->pad_id(), 10);
}

TEST(Tokenizer, cuts_to_the_length_asked_for_rather_than_to_that_of_the_file) {
  json value = document();
  value["truncation"] = {{"max_length", 3}, {"strategy", "LongestFirst"}, {"stride", 0}};
  EXPECT_EQ(encode(value, "a b a b"), (Ids{2, 4, 3}));
  EXPECT_EQ(encode(value, "a b a b", {.max_length = 5}), (Ids{2, 4, 5, 4, 3}));
  EXPECT_EQ(encode(value, "a b a b", {.max_length = EncodeOptions::kUnlimited}).size(), 6U);
}

TEST(Tokenizer, keeps_the_special_tokens_of_a_text_that_is_cut_to_nothing) {
  const auto tokenizer = open(document()).value();
  const Encoding encoding = tokenizer.encode("a b", {.max_length = 1});
  EXPECT_EQ(encoding.ids, (Ids{2, 3}));
  EXPECT_TRUE(encoding.truncated);
}

TEST(Tokenizer, says_that_a_text_was_cut_only_when_tokens_are_lost) {
  const auto tokenizer = open(document()).value();
  EXPECT_FALSE(tokenizer.encode("a b  ", {.max_length = 4}).truncated);
  EXPECT_TRUE(tokenizer.encode("a b a", {.max_length = 4}).truncated);
}

TEST(Tokenizer, gives_type_ids_of_the_template) {
  json value = document();
  value["post_processor"] = json::parse(R"({"type": "TemplateProcessing",
    "single": [{"SpecialToken": {"id": "[CLS]", "type_id": 5}},
               {"Sequence": {"id": "A", "type_id": 7}},
               {"SpecialToken": {"id": "[SEP]", "type_id": 6}}], "pair": [],
    "special_tokens": {"[CLS]": {"id": "[CLS]", "ids": [2, 4], "tokens": ["[CLS]", "a"]},
                       "[SEP]": {"id": "[SEP]", "ids": [3], "tokens": ["[SEP]"]}}})");
  const Encoding encoding = open(value)->encode("b");
  EXPECT_EQ(encoding.ids, (Ids{2, 4, 5, 3}));
  EXPECT_EQ(encoding.type_ids, (std::vector<std::uint8_t>{5, 5, 7, 6}));
  EXPECT_EQ(open(value)->special_tokens(), 3U);
}

TEST(Tokenizer, drops_bytes_that_are_no_utf8_as_bert_drops_the_replacement_character) {
  EXPECT_EQ(encode(document(), "a\xFF\xC3(b"), encode(document(), "a(b"));
  EXPECT_EQ(encode(document(), "ca\xED\xA0\x80t"), (Ids{2, 8, 3}));  // A surrogate in UTF-8.
  EXPECT_EQ(encode(document(), "\xE2\x82"), (Ids{2, 3}));
  EXPECT_EQ(encode(document(), std::string_view("a\0b", 3)), (Ids{2, 7, 3}));
}

TEST(Tokenizer, finds_added_tokens_beside_bytes_that_are_no_utf8) {
  EXPECT_EQ(encode(document(), "\xFF[SEP]\x80"), (Ids{2, 3, 3}));
}

TEST(Tokenizer, gives_an_added_token_outside_the_vocabulary_the_next_id) {
  json value = document();
  value["added_tokens"].push_back({{"id", 77}, {"content", "<new>"}, {"normalized", false}});
  EXPECT_EQ(encode(value, "a<new>b"), (Ids{2, 4, 12, 5, 3}));
  EXPECT_EQ(open(value)->vocabulary_size(), 13U);
}

TEST(Tokenizer, takes_a_text_without_words) {
  EXPECT_EQ(encode(document(), ""), (Ids{2, 3}));
  EXPECT_EQ(encode(document(), " \t\n"), (Ids{2, 3}));
}

TEST(Tokenizer, encodes_the_same_from_many_threads) {
  const auto tokenizer = open(document()).value();
  const Ids wanted = tokenizer.encode("cats, ab é").ids;
  std::vector<std::jthread> threads;
  std::vector<int> agree(4);
  for (int& mine : agree) {
    threads.emplace_back([&] {
      for (int i = 0; i < 200; ++i) mine += tokenizer.encode("cats, ab é").ids == wanted ? 1 : 0;
    });
  }
  threads.clear();
  EXPECT_EQ(agree, std::vector<int>(4, 200));
}

// An added token that is sought in normalized text makes the tokenizer work on whole texts; one
// that never occurs must change nothing else.
TEST(Tokenizer, gives_the_same_ids_in_windows_and_on_the_whole_text) {
  json whole_document = document();
  whole_document["added_tokens"].push_back({{"content", "\u2603\u2603"}, {"normalized", true}});
  const auto windows = open(document()).value();
  const auto whole = open(whole_document).value();
  const std::vector<std::string> pieces{"a",      "b",  "cats",   "é",    "e\u0301",
                                        "\u0323", " ",  " ",      "\n",   "[SEP]",
                                        ",",      "你", "\u3000", "\xFF", "abbbb"};
  const auto seed = std::random_device{}();
  std::mt19937 random(seed);
  for (int round = 0; round < 20; ++round) {
    std::string text;
    while (text.size() < 15'000) text += pieces[random() % pieces.size()];
    ASSERT_EQ(windows.encode(text).ids, whole.encode(text).ids) << "seed " << seed;
    const Encoding cut = windows.encode(text, {.max_length = 300});
    ASSERT_EQ(cut.ids, whole.encode(text, {.max_length = 300}).ids) << "seed " << seed;
  }
}

TEST(Tokenizer, refuses_another_model_by_its_name) {
  json value = document();
  value["model"] = {{"type", "WordLevel"}, {"vocab", {{"a", 0}}}};
  EXPECT_EQ(error_of(value).code, Errc::unsupported);
  EXPECT_THAT(error_of(value).message, ::testing::HasSubstr("WordLevel"));
}

TEST(Tokenizer, refuses_steps_that_it_does_not_know_by_their_names) {
  constexpr std::pair<const char*, const char*> kSections[] = {
      {"normalizer", "Nmt"},
      {"pre_tokenizer", "UnicodeScripts"},
      {"post_processor", "GemmaProcessing"}};
  for (const auto& [section, type] : kSections) {
    json value = document();
    value[section] = {{"type", type}};
    EXPECT_EQ(error_of(value).code, Errc::unsupported);
    EXPECT_THAT(error_of(value).message, ::testing::HasSubstr(type));
  }
}

TEST(Tokenizer, refuses_a_vocabulary_without_its_unknown_token) {
  json value = document();
  value["model"]["unk_token"] = "<unk>";
  EXPECT_EQ(error_of(value).code, Errc::corrupt);
}

TEST(Tokenizer, says_what_is_wrong_in_a_file_of_the_wrong_shape) {
  constexpr const char* kPatches[] = {
      R"({"version": "2.0"})",
      R"({"model": null})",
      R"({"model": {"type": null}})",
      R"({"model": {"vocab": null}})",
      R"({"model": {"vocab": {"a": -1}}})",
      R"({"model": {"vocab": {"a": 4294967296}}})",
      R"({"model": {"vocab": {"a": 1.5}}})",
      R"({"model": {"vocab": {"a": "1"}}})",
      R"({"model": {"max_input_chars_per_word": -3}})",
      R"({"added_tokens": {"a": 1}})",
      R"({"added_tokens": [{"content": 5}]})",
      R"({"normalizer": "NFD"})",
      R"({"normalizer": {"type": "Sequence"}})",
      R"({"normalizer": {"lowercase": 1}})",
      R"({"pre_tokenizer": {"type": "Punctuation", "behavior": "MergedWithPrevious"}})",
      R"({"post_processor": {"cls": ["[CLS]"]}})",
      R"({"post_processor": {"cls": ["[CLS]", -1]}})",
      R"({"post_processor": {"type": "TemplateProcessing", "single": []}})",
      R"({"post_processor": {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "x"}}]}})",
      R"({"truncation": {"max_length": -1}})",
      R"({"truncation": {"direction": "Up"}})",
      R"({"padding": {"pad_id": 99999999999}})"};
  for (const char* patch : kPatches) {
    json value = document();
    value.merge_patch(json::parse(patch));
    const Error error = error_of(value);
    EXPECT_TRUE(error.code == Errc::corrupt || error.code == Errc::unsupported) << patch;
    EXPECT_TRUE(error.message.ends_with(".")) << error.message;
  }
}

TEST(Tokenizer, refuses_bytes_that_are_no_json) {
  const std::string whole = document().dump();
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(Tokenizer::from_json(as_bytes(whole).first(size))) << size;
  }
  EXPECT_FALSE(Tokenizer::from_json(as_bytes(whole + "x")));
  EXPECT_FALSE(Tokenizer::from_json(as_bytes("\xEF\xBB\xBF" + whole)));
}

TEST(Tokenizer, refuses_nesting_without_end) {
  const std::string deep = R"({"normalizer": )" + std::string(100'000, '[');
  EXPECT_EQ(Tokenizer::from_json(as_bytes(deep)).error().code, Errc::corrupt);
  json value = document();
  for (int i = 0; i < 12; ++i) {
    value["normalizer"] = {{"type", "Sequence"}, {"normalizers", {value["normalizer"]}}};
  }
  EXPECT_FALSE(open(value));
}

TEST(Tokenizer, refuses_tokens_above_the_limits) {
  json value = document();
  value["model"]["vocab"][std::string(kMaxTokenBytes + 1, 'x')] = 20;
  EXPECT_EQ(error_of(value).code, Errc::resource_exhausted);
  value = document();
  value["added_tokens"].push_back({{"content", std::string(kMaxTokenBytes + 1, 'x')}});
  EXPECT_EQ(error_of(value).code, Errc::resource_exhausted);
}

}  // namespace
}  // namespace accel::models
