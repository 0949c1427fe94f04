// SPDX-License-Identifier: Apache-2.0
// Every kind of tokenizer against PyPI tokenizers 0.23.3: test/data/models/make_tokenizer_cases.py.
#include <fmt/ranges.h>

#include "accel/crypto/sha256.hpp"
#include "accel/models/tokenizer.hpp"
#include "test_files.hpp"
#include "tokenizer/normalizer.hpp"
#include "tokenizer/pre_tokenizer.hpp"

namespace accel::models {
namespace {

using nlohmann::json;
using testing::test_data;

constexpr EncodeOptions kWhole{EncodeOptions::kUnlimited, true};

const json& cases() {
  static const json data = test_data("tokenizer_cases.json");
  return data;
}

// Puts the table of characters where the documents leave it out.
void set_chars_map(json& value) {
  if (value.is_object() && value.contains("precompiled_charsmap")) {
    value["precompiled_charsmap"] = cases()["charsmap"];
  }
  if (!value.is_structured()) return;
  for (json& member : value) set_chars_map(member);
}

json document_of(const std::string& name) {
  const json& entry = cases()["documents"][name];
  json document = entry["document"];
  document["model"] = cases()["models"][entry["model"].get<std::string>()];
  document["model"].update(entry["changes"]);
  set_chars_map(document);
  return document;
}

Tokenizer tokenizer_of(const std::string& name) {
  auto tokenizer = Tokenizer::from_json(as_bytes(document_of(name).dump()));
  EXPECT_TRUE(tokenizer) << name << ": " << tokenizer.error().to_string();
  return std::move(tokenizer).value();
}

std::string listed(const std::vector<std::int32_t>& ids) {
  return fmt::format("{}", fmt::join(ids, ","));
}

// The generator of the script: Knuth's MMIX numbers, their upper half.
class RandomTexts {
 public:
  std::string next() {
    std::string text;
    const std::uint64_t count = 1 + below(30);
    for (std::uint64_t i = 0; i < count; ++i) {
      if (below(2) == 0) {
        text += cases()["parts"][below(cases()["parts"].size())].get<std::string>();
        continue;
      }
      const json& range = cases()["ranges"][below(cases()["ranges"].size())];
      const auto first = range[0].get<char32_t>();
      append_utf8(first + static_cast<char32_t>(below(range[1].get<char32_t>() - first + 1)), text);
    }
    return text;
  }

