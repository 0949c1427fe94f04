// SPDX-License-Identifier: Apache-2.0
// Entities in texts: each word takes the label of its first token, and neighbours of one entity
// (B-X, I-X) are joined. Spec: transformers' token-classification pipeline with
// aggregation_strategy "first"; the score of an entity is the mean of its words'.
#include <algorithm>

#include "text_family.hpp"
#include "words.hpp"

namespace accel::models {
namespace {

// "B-PER" is PER and begins; a label without such a head begins nothing.
struct Tag {
  std::string_view entity;
  bool begins = false;
};

Tag tag_of(std::string_view label) {
  if (label.starts_with("B-")) return {label.substr(2), true};
  if (label.starts_with("I-")) return {label.substr(2), false};
  return {label, false};
}

struct TaggedText {
  std::string text;
  WordTokens tokens;
};

class TagWorkload final : public TextWorkload {
 public:
  TagWorkload(const TextModel& model, std::vector<Encoding> encodings,
              std::vector<TaggedText> texts, std::size_t before)
      : TextWorkload(model, std::move(encodings), 0), texts_(std::move(texts)), before_(before) {}

  std::unique_ptr<Sample> sample() const override { return first_of(*this); }
  Result<FamilyResult> run(inference::Session& session,
                           const inference::RunOptions& options) const override {
    ACCEL_TRY(const auto wanted, wanted_outputs(session, {"logits"}));
    ACCEL_TRY(std::vector<TextRow> rows, run_rows(session, model_, encodings_, wanted,
                                                  {.axes = 3, .per_token = true}, options));
    FamilyResult result = counted();
    for (std::size_t i = 0; i < rows.size(); ++i) {
      std::vector<float>& logits = rows[i].outputs.at(0);
      const std::size_t labels = logits.size() / rows[i].sequence;
      ACCEL_CHECK(model_.labels.check(labels));
      result.rows.push_back(entities(texts_[i], encodings_[i], logits, labels));
      logits.resize(encodings_[i].ids.size() * labels);
      result.numbers.push_back(std::move(logits));
    }
    return result;
  }

 private:
  std::vector<Finding> entities(const TaggedText& text, const Encoding& encoding,
                                std::span<const float> logits, std::size_t labels) const {
    const std::size_t special = model_.tokenizer.special_tokens();
    const std::size_t count = encoding.ids.size() - std::min(special, encoding.ids.size());
    std::vector<Finding> found;
    std::vector<std::size_t> words;  // Of each finding.
    std::string last;                // The entity of the word before; empty: none.
    for (std::size_t token = 0; token < count; ++token) {
      if (!text.tokens.starts_word(token)) continue;
      const auto own = logits.subspan((token + before_) * labels, labels);
      std::vector<float> scores(own.begin(), own.end());
      activate(Activation::softmax, scores);
      const Finding best = best_of(model_.labels, scores, 1).front();
      const Tag tag = tag_of(best.label);
      const Word& word = text.tokens.words[text.tokens.word_of[token]];
      const bool joins = tag.entity != "O" && tag.entity == last && !tag.begins;
      last = tag.entity == "O" ? std::string() : std::string(tag.entity);
      if (tag.entity == "O") continue;
      if (!joins) {
        found.push_back({.label = last, .bytes = {{word.begin, word.end}}});
        words.push_back(0);
      }
      (*found.back().bytes)[1] = word.end;
      found.back().score += best.score;
      ++words.back();
    }
    for (std::size_t i = 0; i < found.size(); ++i) {
      const auto [begin, end] = *found[i].bytes;
      found[i].score /= static_cast<double>(words[i]);
      found[i].text = text.text.substr(begin, end - begin);
    }
    return found;
  }

  std::vector<TaggedText> texts_;
  std::size_t before_;  // Special tokens in front of a text.
};

class TokenClassification final : public TextFamily {
 public:
  explicit TokenClassification(TextModel model) : TextFamily(std::move(model)) {}

  Result<std::unique_ptr<Workload>> prepare(FamilyInput input) const override {
    ACCEL_CHECK(expect_texts(input, false));
    ACCEL_CHECK(expect_no_draw(input));
    std::vector<Encoding> encodings;
    std::vector<TaggedText> texts;
    for (std::string& text : input.texts) {
      encodings.push_back(model_.tokenizer.encode(text, {model_.max_length, true}));
      WordTokens tokens = split_words(model_.tokenizer, text);
      ACCEL_CHECK(check_start(texts.size(), encodings.back(), tokens));
      texts.push_back({std::move(text), std::move(tokens)});
    }
    return std::make_unique<TagWorkload>(model_, std::move(encodings), std::move(texts),
                                         model_.pairs.special_before_one());
  }

 private:
  // A tokenizer that cuts the beginning off would put the labels on other words.
  Status check_start(std::size_t text, const Encoding& encoding, const WordTokens& tokens) const {
    const std::size_t before = model_.pairs.special_before_one();
    const std::size_t special = model_.tokenizer.special_tokens();
    const std::size_t count = encoding.ids.size() - std::min(special, encoding.ids.size());
    const auto own = std::span(encoding.ids).subspan(std::min(before, encoding.ids.size()));
    if (std::ranges::equal(own.first(count), std::span(tokens.ids).first(count))) return {};
    return fail(Errc::unsupported,
                "inputs[{}]: the text has more than {} tokens, and the model's tokenizer cuts its "
                "beginning off: words of the rest can't be told.",
                text, model_.max_length);
  }
};

}  // namespace

OpenedFamily open_token_classification(const ModelManifest& manifest, const Fetcher& fetcher) {
  ACCEL_TRY(TextModel model, read_text_model(manifest, fetcher));
  return std::make_shared<const TokenClassification>(std::move(model));
}

}  // namespace accel::models
