// SPDX-License-Identifier: Apache-2.0
// Labels of texts, and (text-ranking) how well each text answers a query: both are classifiers over
// the first token. Spec: transformers' text-classification pipeline; sentence-transformers'
// CrossEncoder, whose score of one label is its sigmoid.
#include <algorithm>

#include "text_family.hpp"

namespace accel::models {
namespace {

class ClassifyWorkload final : public TextWorkload {
 public:
  ClassifyWorkload(const TextModel& model, std::vector<Encoding> encodings, std::size_t top_k,
                   bool ranks)
      : TextWorkload(model, std::move(encodings), top_k), ranks_(ranks) {}

  std::unique_ptr<Sample> sample() const override { return first_of(*this); }
  Result<FamilyResult> run(inference::Session& session,
                           const inference::RunOptions& options) const override {
    ACCEL_TRY(const auto wanted, wanted_outputs(session, {"logits"}));
    ACCEL_TRY(std::vector<TextRow> rows,
              run_rows(session, model_, encodings_, wanted, {.axes = 2}, options));
    FamilyResult result = counted();
    for (TextRow& row : rows) {
      std::vector<float>& scores = row.outputs.at(0);
      ACCEL_CHECK(model_.labels.check(scores.size()));
      result.numbers.push_back(scores);
      if (ranks_ && scores.size() != 1) {
        return fail(Errc::unsupported,
                    "The model gives {} scores for a text; one that ranks gives one.",
                    scores.size());
      }
      // Without a word in the files, one number is a logit of its own.
      const bool alone = scores.size() == 1 && model_.labels.names.empty();
      activate(alone ? Activation::sigmoid : model_.labels.activation, scores);
      result.rows.push_back(best_of(model_.labels, scores, top_k_));
    }
    if (ranks_) rank(result);
    return result;
  }

 private:
  // One list, best first, of what was given.
  void rank(FamilyResult& result) const {
    std::vector<Finding> ranked;
    for (std::size_t i = 0; i < result.rows.size(); ++i)
      ranked.push_back({.score = result.rows[i].front().score, .index = i});
    std::ranges::stable_sort(ranked, std::greater(), &Finding::score);
    result.rows.assign(1, std::move(ranked));
  }

  bool ranks_;
};

class TextClassification final : public TextFamily {
 public:
  TextClassification(TextModel model, bool ranks) : TextFamily(std::move(model)), ranks_(ranks) {}

  Result<std::unique_ptr<Workload>> prepare(FamilyInput input) const override {
    ACCEL_CHECK(expect_texts(input, ranks_));
    ACCEL_CHECK(expect_no_draw(input));
    std::vector<Encoding> encodings;
    for (const std::string& text : input.texts) {
      if (!ranks_) {
        encodings.push_back(model_.tokenizer.encode(text, {model_.max_length, true}));
        continue;
      }
      ACCEL_TRY(Encoding pair,
                model_.pairs.encode(model_.tokenizer, input.query, text, model_.max_length));
      encodings.push_back(std::move(pair));
    }
    return std::make_unique<ClassifyWorkload>(model_, std::move(encodings), input.top_k, ranks_);
  }

 private:
  bool ranks_;
};

OpenedFamily open(const ModelManifest& manifest, const Fetcher& fetcher, bool ranks) {
  ACCEL_TRY(TextModel model, read_text_model(manifest, fetcher));
  return std::make_shared<const TextClassification>(std::move(model), ranks);
}

}  // namespace

OpenedFamily open_text_classification(const ModelManifest& manifest, const Fetcher& fetcher) {
  return open(manifest, fetcher, false);
}

OpenedFamily open_text_ranking(const ModelManifest& manifest, const Fetcher& fetcher) {
  return open(manifest, fetcher, true);
}

}  // namespace accel::models
