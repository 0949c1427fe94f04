// SPDX-License-Identifier: Apache-2.0
// The word that a text with [MASK] lacks. Spec: transformers' fill-mask pipeline.
#include <algorithm>

#include "text_family.hpp"

namespace accel::models {
namespace {

constexpr std::string_view kMask = "[MASK]";
constexpr std::string_view kContinues = "##";  // WordPiece's mark of a word's later part.

class FillWorkload final : public TextWorkload {
 public:
  FillWorkload(const TextModel& model, const Labels& vocabulary, std::vector<Encoding> encodings,
               std::vector<std::string> texts, std::size_t top_k)
      : TextWorkload(model, std::move(encodings), top_k),
        vocabulary_(vocabulary),
        texts_(std::move(texts)) {}

  std::unique_ptr<Sample> sample() const override { return first_of(*this); }
  Result<FamilyResult> run(inference::Session& session,
                           const inference::RunOptions& options) const override {
    const std::int32_t mask = model_.tokenizer.token_to_id(kMask).value_or(-1);
    ACCEL_TRY(const auto wanted, wanted_outputs(session, {"logits"}));
    ACCEL_TRY(const std::vector<TextRow> rows, run_rows(session, model_, encodings_, wanted,
                                                        {.axes = 3, .per_token = true}, options));
    FamilyResult result = counted();
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const std::vector<float>& logits = rows[i].outputs.at(0);
      const std::size_t words = logits.size() / rows[i].sequence;
      if (words < vocabulary_.names.size()) {
        return fail(Errc::corrupt, "The model scores {} tokens, but its tokenizer has {}.", words,
                    vocabulary_.names.size());
      }
      const auto& ids = encodings_[i].ids;
      const auto place = static_cast<std::size_t>(std::ranges::find(ids, mask) - ids.begin());
      const auto own = std::span(logits).subspan(place * words, words);
      std::vector<float> scores(own.begin(), own.end());
      result.numbers.push_back(scores);
      activate(Activation::softmax, scores);
      result.rows.push_back(best_of(vocabulary_, scores, top_k_));
      for (Finding& finding : result.rows.back()) finding.text = filled(i, finding.label);
    }
    return result;
  }

 private:
  std::string filled(std::size_t text, std::string_view token) const {
    std::string out = texts_[text];
    std::size_t at = out.find(kMask);
    std::size_t length = kMask.size();
    const bool continues = token.starts_with(kContinues);
    if (continues) token.remove_prefix(kContinues.size());
    if (continues && at > 0 && out[at - 1] == ' ') --at, ++length;
    return out.replace(at, length, token);
  }

  const Labels& vocabulary_;
  std::vector<std::string> texts_;
};

class FillMask final : public TextFamily {
 public:
  explicit FillMask(TextModel model) : TextFamily(std::move(model)) {
    vocabulary_.names = model_.pairs.tokens();
  }

  Result<std::unique_ptr<Workload>> prepare(FamilyInput input) const override {
    ACCEL_CHECK(expect_texts(input, false));
    ACCEL_CHECK(expect_no_draw(input));
    const auto mask = model_.tokenizer.token_to_id(kMask);
    if (!mask) return fail(Errc::unsupported, "The model's tokenizer has no {}.", kMask);
    std::vector<Encoding> encodings;
    for (std::size_t i = 0; i < input.texts.size(); ++i) {
      const std::string& text = input.texts[i];
      encodings.push_back(model_.tokenizer.encode(text, {model_.max_length, true}));
      const auto masks = std::ranges::count(encodings.back().ids, *mask);
      if (masks != 1 || text.find(kMask) == std::string::npos) {
        return fail(Errc::invalid_argument,
                    "inputs[{}]: a text must have {} once, within the {} tokens that the model "
                    "takes; this one has it {} times.",
                    i, kMask, model_.max_length, masks);
      }
    }
    return std::make_unique<FillWorkload>(model_, vocabulary_, std::move(encodings),
                                          std::move(input.texts), input.top_k);
  }

 private:
  Labels vocabulary_;
};

}  // namespace

OpenedFamily open_fill_mask(const ModelManifest& manifest, const Fetcher& fetcher) {
  ACCEL_TRY(TextModel model, read_text_model(manifest, fetcher));
  return std::make_shared<const FillMask>(std::move(model));
}

}  // namespace accel::models
