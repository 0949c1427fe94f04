// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/normalizer.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <random>

namespace accel::models {
namespace {

using nlohmann::json;

std::string normalize(const char* section, std::string_view text) {
  const auto normalizer = Normalizer::from_json(json::parse(section), "test");
  EXPECT_TRUE(normalizer) << normalizer.error().to_string();
  std::string out = "what was there before is replaced";
  if (normalizer) normalizer->apply(text, out);
  return out;
}

constexpr const char* kBert = R"({"type": "BertNormalizer", "clean_text": true,
  "handle_chinese_chars": true, "strip_accents": null, "lowercase": true})";

TEST(Normalizer, of_null_leaves_text_alone_but_for_what_is_no_utf8) {
  EXPECT_EQ(normalize("null", "Ünchanged\tText"), "Ünchanged\tText");
  EXPECT_EQ(normalize("null", "bad\xFF"), "bad\uFFFD");
}

TEST(Normalizer, of_bert_cleans_lowers_and_strips) {
  EXPECT_EQ(normalize(kBert, "Héllo\u0007\u200B\tWÖRLD\r\n"), "hello world  ");
  EXPECT_EQ(normalize(kBert, "A\u00A0B\u3000C\u2028D"), "a b c d");
  EXPECT_EQ(normalize(kBert, "x\uFFFDy"), "xy");
  EXPECT_EQ(normalize(kBert, std::string_view("n\0l", 3)), "nl");
}

TEST(Normalizer, of_bert_puts_chinese_characters_apart) {
  EXPECT_EQ(normalize(kBert, "ab你好cd"), "ab 你  好 cd");
  EXPECT_EQ(normalize(kBert, "カタ ㅎ"), "カタ ㅎ");  // Neither Japanese nor Korean script.
}

TEST(Normalizer, of_bert_strips_accents_when_it_lowers_unless_told) {
  constexpr const char* kCased = R"({"type": "BertNormalizer", "lowercase": false})";
  constexpr const char* kKeeps =
      R"({"type": "BertNormalizer", "lowercase": true, "strip_accents": false})";
  constexpr const char* kStrips =
      R"({"type": "BertNormalizer", "lowercase": false, "strip_accents": true})";
  EXPECT_EQ(normalize(kCased, "Éa"), "Éa");
  EXPECT_EQ(normalize(kKeeps, "Éa"), "éa");
  EXPECT_EQ(normalize(kStrips, "Éa"), "Ea");
}

TEST(Normalizer, of_bert_does_only_what_its_flags_say) {
  constexpr const char* kNothing = R"({"type": "BertNormalizer", "clean_text": false,
    "handle_chinese_chars": false, "strip_accents": false, "lowercase": false})";
  EXPECT_EQ(normalize(kNothing, "Tab\t\u200B你 É"), "Tab\t\u200B你 É");
  EXPECT_EQ(normalize(kNothing, "ASCII\t\u0001"), "ASCII\t\u0001");
}

TEST(Normalizer, strips_accents_before_it_lowers_so_a_dotted_i_becomes_plain) {
  EXPECT_EQ(normalize(kBert, "İ"), "i");
  EXPECT_EQ(normalize(R"({"type": "Lowercase"})", "İ"), "i\u0307");
}

TEST(Normalizer, of_strip_accents_needs_decomposed_text) {
  EXPECT_EQ(normalize(R"({"type": "StripAccents"})", "é e\u0301"), "é e");
  EXPECT_EQ(normalize(R"({"type": "Sequence", "normalizers": [{"type": "NFD"},
                                                                {"type": "StripAccents"}]})",
                      "é e\u0301"),
            "e e");
}

TEST(Normalizer, of_a_sequence_goes_from_first_to_last) {
  EXPECT_EQ(normalize(R"({"type": "Sequence", "normalizers": [{"type": "NFD"}, {"type": "NFC"},
                                                                {"type": "Lowercase"}]})",
                      "E\u0301"),
            "é");
  EXPECT_EQ(normalize(R"({"type": "Sequence", "normalizers": []})", "É"), "É");
}

TEST(Normalizer, refuses_what_it_does_not_know) {
  for (const char* section :
       {R"({"type": "Nmt"})", R"({"type": "Replace", "pattern": {"Regex": "a*"}})", R"({})",
        R"({"type": "Sequence", "normalizers": [{"type": "Nmt"}]})"}) {
    const auto normalizer = Normalizer::from_json(json::parse(section), "test");
    ASSERT_FALSE(normalizer) << section;
    EXPECT_EQ(normalizer.error().code, Errc::unsupported);
  }
}

TEST(Normalizer, refuses_sequences_without_end) {
  json deep = {{"type", "NFD"}};
  for (int i = 0; i < 20; ++i) deep = {{"type", "Sequence"}, {"normalizers", {deep}}};
  EXPECT_EQ(Normalizer::from_json(deep, "test").error().code, Errc::resource_exhausted);
  json wide = {{"type", "Sequence"}, {"normalizers", json::array()}};
  for (int i = 0; i < 100; ++i) wide["normalizers"].push_back({{"type", "NFD"}});
  EXPECT_EQ(Normalizer::from_json(wide, "test").error().code, Errc::resource_exhausted);
}

// What Tokenizer's windows rest on: no step looks across an ASCII space.
TEST(Normalizer, gives_the_same_for_text_that_is_cut_in_front_of_a_space) {
  constexpr const char* kSections[] = {
      kBert, R"({"type": "NFC"})", R"({"type": "NFD"})", R"({"type": "Lowercase"})",
      R"({"type": "Sequence", "normalizers": [{"type": "NFD"}, {"type": "StripAccents"}]})"};
  const std::vector<std::string> pieces{"a", "É",  "e\u0301", "\u0323", "你",   "\u1100", "\u1161",
                                        " ", "\t", "\u3099",  "か",     "\xFF", "İ",      "Σ"};
  const auto seed = std::random_device{}();
  std::mt19937 random(seed);
  for (int round = 0; round < 300; ++round) {
    std::string before;
    std::string after = " ";
    for (int i = 0; i < 12; ++i) before += pieces[random() % pieces.size()];
    for (int i = 0; i < 12; ++i) after += pieces[random() % pieces.size()];
    for (const char* section : kSections) {
      ASSERT_EQ(normalize(section, before + after),
                normalize(section, before) + normalize(section, after))
          << section << ", seed " << seed;
    }
  }
}

TEST(Normalizer, treats_ascii_text_alike_with_and_without_other_characters_beside_it) {
  std::string ascii;
  for (int c = 0; c < 128; ++c) ascii.push_back(static_cast<char>(c));
  for (const char* section : {kBert, R"({"type": "Lowercase"})", R"({"type": "NFC"})", "null"}) {
    EXPECT_EQ(normalize(section, ascii + " ß"), normalize(section, ascii) + " ß") << section;
  }
}

}  // namespace
}  // namespace accel::models
