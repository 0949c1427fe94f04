// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/pre_tokenizer.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

namespace accel::models {
namespace {

using nlohmann::json;
using Words = std::vector<std::string>;

PreTokenizer make(const json& section) {
  const auto result = PreTokenizer::from_json(section, "test");
  EXPECT_TRUE(result) << result.error().to_string();
  return result.value();
}

Words split(const json& section, std::string_view text, bool at_start = true) {
  std::vector<std::string_view> words;
  PreTokenizer::Scratch scratch;
  make(section).split(text, at_start, scratch, words);
  return {words.begin(), words.end()};
}

json type(const char* name) { return {{"type", name}}; }
json sequence(const std::vector<json>& parts) {
  return {{"type", "Sequence"}, {"pretokenizers", parts}};
}

TEST(PreTokenizer, of_null_keeps_a_text_as_one_word) {
  EXPECT_EQ(split(nullptr, "one two"), (Words{"one two"}));
  EXPECT_EQ(split(nullptr, ""), Words{});
}

TEST(PreTokenizer, of_bert_splits_at_space_and_puts_punctuation_apart) {
  EXPECT_EQ(split(type("BertPreTokenizer"), " Hey, you?! "), (Words{"Hey", ",", "you", "?", "!"}));
  EXPECT_EQ(split(type("BertPreTokenizer"), "a\u00A0b\u2003c"), (Words{"a", "b", "c"}));
  EXPECT_EQ(split(type("BertPreTokenizer"), "«quoted»、end。"),
            (Words{"«", "quoted", "»", "、", "end", "。"}));
  EXPECT_EQ(split(type("BertPreTokenizer"), "$1+2=3^x`~|"),
            (Words{"$", "1", "+", "2", "=", "3", "^", "x", "`", "~", "|"}));
}

TEST(PreTokenizer, of_whitespace_parts_word_characters_from_others) {
  EXPECT_EQ(split(type("Whitespace"), "Hey, man_1!? ok"), (Words{"Hey", ",", "man_1", "!?", "ok"}));
  EXPECT_EQ(split(type("Whitespace"), "naïve…end"), (Words{"naïve", "…", "end"}));
}

TEST(PreTokenizer, of_whitespace_split_leaves_punctuation_where_it_is) {
  EXPECT_EQ(split(type("WhitespaceSplit"), "Hey, you?!\n\tok"), (Words{"Hey,", "you?!", "ok"}));
}

TEST(PreTokenizer, of_punctuation_alone_keeps_spaces_in_words) {
  EXPECT_EQ(split(type("Punctuation"), "a b, c"), (Words{"a b", ",", " c"}));
}

TEST(PreTokenizer, of_a_sequence_splits_what_the_step_before_gave) {
  const json both = sequence({type("WhitespaceSplit"), type("Punctuation")});
  EXPECT_EQ(split(both, "a-b c."), (Words{"a", "-", "b", "c", "."}));
  EXPECT_EQ(split(sequence({}), "a b"), (Words{"a b"}));
}

TEST(PreTokenizer, knows_whether_words_can_hold_white_space) {
  EXPECT_TRUE(make(type("BertPreTokenizer")).splits_at_space());
  EXPECT_TRUE(make(sequence({type("Punctuation"), type("Whitespace")})).splits_at_space());
  EXPECT_FALSE(make(type("Punctuation")).splits_at_space());
  EXPECT_FALSE(make(nullptr).splits_at_space());
}

TEST(PreTokenizer, replaces_the_words_of_before) {
  std::vector<std::string_view> words{"first"};
  PreTokenizer::Scratch scratch;
  make(type("WhitespaceSplit")).split("second third", true, scratch, words);
  EXPECT_EQ(words, (std::vector<std::string_view>{"second", "third"}));
}

TEST(PreTokenizer, of_byte_level_writes_bytes_as_characters) {
  json section{{"type", "ByteLevel"}, {"add_prefix_space", false}};
  EXPECT_EQ(split(section, "it's é  x"), (Words{"it", "'s", "ĠÃ©", "Ġ", "Ġx"}));
  section["add_prefix_space"] = true;
  EXPECT_EQ(split(section, "it"), (Words{"Ġit"}));
  EXPECT_EQ(split(section, " it"), (Words{"Ġit"}));
}

TEST(PreTokenizer, of_metaspace_puts_its_character_in_front_where_the_scheme_says) {
  json section{{"type", "Metaspace"}, {"replacement", "▁"}};
  EXPECT_EQ(split(section, "a b  c"), (Words{"▁a", "▁b", "▁", "▁c"}));
  EXPECT_EQ(split(section, "a b", false), (Words{"▁a", "▁b"}));
  section["prepend_scheme"] = "first";
  EXPECT_EQ(split(section, "a b", true), (Words{"▁a", "▁b"}));
  EXPECT_EQ(split(section, "a b", false), (Words{"a", "▁b"}));
  section["prepend_scheme"] = "never";
  section["split"] = false;
  EXPECT_EQ(split(section, "a b"), (Words{"a▁b"}));
}

TEST(PreTokenizer, of_split_does_with_delimiters_what_the_behavior_says) {
  const auto with = [](const char* behavior, bool invert) {
    return json{{"type", "Split"},
                {"pattern", {{"String", "-"}}},
                {"behavior", behavior},
                {"invert", invert}};
  };
  EXPECT_EQ(split(with("Isolated", false), "a--b-"), (Words{"a", "-", "-", "b", "-"}));
  EXPECT_EQ(split(with("Removed", false), "a--b-"), (Words{"a", "b"}));
  EXPECT_EQ(split(with("Removed", true), "a--b-"), (Words{"-", "-", "-"}));
  EXPECT_EQ(split(with("MergedWithPrevious", false), "a--b-"), (Words{"a-", "-", "b-"}));
  EXPECT_EQ(split(with("MergedWithNext", false), "a--b-"), (Words{"a", "-", "-b", "-"}));
  EXPECT_EQ(split(with("Contiguous", false), "a--b-"), (Words{"a", "--", "b", "-"}));
}

TEST(PreTokenizer, of_digits_puts_them_apart_one_by_one_or_in_runs) {
  EXPECT_EQ(split({{"type", "Digits"}, {"individual_digits", true}}, "a12²b"),
            (Words{"a", "1", "2", "²", "b"}));
  EXPECT_EQ(split(type("Digits"), "a12²b"), (Words{"a", "12²", "b"}));
}

TEST(PreTokenizer, takes_text_of_nothing_but_delimiters) {
  for (const char* name : {"BertPreTokenizer", "Whitespace", "WhitespaceSplit"}) {
    EXPECT_EQ(split(type(name), " \t\n\u3000"), Words{}) << name;
    EXPECT_EQ(split(type(name), ""), Words{}) << name;
  }
}

TEST(PreTokenizer, refuses_what_it_does_not_know) {
  for (const json& section :
       {type("UnicodeScripts"), json::object(), sequence({type("FixedLength")}),
        json{{"type", "Punctuation"}, {"behavior", "Removed"}}}) {
    EXPECT_EQ(PreTokenizer::from_json(section, "test").error().code, Errc::unsupported);
  }
  EXPECT_EQ(PreTokenizer::from_json(type("Sequence"), "test").error().code, Errc::corrupt);
  json deep = type("Whitespace");
  for (int i = 0; i < 20; ++i) deep = sequence({deep});
  EXPECT_EQ(PreTokenizer::from_json(deep, "test").error().code, Errc::resource_exhausted);
}

}  // namespace
}  // namespace accel::models
