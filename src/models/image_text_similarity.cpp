// SPDX-License-Identifier: Apache-2.0
// One image and several texts to how well each text fits: CLIP, whose two encoders lie in one graph
// as optimum exports it. Spec: Radford et al. 2021; transformers' CLIPModel, CLIPProcessor and
// ZeroShotImageClassificationPipeline.
#include "image_text_similarity.hpp"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "accel/core/file.hpp"
#include "accel/models/tokenizer.hpp"
#include "json_fields.hpp"
#include "labels.hpp"
#include "model_files.hpp"
#include "vision_config.hpp"

namespace accel::models {
namespace {

using nlohmann::json;
using tensor::DType;
using tensor::Tensor;

constexpr std::size_t kMaxTexts = 256;      // Of one image: all go through the encoder together.
constexpr std::size_t kDefaultTokens = 77;  // CLIP's own, where config.json says nothing.
constexpr std::size_t kMostTokens = 4096;
constexpr std::size_t kMaxTemplateBytes = 1024;
constexpr std::string_view kPlace = "{}";  // Where a text stands in --query.
constexpr std::string_view kScores = "logits_per_image";
constexpr const char* kConfig = "config.json";

struct ClipModel {
  Tokenizer tokenizer;
  VisionConfig vision;
  std::size_t max_length;  // Tokens of a text, special ones included.
};

struct ClipInputs {
  Tensor pixels, ids, mask;
};

Status check_session(const inference::Session& session) {
  constexpr std::array<std::pair<std::string_view, DType>, 3> kInputs{
      {{"input_ids", DType::i64}, {"attention_mask", DType::i64}, {"pixel_values", DType::f32}}};
  for (const inference::TensorSpec& spec : session.inputs()) {
    const auto* const known =
        std::ranges::find(kInputs, spec.name, [](const auto& input) { return input.first; });
    if (known != kInputs.end() && known->second == spec.dtype) continue;
    return fail(Errc::unsupported,
                "The model wants {}; CLIP takes input_ids and attention_mask (int64) and "
                "pixel_values (float32).",
                to_string(spec));
  }
  const auto& outputs = session.outputs();
  if (std::ranges::find(outputs, kScores, &inference::TensorSpec::name) != outputs.end()) return {};
  return fail(Errc::unsupported, "The model has no output {}, which tells how texts fit an image.",
              kScores);
}

class ClipWorkload final : public Workload {
 public:
  ClipWorkload(ClipInputs inputs, std::vector<std::string> texts, std::size_t top_k)
      : inputs_(std::move(inputs)), texts_(std::move(texts)), top_k_(top_k) {}

  std::uint64_t rows() const override { return texts_.size(); }
  std::uint64_t length() const override {
    return static_cast<std::uint64_t>(inputs_.ids.shape()[1]);
  }

  Result<FamilyResult> run(inference::Session& session,
                           const inference::RunOptions& options) const override {
    ACCEL_CHECK(check_session(session));
    std::vector<inference::NamedTensor> given;
    for (const inference::TensorSpec& spec : session.inputs())
      given.push_back({spec.name, &input(spec.name)});
    const std::vector<std::string> wanted{std::string(kScores)};
    ACCEL_TRY(const std::vector<Tensor> outputs, session.run(given, wanted, options));
    const tensor::Shape& shape = outputs.at(0).shape();
    if (shape != tensor::Shape{1, std::ssize(texts_)}) {
      return fail(Errc::unsupported,
                  "The model's {} has the shape {}; for one image and {} texts "
                  "it must be [1, {}].",
                  kScores, tensor::shape_text(shape), texts_.size(), texts_.size());
    }
    ACCEL_TRY(const auto values, finite_values(outputs[0], kScores));
    FamilyResult result = counted;
    result.numbers.emplace_back(values.begin(), values.end());
    std::vector<float> shares = result.numbers.front();
    activate(Activation::softmax, shares);
    result.rows.push_back(ranked(shares));
    return result;
  }

  FamilyResult counted;  // Its tokens and texts that were cut.

 private:
  const Tensor& input(std::string_view name) const {
    if (name == "pixel_values") return inputs_.pixels;
    return name == "input_ids" ? inputs_.ids : inputs_.mask;
  }

  std::vector<Finding> ranked(const std::vector<float>& shares) const {
    std::vector<Finding> findings;
    for (std::size_t i = 0; i < shares.size(); ++i) {
      Finding& finding = findings.emplace_back();
      finding.score = shares[i];
      finding.label = texts_[i];
      finding.index = i;
    }
    std::ranges::stable_sort(findings, std::ranges::greater(), &Finding::score);
    findings.resize(std::min(findings.size(), top_k_));
    return findings;
  }

  ClipInputs inputs_;
  std::vector<std::string> texts_;
  std::size_t top_k_;
};

// Texts as they are, or each put into a sentence: "a photo of a {}".
Result<std::string> prompt_of(const std::string& query, const std::string& text) {
  if (query.empty()) return text;
  const std::size_t place = query.find(kPlace);
  if (place == std::string::npos || query.size() > kMaxTemplateBytes) {
    return fail(Errc::invalid_argument,
                "--query must be a sentence of at most {} bytes with {{}} where each text stands, "
                "as \"a photo of a {{}}\".",
                kMaxTemplateBytes);
  }
  return query.substr(0, place) + text + query.substr(place + kPlace.size());
}

class ImageTextSimilarity final : public Family {
 public:
  explicit ImageTextSimilarity(ClipModel model) : model_(std::move(model)) {}

