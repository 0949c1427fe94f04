// SPDX-License-Identifier: Apache-2.0
// The stretch of a text that answers a question. Spec: transformers' question-answering pipeline:
// windows of at most 384 tokens that overlap by 128, answers of at most 15 tokens, widened to whole
// words; a score is the product of the shares of its first and its last token.
#include <algorithm>

#include "text_family.hpp"
#include "words.hpp"

namespace accel::models {
namespace {

constexpr std::size_t kMaxWindow = 384;
constexpr std::size_t kMaxOverlap = 128;
constexpr std::size_t kMaxAnswerTokens = 15;
constexpr std::size_t kMaxWindows = 1024;  // Of all texts of a request.

struct Window {
  std::size_t text;   // Which of the texts.
  std::size_t first;  // Its first token among those of the text.
  std::size_t count;
  std::size_t start;  // Where that token is among the window's own.
};

struct Span {
  std::size_t text, first, last;  // Tokens of the text.
  double score;
};

struct Context {
  std::string text;
  WordTokens tokens;
};

class AnswerWorkload final : public TextWorkload {
 public:
  AnswerWorkload(const TextModel& model, std::vector<Encoding> encodings,
                 std::vector<Window> windows, std::vector<Context> contexts, std::size_t top_k)
      : TextWorkload(model, std::move(encodings), top_k),
        windows_(std::move(windows)),
        contexts_(std::move(contexts)) {}

  std::unique_ptr<Sample> sample() const override { return first_of(*this); }
  Result<FamilyResult> run(inference::Session& session,
                           const inference::RunOptions& options) const override {
    ACCEL_TRY(const auto wanted, wanted_outputs(session, {"start_logits", "end_logits"}));
    ACCEL_TRY(std::vector<TextRow> rows, run_rows(session, model_, encodings_, wanted,
                                                  {.axes = 2, .per_token = true}, options));
    std::vector<std::vector<Span>> spans(contexts_.size());
    FamilyResult result = counted();
    for (std::size_t i = 0; i < rows.size(); ++i) {
      ACCEL_CHECK(check_row(i, rows[i]));
      add_spans(i, rows[i], spans[windows_[i].text]);
      for (std::vector<float>& logits : rows[i].outputs) {
        logits.resize(encodings_[i].ids.size());
        result.numbers.push_back(std::move(logits));
      }
    }
    for (std::vector<Span>& found : spans) result.rows.push_back(answers(found));
    return result;
  }

 private:
  // Shares of the first token ([CLS]: no answer) and of the window's own tokens.
  std::vector<float> shares(std::size_t window, std::span<const float> logits) const {
    std::vector<float> values{logits[0]};
    const auto own = logits.subspan(windows_[window].start, windows_[window].count);
    values.insert(values.end(), own.begin(), own.end());
    activate(Activation::softmax, values);
    values.erase(values.begin());
    return values;
  }

  // The template and the outputs are a stranger's files: nothing is read beyond a row.
  Status check_row(std::size_t window, const TextRow& row) const {
    const std::size_t end = windows_[window].start + windows_[window].count;
    const auto holds = [end](const std::vector<float>& logits) { return logits.size() >= end; };
    if (end > 0 && std::ranges::all_of(row.outputs, holds)) return {};
    return fail(Errc::corrupt, "The model gives fewer scores than a window has tokens.");
  }

  void add_spans(std::size_t index, const TextRow& row, std::vector<Span>& spans) const {
    const Window& window = windows_[index];
    const std::vector<float> starts = shares(index, row.outputs.at(0));
    const std::vector<float> ends = shares(index, row.outputs.at(1));
    for (std::size_t first = 0; first < window.count; ++first) {
      const std::size_t end = std::min(first + kMaxAnswerTokens, window.count);
      for (std::size_t last = first; last < end; ++last)
        spans.push_back({window.text, window.first + first, window.first + last,
                         static_cast<double>(starts[first]) * static_cast<double>(ends[last])});
    }
    const std::size_t kept = std::min(spans.size(), 16 * (top_k_ + 1));  // Some are the same words.
    const auto middle = spans.begin() + static_cast<std::ptrdiff_t>(kept);
    std::ranges::partial_sort(spans, middle, std::greater(), &Span::score);
    spans.erase(middle, spans.end());
  }

