// SPDX-License-Identifier: Apache-2.0
// Every id against PyPI tokenizers 0.23.3: test/data/models/make_wordpiece_cases.py.
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

const json& cases() {
  static const json data = test_data("wordpiece_cases.json");
  return data;
}

Tokenizer small_tokenizer(const std::string& name) {
  json document = cases()["documents"][name];
  document["model"]["vocab"] = cases()["vocabulary"];
  auto tokenizer = Tokenizer::from_json(as_bytes(document.dump()));
  EXPECT_TRUE(tokenizer) << name << ": " << tokenizer.error().to_string();
  return std::move(tokenizer).value();
}

Result<Tokenizer> installed_minilm() {
  ACCEL_TRY(const Bytes text,
            read_file(testing::models_folder() / "all-minilm-l6-v2" / "tokenizer.json", 1 << 20));
  return Tokenizer::from_json(text);
}

void expect_every_case(const Tokenizer& tokenizer, const std::string& name,
                       const EncodeOptions& options) {
  std::size_t different = 0;
  for (const json& row : cases()["cases"]) {
    const auto text = row["text"].get<std::string>();
    const auto wanted = row[name].get<std::vector<std::int32_t>>();
    const auto ids = tokenizer.encode(text, options).ids;
    if (ids != wanted && ++different <= 5) {
      ADD_FAILURE() << name << ": '" << text << "' gave [" << fmt::format("{}", fmt::join(ids, ","))
                    << "], not [" << fmt::format("{}", fmt::join(wanted, ",")) << "]";
    }
  }
  EXPECT_EQ(different, 0U) << name;
}

class SmallTokenizer : public ::testing::TestWithParam<std::string> {};

TEST_P(SmallTokenizer, gives_the_ids_of_hugging_face_for_every_case) {
  expect_every_case(small_tokenizer(GetParam()), GetParam(), {});
}

INSTANTIATE_TEST_SUITE_P(Kinds, SmallTokenizer,
                         ::testing::Values("cased", "lower_keeps_accents", "sequence", "composed",
                                           "added", "left", "right"),
                         [](const auto& kind) { return kind.param; });

class MiniLmTokenizer : public ::testing::Test {
 protected:
  void SetUp() override {
    auto tokenizer = installed_minilm();
    if (!tokenizer) GTEST_SKIP() << "run `tools/deps install model`: " << tokenizer.error().message;
    tokenizer_.emplace(std::move(*tokenizer));
  }
  std::optional<Tokenizer> tokenizer_;
};

TEST_F(MiniLmTokenizer, gives_the_ids_of_hugging_face_for_every_case) {
  expect_every_case(*tokenizer_, "minilm", {EncodeOptions::kUnlimited, true});
}

TEST_F(MiniLmTokenizer, gives_the_same_ids_for_texts_of_many_windows) {
  for (const json& row : cases()["long"]) {
    std::string text;
    for (int i = 0; i < row["times"].get<int>(); ++i) text += row["piece"].get<std::string>();
    const Encoding whole = tokenizer_->encode(text, {EncodeOptions::kUnlimited, true});
    const std::string ids = fmt::format("{}", fmt::join(whole.ids, ","));
    EXPECT_EQ(to_hex(crypto::sha256(as_bytes(ids))), row["sha256_of_ids"]) << row["piece"];
    const Encoding cut = tokenizer_->encode(text, {128, true});
    EXPECT_EQ(cut.ids, row["first_128"].get<std::vector<std::int32_t>>()) << row["piece"];
    EXPECT_EQ(cut.truncated, cut.ids != whole.ids);
  }
}

TEST_F(MiniLmTokenizer, knows_its_size_and_special_tokens) {
  EXPECT_EQ(tokenizer_->vocabulary_size(), 30'522U);
  EXPECT_EQ(tokenizer_->special_tokens(), 2U);
  EXPECT_EQ(tokenizer_->pad_id(), 0);
  EXPECT_EQ(tokenizer_->token_to_id("[SEP]"), 102);
  EXPECT_EQ(tokenizer_->token_to_id("cat"), 4937);
  EXPECT_EQ(tokenizer_->token_to_id("no such token"), std::nullopt);
}

// The same walk over all of Unicode as digests() of the generator: each character between an 'a'
// and a 'b', 256 of them at a time.
template <class Step>
std::string digest_of_every_character(Step step) {
  crypto::Sha256 hash;
  for (char32_t page = 0; page < 0x1100; ++page) {
    std::string text;
    for (char32_t c = page << 8U; c < (page + 1) << 8U; ++c) {
      if (c >= 0xD800 && c < 0xE000) continue;
      text += 'a';
      append_utf8(c, text);
      text += "b ";
    }
    hash.update(as_bytes(step(text)));
  }
  return to_hex(hash.finish());
}

std::string normalize_with(const char* section, std::string_view text) {
  const Normalizer normalizer = Normalizer::from_json(json::parse(section), "test").value();
  std::string out;
  normalizer.apply(text, out);
  return out;
}

std::string split_with(const char* type, std::string_view text) {
  const auto splitter = PreTokenizer::from_json(json{{"type", type}}, "test").value();
  std::vector<std::string_view> words;
  PreTokenizer::Scratch scratch;
  splitter.split(text, true, scratch, words);
  return fmt::format("{}", fmt::join(words, "\n"));
}

TEST(EveryCharacter, is_normalized_as_in_hugging_face) {
  const json& wanted = cases()["every_character_sha256"];
  constexpr std::pair<const char*, const char*> kSections[] = {
      {"normalize", R"({"type": "BertNormalizer"})"},
      {"nfc", R"({"type": "NFC"})"},
      {"lowercase", R"({"type": "Lowercase"})"},
      {"strip_marks", R"({"type": "StripAccents"})"}};
  for (const auto& [name, section] : kSections) {
    EXPECT_EQ(digest_of_every_character([&section = section](const std::string& text) {
                return normalize_with(section, text);
              }),
              wanted[name])
        << name;
  }
}

TEST(EveryCharacter, is_split_off_or_kept_as_in_hugging_face) {
  const json& wanted = cases()["every_character_sha256"];
  for (const auto& [name, type] :
       {std::pair("bert", "BertPreTokenizer"), std::pair("whitespace", "Whitespace")}) {
    EXPECT_EQ(digest_of_every_character(
                  [type = type](const std::string& text) { return split_with(type, text); }),
              wanted[name])
        << name;
  }
}

}  // namespace
}  // namespace accel::models
