// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/added_tokens.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace accel::models {
namespace {

using nlohmann::json;

Vocabulary vocabulary() {
  JsonScanner scanner(R"({"[UNK]": 0, "[SEP]": 7, "x": 2})");
  return Vocabulary::read(scanner, "test").value();
}

Normalizer lowercase() { return Normalizer::from_json({{"type", "Lowercase"}}, "test").value(); }

json token(const std::string& content, const json& flags = json::object()) {
  json value = {{"content", content}, {"normalized", false}};
  value.update(flags);
  return value;
}

AddedTokens read(const std::vector<json>& list) {
  auto tokens = AddedTokens::from_json(list, vocabulary(), lowercase(), "test");
  EXPECT_TRUE(tokens) << tokens.error().to_string();
  return std::move(tokens).value();
}

// Every match as "start-end:id", one behind the other.
std::string matches(const TokenMatcher& matcher, std::string_view text) {
  std::string out;
  std::size_t at = 0;
  while (const auto match = matcher.find(text, at)) {
    out += fmt::format("{}-{}:{} ", match->start, match->end, match->id);
    at = match->end;
  }
  return out;
}

TEST(AddedTokens, have_the_vocabularys_id_or_the_next_free_one) {
  const AddedTokens tokens = read({token("[SEP]"), token("new"), token("newer")});
  EXPECT_EQ(tokens.ids.at("[SEP]"), 7);
  EXPECT_EQ(tokens.ids.at("new"), 3);  // The vocabulary has three tokens.
  EXPECT_EQ(tokens.ids.at("newer"), 4);
}

TEST(AddedTokens, are_found_leftmost_first_and_of_those_the_longest) {
  const AddedTokens tokens = read({token("new"), token("newer"), token("er")});
  EXPECT_EQ(matches(tokens.raw, "newer er new"), "0-5:4 6-8:5 9-12:3 ");
  EXPECT_EQ(matches(tokens.raw, "newe"), "0-3:3 ");
  EXPECT_EQ(matches(tokens.raw, "nothing"), "");
}

TEST(AddedTokens, of_single_words_are_found_only_where_no_word_character_adjoins) {
  const AddedTokens tokens = read({token("cat", {{"single_word", true}})});
  EXPECT_EQ(matches(tokens.raw, "cat, cats; bobcat _cat cat"), "0-3:3 23-26:3 ");
  EXPECT_EQ(matches(tokens.raw, "écat caté cat\u0301"), "");
  EXPECT_EQ(matches(tokens.raw, "«cat»"), "2-5:3 ");
}

TEST(AddedTokens, take_white_space_along_when_they_strip) {
  const AddedTokens tokens =
      read({token("<l>", {{"lstrip", true}}), token("<r>", {{"rstrip", true}})});
  EXPECT_EQ(matches(tokens.raw, "a \u3000<l> b"), "1-8:3 ");
  EXPECT_EQ(matches(tokens.raw, "a <r>\t\u00A0b"), "2-8:4 ");
  EXPECT_EQ(matches(tokens.raw, "<r>  <l>"), "0-5:4 5-8:3 ");
}

TEST(AddedTokens, that_are_normalized_are_sought_by_their_normalized_form) {
  const AddedTokens tokens = read({token("Mixed", {{"normalized", true}})});
  EXPECT_TRUE(tokens.raw.empty());
  EXPECT_EQ(matches(tokens.normalized, "a mixed one"), "2-7:3 ");
  EXPECT_EQ(matches(tokens.normalized, "a Mixed one"), "");
}

TEST(AddedTokens, that_are_listed_twice_keep_their_id_and_the_last_flags) {
  const AddedTokens tokens = read({token("dup"), token("dup", {{"single_word", true}})});
  EXPECT_EQ(tokens.ids.size(), 1U);
  EXPECT_EQ(matches(tokens.raw, "dups dup"), "5-8:3 ");
}

TEST(AddedTokens, that_are_empty_are_left_out) {
  EXPECT_TRUE(read({token("")}).ids.empty());
  EXPECT_TRUE(AddedTokens::from_json(nullptr, vocabulary(), lowercase(), "test")->ids.empty());
}

TEST(AddedTokens, are_found_in_bytes_that_are_no_utf8) {
  const AddedTokens tokens =
      read({token("é", {{"single_word", true}, {"lstrip", true}, {"rstrip", true}})});
  EXPECT_EQ(matches(tokens.raw, "\xC3\xC3\xA9\xA9"), "1-3:3 ");
  EXPECT_EQ(matches(tokens.raw, "\x80 \xC3\xA9 \x80"), "1-5:3 ");
}

TEST(AddedTokens, refuse_more_text_than_can_be_sought) {
  json section = json::array();
  for (int i = 0; i < 1100; ++i) {
    section.push_back(token(std::to_string(i) + std::string(1000, 'x')));
  }
  EXPECT_EQ(AddedTokens::from_json(section, vocabulary(), lowercase(), "test").error().code,
            Errc::resource_exhausted);
}

}  // namespace
}  // namespace accel::models