 private:
  std::uint64_t below(std::uint64_t count) {
    state_ = state_ * 6364136223846793005U + 1442695040888963407U;
    return (state_ >> 33U) % count;
  }
  std::uint64_t state_ = 20261122;
};

std::string streamed(const Tokenizer& tokenizer, const std::vector<std::int32_t>& ids) {
  TextStream stream(tokenizer);
  std::string text;
  for (const std::int32_t id : ids) text += stream.push(id).value();
  return text + stream.finish().value();
}

class KindOfTokenizer : public ::testing::TestWithParam<std::string> {};

TEST_P(KindOfTokenizer, gives_the_ids_of_hugging_face_for_every_case) {
  const Tokenizer tokenizer = tokenizer_of(GetParam());
  std::size_t different = 0;
  for (const json& row : cases()["cases"]) {
    const auto text = row["text"].get<std::string>();
    const auto ids = tokenizer.encode(text, kWhole).ids;
    const auto wanted = row[GetParam()].get<std::vector<std::int32_t>>();
    if (ids != wanted && ++different <= 5) {
      ADD_FAILURE() << "'" << text << "' gave [" << listed(ids) << "], not [" << listed(wanted)
                    << "]";
    }
  }
  EXPECT_EQ(different, 0U);
}

TEST_P(KindOfTokenizer, gives_the_ids_and_the_texts_of_hugging_face_for_random_texts) {
  const Tokenizer tokenizer = tokenizer_of(GetParam());
  RandomTexts texts;
  crypto::Sha256 of_ids, of_texts;
  for (int i = 0; i < 2000; ++i) {
    const std::vector<std::int32_t> ids = tokenizer.encode(texts.next(), kWhole).ids;
    of_ids.update(as_bytes((i == 0 ? "" : "\n") + listed(ids)));
    of_texts.update(as_bytes((i == 0 ? "" : "\n") + tokenizer.decode(ids, false).value()));
  }
  const json& wanted = cases()["random_sha256"][GetParam()];
  EXPECT_EQ(to_hex(of_ids.finish()), wanted["ids"]);
  EXPECT_EQ(to_hex(of_texts.finish()), wanted["decoded"]);
}

TEST_P(KindOfTokenizer, gives_the_same_text_piece_by_piece) {
  const Tokenizer tokenizer = tokenizer_of(GetParam());
  RandomTexts texts;
  for (int i = 0; i < 200; ++i) {
    const std::vector<std::int32_t> ids = tokenizer.encode(texts.next(), kWhole).ids;
    ASSERT_EQ(streamed(tokenizer, ids), tokenizer.decode(ids).value()) << listed(ids);
  }
}

TEST_P(KindOfTokenizer, cuts_a_long_text_as_it_cuts_the_whole) {
  const Tokenizer tokenizer = tokenizer_of(GetParam());
  RandomTexts texts;
  std::string text;
  while (text.size() < 40'000) text += texts.next() + " and so on,  ";
  const std::vector<std::int32_t> whole =
      tokenizer.encode(text, {EncodeOptions::kUnlimited, false}).ids;
  std::vector<std::int32_t> parts = whole;
  for (const std::size_t length : {5U, 300U, 3000U}) {
    parts.assign(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length));
    EXPECT_EQ(tokenizer.encode(text, {length, false}).ids, parts);
  }
}

// With time in proportion to the square, this takes minutes.
TEST_P(KindOfTokenizer, takes_a_word_without_end) {
  const Tokenizer tokenizer = tokenizer_of(GetParam());
  for (const std::string_view piece : {"a", "ab", "\xCC\x81", " ", "\n"}) {
    std::string text;
    while (text.size() < 100'000) text += piece;
    EXPECT_LE(tokenizer.encode(text, kWhole).ids.size(), 2 * text.size() + 2) << piece;
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, KindOfTokenizer,
                         ::testing::Values("gpt2", "roberta", "llama3", "gpt4", "qwen2", "claude",
                                           "smollm", "deepseek", "llama2", "mistral", "unfused",
                                           "gemma", "t5", "xlm_roberta", "albert", "clip"),
                         [](const auto& kind) { return kind.param; });

std::string page_of_characters(char32_t page) {
  std::string text;
  for (char32_t c = page << 8U; c < (page + 1) << 8U; ++c) {
    if (c >= 0xD800 && c < 0xE000) continue;
    text += 'a';
    append_utf8(c, text);
    text += "b ";
  }
  return text;
}

TEST(EveryCharacterOfTokenizers, is_split_by_every_pattern_as_in_hugging_face) {
  for (const auto& [name, pattern] : cases()["patterns"].items()) {
    const json section{
        {"type", "Split"}, {"pattern", {{"Regex", pattern}}}, {"behavior", "Isolated"}};
    const PreTokenizer splitter = PreTokenizer::from_json(section, "test").value();
    PreTokenizer::Scratch scratch;
    std::vector<std::string_view> words;
    crypto::Sha256 hash;
    for (char32_t page = 0; page < 0x1100; ++page) {
      const std::string text = page_of_characters(page);
      splitter.split(text, true, scratch, words);
      hash.update(as_bytes(fmt::format("{}", fmt::join(words, "\n"))));
    }
    EXPECT_EQ(to_hex(hash.finish()), cases()["every_character_sha256"][name]) << name;
  }
}

TEST(EveryCharacterOfTokenizers, is_normalized_for_compatibility_as_in_hugging_face) {
  for (const auto& [name, type] : {std::pair("nfkd", "NFKD"), std::pair("nfkc", "NFKC")}) {
    const Normalizer normalizer = Normalizer::from_json(json{{"type", type}}, "test").value();
    crypto::Sha256 hash;
    std::string out;
    for (char32_t page = 0; page < 0x1100; ++page) {
      normalizer.apply(page_of_characters(page), out);
      hash.update(as_bytes(out));
    }
    EXPECT_EQ(to_hex(hash.finish()), cases()["every_character_sha256"][name]) << name;
  }
}

// What is refused, and by which words.
struct Refusal {
  const char* name;
  const char* kind;
  const char* patch;  // RFC 7396, over the document.
  Errc code;
  const char* says;
};

class RefusedTokenizer : public ::testing::TestWithParam<Refusal> {};

TEST_P(RefusedTokenizer, is_refused_by_name) {
  json document = document_of(GetParam().kind);
  document.merge_patch(json::parse(GetParam().patch));
  const auto tokenizer = Tokenizer::from_json(as_bytes(document.dump()));
  ASSERT_FALSE(tokenizer);
  EXPECT_EQ(tokenizer.error().code, GetParam().code);
  EXPECT_NE(tokenizer.error().message.find(GetParam().says), std::string::npos)
      << tokenizer.error().message;
}

INSTANTIATE_TEST_SUITE_P(
    Files, RefusedTokenizer,
    ::testing::Values(
        Refusal{"dropout", "gpt2", R"({"model": {"dropout": 0.1}})", Errc::unsupported, "dropout"},
        Refusal{"prefix", "gpt2", R"({"model": {"continuing_subword_prefix": "@@"}})",
                Errc::unsupported, "continuing_subword_prefix @@"},
        Refusal{"word_level", "gpt2", R"({"model": {"type": "WordLevel"}})", Errc::unsupported,
                "WordLevel"},
        Refusal{"no_merges", "gpt2", R"({"model": {"merges": null}})", Errc::corrupt, "merge"},
        Refusal{"foreign_merge", "gpt2", R"({"model": {"merges": ["a zebra"]}})", Errc::corrupt,
                "merge of a and zebra"},
        Refusal{"odd_merge", "gpt2", R"({"model": {"merges": ["a b c"]}})", Errc::corrupt,
                "no pair"},
        Refusal{"lost_unknown", "gpt2", R"({"model": {"unk_token": "[none]"}})", Errc::corrupt,
                "[none]"},
        Refusal{"expression", "gpt2",
                R"({"pre_tokenizer": {"type": "Split", "pattern": {"Regex": "[a-z]+"},
                                      "behavior": "Isolated"}})",
                Errc::unsupported, "[a-z]+"},
        Refusal{"behavior", "gpt2",
                R"({"pre_tokenizer": {"type": "Split", "pattern": {"String": " "},
                                      "behavior": "Sideways"}})",
                Errc::unsupported, "Sideways"},
        Refusal{"unicode_scripts", "gpt2", R"({"pre_tokenizer": {"type": "UnicodeScripts"}})",
                Errc::unsupported, "UnicodeScripts"},
        Refusal{"nmt", "gpt2", R"({"normalizer": {"type": "Nmt"}})", Errc::unsupported, "Nmt"},
        Refusal{"no_table", "t5", R"({"normalizer": {"precompiled_charsmap": "!"}})", Errc::corrupt,
                "precompiled_charsmap"},
        Refusal{"short_table", "t5", R"({"normalizer": {"precompiled_charsmap": "////fwAA"}})",
                Errc::corrupt, "precompiled_charsmap"},
        Refusal{"no_unknown", "t5", R"({"model": {"unk_id": null}})", Errc::unsupported, "unk_id"},
        Refusal{"far_unknown", "t5", R"({"model": {"unk_id": 100000}})", Errc::corrupt, "100000"},
        Refusal{"words_for_scores", "t5", R"({"model": {"vocab": [["a", "b"]]}})", Errc::corrupt,
                "a number"},
        Refusal{"no_score", "t5", R"({"model": {"vocab": [["a"]]}})", Errc::corrupt, "score"},
        Refusal{"wide_space", "t5",
                R"({"pre_tokenizer": {"type": "Metaspace", "replacement": "ab"}})", Errc::corrupt,
                "one character"},
        Refusal{"two_templates", "llama3",
                R"({"post_processor": {"type": "Sequence", "processors": [
                     {"type": "BertProcessing", "sep": ["a", 1], "cls": ["b", 2]},
                     {"type": "BertProcessing", "sep": ["a", 1], "cls": ["b", 2]}]}})",
                Errc::unsupported, "more than one"}),
    [](const auto& refusal) { return std::string(refusal.param.name); });