  Result<std::unique_ptr<Workload>> prepare(FamilyInput input) const override {
    ACCEL_CHECK(check_input(input));
    ACCEL_CHECK(expect_no_draw(input));
    std::vector<Encoding> encodings;
    FamilyResult counted;
    for (const std::string& text : input.texts) {
      ACCEL_TRY(const std::string prompt, prompt_of(input.query, text));
      encodings.push_back(model_.tokenizer.encode(prompt, {.max_length = model_.max_length}));
      counted.tokens += encodings.back().ids.size();
      counted.truncated += encodings.back().truncated ? 1 : 0;
    }
    ClipInputs inputs;
    ACCEL_CHECK(join(encodings, inputs));
    ACCEL_TRY(const Image image, decode_image(input.media));
    ACCEL_TRY(const Tensor pixels, pixels_of(model_.vision, image));
    ACCEL_TRY(inputs.pixels, channels_first(pixels));
    auto workload =
        std::make_unique<ClipWorkload>(std::move(inputs), std::move(input.texts), input.top_k);
    workload->counted = std::move(counted);
    return workload;
  }

 private:
  static Status check_input(const FamilyInput& input) {
    if (input.texts.size() < 2) {  // Of one alone the probability is 1, whatever it says.
      return fail(Errc::invalid_argument,
                  "This model says which of several texts fits an image best: give --image FILE "
                  "and --text TEXT twice or more.");
    }
    if (input.texts.size() > kMaxTexts) {
      return fail(Errc::resource_exhausted, "{} texts were given; {} are taken with an image.",
                  input.texts.size(), kMaxTexts);
    }
    FamilyInput media;
    media.media_kind = input.media_kind;
    media.media = input.media;
    return expect_media(media, "image");
  }

  // Padded to the longest with the tokenizer's own token, which the mask leaves out.
  Status join(const std::vector<Encoding>& encodings, ClipInputs& inputs) const {
    std::size_t length = 1;
    for (const Encoding& encoding : encodings) length = std::max(length, encoding.ids.size());
    const tensor::Shape shape{std::ssize(encodings), static_cast<std::int64_t>(length)};
    ACCEL_TRY(inputs.ids, Tensor::zeros(DType::i64, shape));
    ACCEL_TRY(inputs.mask, Tensor::zeros(DType::i64, shape));
    const auto ids = inputs.ids.mutable_data<std::int64_t>();
    const auto mask = inputs.mask.mutable_data<std::int64_t>();
    std::ranges::fill(ids, end_id());
    for (std::size_t row = 0; row < encodings.size(); ++row) {
      const std::vector<std::int32_t>& own = encodings[row].ids;
      std::ranges::copy(own, ids.begin() + static_cast<std::ptrdiff_t>(row * length));
      std::ranges::fill(mask.subspan(row * length, own.size()), 1);
    }
    return {};
  }

  // CLIP pads with the token that ends a text; its vector is taken at the first of them.
  std::int64_t end_id() const {
    return model_.tokenizer.token_to_id("<|endoftext|>").value_or(model_.tokenizer.pad_id());
  }

  ClipModel model_;
};

Result<std::size_t> max_length_of(const ModelManifest& manifest, const Fetcher& fetcher) {
  ACCEL_TRY(const json config,
            read_json_file(manifest.files, fetcher, kConfig, "how long a text may be"));
  if (!config.is_object()) return fail(Errc::corrupt, "{}: an object was expected.", kConfig);
  const json* const text = find_field(config, "text_config");
  if (text == nullptr) return kDefaultTokens;
  if (!text->is_object()) return fail(Errc::corrupt, "{}: text_config must be an object.", kConfig);
  ACCEL_TRY(const auto places, count_field(*text, "max_position_embeddings", kConfig));
  if (!places) return kDefaultTokens;
  if (*places > 2 && *places <= kMostTokens) return static_cast<std::size_t>(*places);
  return fail(Errc::corrupt, "{}: max_position_embeddings must be 3 to {}.", kConfig, kMostTokens);
}

}  // namespace

OpenedFamily open_image_text_similarity(const ModelManifest& manifest, const Fetcher& fetcher) {
  if (manifest.find("tokenizer.json") == nullptr) {
    return fail(Errc::not_found,
                "The model has no tokenizer.json, which says how text becomes tokens.");
  }
  ACCEL_TRY(const std::size_t max_length, max_length_of(manifest, fetcher));
  ACCEL_TRY(const VisionConfig vision, read_vision_config(manifest, fetcher));
  ACCEL_TRY(const std::filesystem::path path, fetcher("tokenizer.json"));
  ACCEL_TRY(const Bytes text, read_file(path, kMaxTokenizerBytes));
  ACCEL_TRY(Tokenizer tokenizer, Tokenizer::from_json(text));
  return std::make_shared<const ImageTextSimilarity>(
      ClipModel{std::move(tokenizer), vision, max_length});
}

}  // namespace accel::models
