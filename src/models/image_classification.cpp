// SPDX-License-Identifier: Apache-2.0
// One image to labels: decode, resize, normalize, run, softmax as the model's files say.
#include <nlohmann/json.hpp>

#include "families.hpp"
#include "labels.hpp"
#include "vision_config.hpp"

namespace accel::models {
namespace {

using inference::TensorSpec;
using tensor::Tensor;

constexpr std::int64_t kChannels = 3;

// The one input of four axes, whichever of them the channels are.
struct ImageInput {
  std::string name;
  bool channels_last = false;
};

Result<ImageInput> image_input(const inference::Session& session) {
  const auto& inputs = session.inputs();
  const bool one = inputs.size() == 1 && inputs[0].rank_known && inputs[0].dims.size() == 4 &&
                   inputs[0].dtype == tensor::DType::f32;
  if (!one) {
    return fail(Errc::unsupported,
                "The model wants {}{}; a classifier of images takes one float32 tensor, [batch, "
                "3, height, width] or [batch, height, width, 3].",
                inputs.empty() ? "nothing" : to_string(inputs[0]),
                inputs.size() > 1 ? " and more" : "");
  }
  const TensorSpec& spec = inputs[0];
  const bool last = spec.dims[3] == kChannels && spec.dims[1] != kChannels;
  if (last || spec.dims[1] == kChannels || spec.dims[1] < 0) return ImageInput{spec.name, last};
  return fail(Errc::unsupported, "The model wants {}: no axis of it is the three colours.",
              to_string(spec));
}

class ImageWorkload final : public Workload {
 public:
  ImageWorkload(const Labels& labels, Tensor pixels, Tensor planes, std::size_t top_k)
      : labels_(labels), pixels_(std::move(pixels)), planes_(std::move(planes)), top_k_(top_k) {}

  Result<FamilyResult> run(inference::Session& session,
                           const inference::RunOptions& options) const override {
    ACCEL_TRY(const ImageInput input, image_input(session));
    const inference::NamedTensor given[] = {
        {input.name, input.channels_last ? &pixels_ : &planes_}};
    const std::vector<std::string> wanted{session.outputs().at(0).name};
    ACCEL_TRY(const std::vector<Tensor> outputs, session.run(given, wanted, options));
    const tensor::Shape& shape = outputs.at(0).shape();
    if (shape.size() != 2 || shape[0] != 1) {
      return fail(Errc::unsupported, "The model's {} has the shape {}; scores are [batch, labels].",
                  wanted[0], tensor::shape_text(shape));
    }
    ACCEL_TRY(const auto values, finite_values(outputs[0], wanted[0]));
    ACCEL_CHECK(labels_.check(values.size()));
    FamilyResult result;
    result.numbers.emplace_back(values.begin(), values.end());
    std::vector<float> scores = result.numbers.front();
    activate(labels_.activation, scores);
    result.rows.push_back(best_of(labels_, scores, top_k_));
    return result;
  }

 private:
  const Labels& labels_;
  Tensor pixels_, planes_;
  std::size_t top_k_;
};

class ImageClassification final : public Family {
 public:
  ImageClassification(VisionConfig config, Labels labels)
      : config_(config), labels_(std::move(labels)) {}

  Result<std::unique_ptr<Workload>> prepare(FamilyInput input) const override {
    ACCEL_CHECK(expect_media(input, "image"));
    ACCEL_CHECK(expect_no_draw(input));
    ACCEL_TRY(const Image image, decode_image(input.media));
    ACCEL_TRY(Tensor pixels, pixels_of(config_, image));
    ACCEL_TRY(Tensor planes, channels_first(pixels));
    return std::make_unique<ImageWorkload>(labels_, std::move(pixels), std::move(planes),
                                           input.top_k);
  }
  std::optional<inference::RowRules> row_rules(const inference::Session&) const override {
    return inference::RowRules{};
  }

 private:
  VisionConfig config_;
  Labels labels_;
};

}  // namespace

OpenedFamily open_image_classification(const ModelManifest& manifest, const Fetcher& fetcher) {
  ACCEL_TRY(const VisionConfig config, read_vision_config(manifest, fetcher));
  ACCEL_TRY(Labels labels, read_labels(manifest, fetcher));
  return std::make_shared<const ImageClassification>(config, std::move(labels));
}

}  // namespace accel::models
