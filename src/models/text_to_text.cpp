// SPDX-License-Identifier: Apache-2.0
// Translation, summaries and what else a text becomes: encoder-decoders as T5, BART and Marian, by
// greedy search. Spec: transformers' generate() with num_beams 1 and its logits processors
// (generation_rules.hpp); optimum's exports (encoder_decoder.hpp).
#include <algorithm>
#include <cmath>

#include "encoder_decoder.hpp"
#include "families.hpp"
#include "generation_rules.hpp"
#include "text_batch.hpp"
#include "text_family.hpp"

namespace accel::models {
namespace {

using tensor::DType;
using tensor::Tensor;

constexpr std::size_t kSampleTokens = 16;  // Enough to weigh the decoder beside the encoder.
constexpr EncoderDecoder::Kind kKind{"encoder-decoder of texts", "input_ids", DType::i64};

struct TextToTextModel {
  Tokenizer tokenizer;
  GenerationRules rules;
  std::size_t max_length;  // Tokens of a text, special ones included.
};

struct Answer {
  std::vector<std::int32_t> tokens;  // Begins with the rules' start.
  double log_probability = 0;        // The sum over tokens and the end.
  std::size_t steps = 0;
};

// Of values of which some are -infinity.
double log_sum(std::span<const float> values, float most) {
  double sum = 0;
  for (const float value : values) sum += std::exp(static_cast<double>(value - most));
  return std::log(sum);
}

class TextToTextWorkload final : public Workload {
 public:
  TextToTextWorkload(const TextToTextModel& model, std::vector<Encoding> encodings,
                     std::size_t most)
      : model_(model), encodings_(std::move(encodings)), most_(most) {}

  std::uint64_t rows() const override { return encodings_.size(); }
  std::uint64_t length() const override {
    std::size_t longest = 1;
    for (const Encoding& encoding : encodings_) longest = std::max(longest, encoding.ids.size());
    return longest;
  }

  Result<FamilyResult> run(inference::Session& session,
                           const inference::RunOptions& options) const override {
    ACCEL_TRY(EncoderDecoder both, EncoderDecoder::open(session, kKind, options));
    FamilyResult result;
    for (const Encoding& encoding : encodings_) {
      std::vector<float>& numbers = result.numbers.emplace_back();
      ACCEL_TRY(const Answer answer, write(both, encoding, numbers));
      ACCEL_TRY(std::string text, model_.tokenizer.decode(answer.tokens));
      Finding finding;
      finding.text = std::move(text);
      finding.score = std::exp(answer.log_probability /
                               static_cast<double>(std::max<std::size_t>(answer.steps, 1)));
      result.rows.push_back({std::move(finding)});
      result.tokens += encoding.ids.size() + answer.tokens.size() - 1;
      result.truncated += encoding.truncated ? 1 : 0;
    }
    return result;
  }

  // The first text and its first tokens.
  std::unique_ptr<Sample> sample() const override {
    if (encodings_.size() == 1 && most_ <= kSampleTokens) return nullptr;
    auto part = std::make_unique<TextToTextWorkload>(
        model_, std::vector<Encoding>{encodings_.front()}, std::min(most_, kSampleTokens));
    return std::make_unique<Sample>(
        Sample{std::move(part), static_cast<double>(encodings_.size())});
  }

 private:
  // `numbers` become the probabilities of the first token: what engines are compared by.
  Result<Answer> write(EncoderDecoder& both, const Encoding& encoding,
                       std::vector<float>& numbers) const {
    const std::vector<std::int64_t> wide(encoding.ids.begin(), encoding.ids.end());
    const std::vector<std::int64_t> all(wide.size(), 1);
    const tensor::Shape shape{1, std::ssize(wide)};
    ACCEL_TRY(const Tensor ids,
              Tensor::copy_of<std::int64_t>(shape, std::span<const std::int64_t>(wide)));
    ACCEL_TRY(const Tensor mask,
              Tensor::copy_of<std::int64_t>(shape, std::span<const std::int64_t>(all)));
    ACCEL_CHECK(both.encode(ids, &mask));
    Answer answer{{model_.rules.start}};
    std::vector<float> logits;
    while (answer.steps < most_) {
      ACCEL_TRY(const auto given, both.step(std::span(answer.tokens).last(1)));
      if (numbers.empty()) keep_numbers(given, numbers);
      logits.assign(given.begin(), given.end());
      model_.rules.apply(answer.tokens, most_, logits);
      const auto best = std::ranges::max_element(logits);
      if (!std::isfinite(*best)) break;  // The rules leave no token.
      answer.log_probability -= log_sum(logits, *best);
      ++answer.steps;
      const auto token = static_cast<std::int32_t>(best - logits.begin());
      if (model_.rules.ends_with(token)) break;
      answer.tokens.push_back(token);
    }
    return answer;
  }

