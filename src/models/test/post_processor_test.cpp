// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/post_processor.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace accel::models {
namespace {

using nlohmann::json;

// The post_processor of all-MiniLM-L6-v2, as `tokenizers` writes it.
json bert_template() {
  return json::parse(R"({"type": "TemplateProcessing",
    "single": [{"SpecialToken": {"id": "[CLS]", "type_id": 0}},
               {"Sequence": {"id": "A", "type_id": 0}},
               {"SpecialToken": {"id": "[SEP]", "type_id": 0}}],
    "pair": [{"SpecialToken": {"id": "[CLS]", "type_id": 0}},
             {"Sequence": {"id": "A", "type_id": 0}},
             {"SpecialToken": {"id": "[SEP]", "type_id": 0}},
             {"Sequence": {"id": "B", "type_id": 1}},
             {"SpecialToken": {"id": "[SEP]", "type_id": 1}}],
    "special_tokens": {"[CLS]": {"id": "[CLS]", "ids": [101], "tokens": ["[CLS]"]},
                       "[SEP]": {"id": "[SEP]", "ids": [102], "tokens": ["[SEP]"]}}})");
}

std::vector<std::int32_t> ids(const std::vector<SpecialToken>& tokens) {
  std::vector<std::int32_t> out;
  for (const SpecialToken& token : tokens) out.push_back(token.id);
  return out;
}

Errc error_of(const json& section) {
  const auto result = PostProcessor::from_json(section, "test");
  EXPECT_FALSE(result) << section;
  return result ? Errc::internal : result.error().code;
}

TEST(PostProcessor, of_null_adds_nothing) {
  EXPECT_EQ(PostProcessor::from_json(nullptr, "test")->special_tokens(), 0U);
}

TEST(PostProcessor, of_a_template_surrounds_the_text) {
  const auto result = PostProcessor::from_json(bert_template(), "test").value();
  EXPECT_EQ(ids(result.before), (std::vector<std::int32_t>{101}));
  EXPECT_EQ(ids(result.after), (std::vector<std::int32_t>{102}));
  EXPECT_EQ(result.special_tokens(), 2U);
}

TEST(PostProcessor, of_a_template_may_have_a_text_alone) {
  json value = bert_template();
  value["single"] = json::parse(R"([{"Sequence": {"id": "A", "type_id": 1}}])");
  const auto result = PostProcessor::from_json(value, "test").value();
  EXPECT_EQ(result.special_tokens(), 0U);
  EXPECT_EQ(result.text_type_id, 1);
}

TEST(PostProcessor, of_bert_puts_cls_before_and_sep_behind) {
  const auto result = PostProcessor::from_json(
      json::parse(R"({"type": "BertProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 2]})"),
      "test");
  EXPECT_EQ(ids(result->before), (std::vector<std::int32_t>{2}));
  EXPECT_EQ(ids(result->after), (std::vector<std::int32_t>{3}));
}

TEST(PostProcessor, refuses_templates_that_do_not_hold_the_text_once) {
  json value = bert_template();
  value["single"].erase(1);
  EXPECT_EQ(error_of(value), Errc::unsupported);
  value = bert_template();
  value["single"].push_back(value["single"][1]);
  EXPECT_EQ(error_of(value), Errc::unsupported);
}

TEST(PostProcessor, refuses_pieces_of_the_wrong_shape) {
  for (const char* piece :
       {R"({"Sequence": {"id": "B", "type_id": 0}})", R"({"Other": 1})", "5", R"({"Sequence": 5})",
        R"({"Sequence": {"id": "A", "type_id": 256}})",
        R"({"SpecialToken": {"id": "[XXX]", "type_id": 0}})",
        R"({"SpecialToken": {"id": "[CLS]", "type_id": -1}})", R"({"SpecialToken": []})"}) {
    json value = bert_template();
    value["single"][1] = json::parse(piece);
    EXPECT_EQ(error_of(value), Errc::corrupt) << piece;
  }
}

TEST(PostProcessor, refuses_templates_for_two_texts_that_lack_one_or_turn_them_round) {
  const json good = bert_template();
  const json a = good["pair"][1], b = good["pair"][3], end = good["pair"][4];
  for (const json& pair : {json::array({a}), json::array({b}), json::array({b, end, a, end}),
                           json::array({a, b, b}), json::array({a, a, end}), json::array({end})}) {
    json value = good;
    value["pair"] = pair;
    EXPECT_EQ(error_of(value), Errc::unsupported) << pair;
  }
  json value = good;
  value["pair"] = json::array({a, b});
  EXPECT_EQ(PostProcessor::from_json(value, "test")->pair.size(), 2U);
  value["pair"] = nullptr;
  EXPECT_TRUE(PostProcessor::from_json(value, "test")->pair.empty());
}

TEST(PostProcessor, refuses_special_tokens_whose_ids_are_none) {
  for (const char* wrong : {"-1", "2147483648", "1.5", R"("101")", "null", "[]"}) {
    json value = bert_template();
    value["special_tokens"]["[CLS]"]["ids"] = {json::parse(wrong)};
    EXPECT_EQ(error_of(value), Errc::corrupt) << wrong;
  }
  json many = bert_template();
  many["special_tokens"]["[CLS]"]["ids"] = std::vector<int>(1000, 1);
  EXPECT_EQ(error_of(many), Errc::corrupt);
  many = bert_template();
  for (int i = 0; i < 1000; ++i) many["single"].push_back(many["single"][0]);
  EXPECT_EQ(error_of(many), Errc::corrupt);
}

}  // namespace
}  // namespace accel::models
