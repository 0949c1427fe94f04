// SPDX-License-Identifier: Apache-2.0
// What each pixel of an image shows: the model's scores for each label over a coarse grid, grown to
// the image's size, and the best label of each pixel. Spec: transformers' image processors
// (post_process_semantic_segmentation), whose interpolation this is.
#include <algorithm>
#include <cmath>

#include "families.hpp"
#include "labels.hpp"
#include "one_graph.hpp"
#include "vision_config.hpp"

namespace accel::models {
namespace {

using tensor::Tensor;

constexpr std::size_t kMaxMaskLabels = 65'536;  // A level of 16 bits names one.
constexpr std::size_t kMaxByteLabels = 256;
// Pixels of the mask times labels: a larger image has a mask of fewer pixels, in its proportions.
constexpr double kMaxMaskScores = 256U << 20U;

// Which two rows (or columns) of the grid a pixel lies between.
struct Between {
  std::size_t first = 0, second = 0;
  float part = 0;  // Of the second.
};

std::vector<Between> places(std::size_t grid, std::uint32_t pixels) {
  const float scale = static_cast<float>(grid) / static_cast<float>(pixels);
  std::vector<Between> places;
  for (std::uint32_t i = 0; i < pixels; ++i) {
    const float at = std::max(0.0F, (static_cast<float>(i) + 0.5F) * scale - 0.5F);
    const std::size_t first = std::min(static_cast<std::size_t>(at), grid - 1);
    places.push_back({first, std::min(first + 1, grid - 1), at - static_cast<float>(first)});
  }
  return places;
}

struct Scores {
  std::span<const float> values;  // [labels, rows, columns]
  std::size_t labels = 0, rows = 0, columns = 0;
};

// One row of pixels: for each the label that scores best, the first of equal ones.
void best_labels(const Scores& scores, const Between& row, const std::vector<Between>& columns,
                 std::span<std::uint16_t> out) {
  std::vector<float> best(columns.size());
  for (std::size_t label = 0; label < scores.labels; ++label) {
    const auto plane = scores.values.subspan(label * scores.rows * scores.columns);
    const auto upper = plane.subspan(row.first * scores.columns, scores.columns);
    const auto lower = plane.subspan(row.second * scores.columns, scores.columns);
    for (std::size_t x = 0; x < columns.size(); ++x) {
      const Between& at = columns[x];
      const float above = upper[at.first] * (1 - at.part) + upper[at.second] * at.part;
      const float below = lower[at.first] * (1 - at.part) + lower[at.second] * at.part;
      const float score = above * (1 - row.part) + below * row.part;
      if (label > 0 && !(score > best[x])) continue;
      best[x] = score;
      out[x] = static_cast<std::uint16_t>(label);
    }
  }
}

class SegmentWorkload final : public Workload {
 public:
  SegmentWorkload(const Labels& labels, Tensor planes, const Image& image)
      : labels_(labels), planes_(std::move(planes)), width_(image.width), height_(image.height) {}

  Result<FamilyResult> run(inference::Session& session,
                           const inference::RunOptions& options) const override {
    ACCEL_TRY(const auto outputs, run_graph(session, "model of segments", planes_, 1, options));
    ACCEL_TRY(const auto values, values_of(outputs[0], "scores of pixels",
                                           {1, std::nullopt, std::nullopt, std::nullopt}));
    const auto side = [&](std::size_t axis) {
      return static_cast<std::size_t>(outputs[0].shape()[axis]);
    };
    const Scores scores{values, side(1), side(2), side(3)};
    ACCEL_CHECK(labels_.check(scores.labels));
    if (scores.labels > kMaxMaskLabels) {
      return fail(Errc::unsupported, "The model has {} labels; a mask can name {}.", scores.labels,
                  kMaxMaskLabels);
    }
    const GreyImage mask = mask_of(scores);
    FamilyResult result;
    result.rows.push_back(segments_of(mask, scores.labels));
    result.numbers.emplace_back(values.begin(), values.end());
    ACCEL_TRY(Bytes png, encode_png(mask));
    result.media = MadeMedia{"image/png", std::move(png)};
    return result;
  }

 private:
  GreyImage mask_of(const Scores& scores) const {
    const double most = kMaxMaskScores / static_cast<double>(scores.labels);
    const double pixels = static_cast<double>(width_) * height_;
    const double scale = std::min(1.0, std::sqrt(most / pixels));
    const auto scaled = [scale](std::uint32_t side) {
      return std::max(1U, static_cast<std::uint32_t>(side * scale));
    };
    GreyImage mask{scaled(width_), scaled(height_), {}, scores.labels > kMaxByteLabels ? 16 : 8};
    mask.levels.resize(std::size_t{mask.width} * mask.height);
    const std::vector<Between> columns = places(scores.columns, mask.width);
    const std::vector<Between> rows = places(scores.rows, mask.height);
    for (std::size_t y = 0; y < rows.size(); ++y)
      best_labels(scores, rows[y], columns,
                  std::span(mask.levels).subspan(y * mask.width, mask.width));
    return mask;
  }

  // The labels that some pixel has, the one of most pixels first; the score is their share.
  std::vector<Finding> segments_of(const GreyImage& mask, std::size_t count) const {
    std::vector<Finding> all(count);
    const double across = static_cast<double>(width_) / mask.width;
    const double down = static_cast<double>(height_) / mask.height;
    for (std::size_t i = 0; i < mask.levels.size(); ++i) {
      Finding& segment = all[mask.levels[i]];
      const double left = static_cast<double>(i % mask.width) * across;
      const double top = static_cast<double>(i / mask.width) * down;
      if (!segment.box) segment.box = Box{left, top, left, top};
      Box& box = *segment.box;
      box = {std::min(box.left, left), std::min(box.top, top), std::max(box.right, left + across),
             std::max(box.bottom, top + down)};
      segment.score += 1.0 / static_cast<double>(mask.levels.size());
    }
    for (std::size_t label = 0; label < count; ++label) all[label].label = labels_.name(label);
    std::erase_if(all, [](const Finding& segment) { return !segment.box; });
    std::ranges::stable_sort(all, std::greater(), &Finding::score);
    return all;
  }

  const Labels& labels_;
  Tensor planes_;
  std::uint32_t width_, height_;
};

class ImageSegmentation final : public Family {
 public:
  ImageSegmentation(VisionConfig config, Labels labels)
      : config_(config), labels_(std::move(labels)) {}

  Result<std::unique_ptr<Workload>> prepare(FamilyInput input) const override {
    ACCEL_CHECK(expect_media(input, "image"));
    ACCEL_CHECK(expect_no_draw(input));
    ACCEL_TRY(const Image image, decode_image(input.media));
    ACCEL_TRY(const Tensor pixels, pixels_of(config_, image));
    ACCEL_TRY(Tensor planes, channels_first(pixels));
    return std::make_unique<SegmentWorkload>(labels_, std::move(planes), image);
  }

 private:
  VisionConfig config_;
  Labels labels_;
};

}  // namespace

OpenedFamily open_image_segmentation(const ModelManifest& manifest, const Fetcher& fetcher) {
  ACCEL_TRY(const VisionConfig config, read_vision_config(manifest, fetcher));
  if (config.crops) {
    return fail(Errc::unsupported,
                "preprocessor_config.json: a crop would leave pixels without a label.");
  }
  ACCEL_TRY(Labels labels, read_labels(manifest, fetcher));
  return std::make_shared<const ImageSegmentation>(config, std::move(labels));
}

}  // namespace accel::models