  static void keep_numbers(std::span<const float> logits, std::vector<float>& numbers) {
    numbers.assign(logits.begin(), logits.end());
    activate(Activation::softmax, numbers);
  }

  const TextToTextModel& model_;
  std::vector<Encoding> encodings_;
  std::size_t most_;
};

// "summarization", "translation_en_to_de": the name of a task, and not words of a text.
bool is_task(std::string_view query) {
  return query == "summarization" ||
         (query.starts_with("translation") && query.find(' ') == std::string_view::npos);
}

class TextToText final : public Family {
 public:
  // `task` is what a request without a query wants; empty: nothing stands in front of its texts.
  TextToText(TextToTextModel model, std::string_view task)
      : model_(std::move(model)), task_(task) {}

  Result<std::unique_ptr<Workload>> prepare(FamilyInput input) const override {
    ACCEL_TRY(const std::string prefix, prefix_of(input.query));
    input.query.clear();
    ACCEL_CHECK(expect_texts(input, false));
    ACCEL_CHECK(expect_no_seed(input));
    ACCEL_TRY(const std::size_t most, most_of(input));
    std::vector<Encoding> encodings;
    for (const std::string& text : input.texts) {
      encodings.push_back(model_.tokenizer.encode(prefix + text, {model_.max_length, true}));
      if (!encodings.back().ids.empty()) continue;
      return fail(Errc::invalid_argument, "inputs[{}] is empty: there is nothing to read.",
                  encodings.size() - 1);
    }
    return std::make_unique<TextToTextWorkload>(model_, std::move(encodings), most);
  }

 private:
  // A task that config.json names has its prefix there; a model that names none needs none.
  Result<std::string> prefix_of(const std::string& query) const {
    const auto& known = model_.rules.prefix;
    const auto found = known.find(query);
    if (found != known.end()) return found->second;
    if (!query.empty() && !is_task(query)) return query;
    if (known.empty() || (query.empty() && task_.empty())) return std::string();
    std::string names;
    std::size_t fitting = 0;
    const std::string* prefix = nullptr;
    for (const auto& [name, text] : known) {
      names += (names.empty() ? "" : ", ") + name;
      if (!name.starts_with(task_)) continue;
      ++fitting;
      prefix = &text;
    }
    if (query.empty() && fitting == 1) return *prefix;
    return fail(Errc::invalid_argument,
                "The model knows the tasks {}: name one of them (--query); \"{}\" is none.", names,
                query.empty() ? task_ : query);
  }

  Result<std::size_t> most_of(const FamilyInput& input) const {
    std::size_t most = model_.rules.most;
    for (const auto& [name, value] : input.parameters) {
      if (name != "max_tokens" || value < 1 || value > 4096 || value != std::floor(value)) {
        return fail(Errc::invalid_argument,
                    "A text takes the parameter max_tokens, 1 to 4096, and not {}={}.", name,
                    value);
      }
      most = static_cast<std::size_t>(value);
    }
    return most;
  }

  TextToTextModel model_;
  std::string task_;
};

OpenedFamily open_for(const ModelManifest& manifest, const Fetcher& fetcher,
                      std::string_view task) {
  ACCEL_TRY(const TextFiles files, read_text_files(manifest, fetcher));
  ACCEL_TRY(Tokenizer tokenizer, Tokenizer::from_json(files.tokenizer_json));
  ACCEL_TRY(GenerationRules rules, GenerationRules::read(manifest, fetcher));
  return std::make_shared<const TextToText>(
      TextToTextModel{std::move(tokenizer), std::move(rules), files.config.max_length}, task);
}

}  // namespace

OpenedFamily open_text_to_text(const ModelManifest& manifest, const Fetcher& fetcher) {
  return open_for(manifest, fetcher, "");
}
OpenedFamily open_translation(const ModelManifest& manifest, const Fetcher& fetcher) {
  return open_for(manifest, fetcher, "translation");
}
OpenedFamily open_summarization(const ModelManifest& manifest, const Fetcher& fetcher) {
  return open_for(manifest, fetcher, "summarization");
}

}  // namespace accel::models