  std::vector<Finding> answers(const std::vector<Span>& spans) const {
    std::vector<Finding> found;
    for (const Span& span : spans) {
      const Context& context = contexts_[span.text];
      const auto& [words, ids, word_of] = context.tokens;
      const std::size_t begin = words[word_of[span.first]].begin;
      const std::size_t end = words[word_of[span.last]].end;
      const auto same = [&](const Finding& other) {
        return (*other.bytes)[0] == begin && (*other.bytes)[1] == end;
      };
      if (std::ranges::any_of(found, same)) continue;
      if (found.size() == top_k_) break;
      found.push_back({.score = span.score,
                       .text = context.text.substr(begin, end - begin),
                       .bytes = {{begin, end}}});
    }
    return found;
  }

  std::vector<Window> windows_;
  std::vector<Context> contexts_;
};

class QuestionAnswering final : public TextFamily {
 public:
  explicit QuestionAnswering(TextModel model) : TextFamily(std::move(model), 2) {}

  Result<std::unique_ptr<Workload>> prepare(FamilyInput input) const override {
    ACCEL_CHECK(expect_texts(input, true));
    ACCEL_CHECK(expect_no_draw(input));
    const Encoding question =
        model_.tokenizer.encode(input.query, {EncodeOptions::kUnlimited, false});
    const std::size_t length = std::min(model_.max_length, kMaxWindow);
    ACCEL_TRY(const std::size_t special, model_.pairs.special_tokens());
    const std::size_t used = question.ids.size() + special;
    const std::size_t overlap = std::min(length / 2, kMaxOverlap);
    if (question.ids.empty() || used + overlap >= length) {
      return fail(Errc::invalid_argument,
                  "The question has {} tokens; from 1 to {} leave room for a text.",
                  question.ids.size(), length - std::min(length, overlap + special + 1));
    }
    Cut cut{length, overlap, length - used, question.ids, {}, {}};
    std::vector<Context> contexts;
    for (std::string& text : input.texts) {
      WordTokens tokens = split_words(model_.tokenizer, text);
      if (tokens.ids.empty())
        return fail(Errc::invalid_argument,
                    "inputs[{}]: the text to look for the answer in is empty.", contexts.size());
      ACCEL_CHECK(add_windows(contexts.size(), tokens.ids, cut));
      contexts.push_back({std::move(text), std::move(tokens)});
    }
    return std::make_unique<AnswerWorkload>(
        model_, std::move(cut.encodings), std::move(cut.windows), std::move(contexts), input.top_k);
  }

 private:
  struct Cut {
    std::size_t length, overlap, room;
    std::span<const std::int32_t> question;
    std::vector<Encoding> encodings;
    std::vector<Window> windows;
  };

  Status add_windows(std::size_t text, std::span<const std::int32_t> ids, Cut& cut) const {
    for (std::size_t first = 0;; first += cut.room - cut.overlap) {
      const std::size_t count = std::min(cut.room, ids.size() - first);
      ACCEL_TRY(JoinedTexts pair, model_.pairs.join(cut.question, ids.subspan(first, count)));
      cut.encodings.push_back(std::move(pair.encoding));
      cut.windows.push_back({text, first, count, pair.second});
      if (first + count == ids.size()) return {};
      if (cut.windows.size() == kMaxWindows) {
        return fail(Errc::resource_exhausted,
                    "inputs[{}]: the texts up to this one are over {} windows of {} tokens; give "
                    "fewer or shorter ones.",
                    text, kMaxWindows, cut.length);
      }
    }
  }
};

}  // namespace

OpenedFamily open_question_answering(const ModelManifest& manifest, const Fetcher& fetcher) {
  ACCEL_TRY(TextModel model, read_text_model(manifest, fetcher));
  return std::make_shared<const QuestionAnswering>(std::move(model));
}

}  // namespace accel::models