TEST(Tokenizer, refuses_a_normalizer_that_writes_much) {
  json document = document_of("llama2");
  document["normalizer"] = {{"type", "Prepend"}, {"prepend", std::string(300, 'x')}};
  const auto tokenizer = Tokenizer::from_json(as_bytes(document.dump()));
  ASSERT_FALSE(tokenizer);
  EXPECT_EQ(tokenizer.error().code, Errc::resource_exhausted);
}

TEST(Tokenizer, does_not_follow_rules_that_make_a_text_grow_without_end) {
  json document = document_of("llama2");
  json rules = json::array();
  for (int i = 0; i < 20; ++i) {
    rules.push_back(
        {{"type", "Replace"}, {"pattern", {{"String", "a"}}}, {"content", std::string(200, 'a')}});
  }
  document["normalizer"] = {{"type", "Sequence"}, {"normalizers", rules}};
  const Tokenizer tokenizer = Tokenizer::from_json(as_bytes(document.dump())).value();
  EXPECT_LT(tokenizer.encode("aaaa", kWhole).ids.size(), 200'000U);  // 200^20 else.
}

TEST(TokenDecoder, that_is_not_implemented_fails_when_a_text_is_wanted) {
  json document = document_of("gpt2");
  document["decoder"] = {{"type", "CTC"}};
  const Tokenizer tokenizer = Tokenizer::from_json(as_bytes(document.dump())).value();
  const auto ids = tokenizer.encode("a text").ids;
  EXPECT_FALSE(ids.empty());
  const auto text = tokenizer.decode(ids);
  ASSERT_FALSE(text);
  EXPECT_EQ(text.error().code, Errc::unsupported);
  EXPECT_NE(text.error().message.find("CTC"), std::string::npos);
}

TEST(TextStream, keeps_the_bytes_of_a_character_back_until_it_is_whole) {
  const Tokenizer tokenizer = tokenizer_of("gpt2");
  TextStream stream(tokenizer);
  std::vector<std::string> pieces;
  for (const std::int32_t id : tokenizer.encode("\xF0\x9F\x98\x80").ids) {
    pieces.push_back(stream.push(id).value());
  }
  ASSERT_GT(pieces.size(), 1U);
  EXPECT_EQ(fmt::format("{}", fmt::join(pieces, "")), "\xF0\x9F\x98\x80");
  EXPECT_EQ(pieces.front(), "");
  EXPECT_EQ(stream.finish().value(), "");
}

TEST(TextStream, gives_what_never_became_a_character_in_the_end) {
  const Tokenizer tokenizer = tokenizer_of("gpt2");
  TextStream stream(tokenizer);
  const std::int32_t half = tokenizer.encode("\xF0\x9F\x98\x80").ids.front();
  EXPECT_EQ(stream.push(half).value(), "");
  EXPECT_EQ(stream.finish().value(), tokenizer.decode(std::vector{half}).value());
}

TEST(ByteLevelWords, have_their_space_in_front) {
  const Tokenizer tokenizer = tokenizer_of("gpt2");
  const std::string text = "Anna lives in Berlin.";
  EXPECT_EQ(fmt::format("{}", fmt::join(tokenizer.words(text), "|")), "Anna| lives| in| Berlin|.");
}

}  // namespace
}  // namespace accel::models
