// SPDX-License-Identifier: Apache-2.0
// Things in an image with their boxes, by a YOLOX head: a row for each cell of three grids, with a
// centre and a size relative to the cell, an objectness and a score for each label. Spec: Ge et al.
// 2021, and the ONNX demo of YOLOX, whose thresholds these are.
#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>

#include "families.hpp"
#include "image/image.hpp"
#include "json_fields.hpp"
#include "labels.hpp"
#include "model_files.hpp"
#include "one_graph.hpp"

namespace accel::models {
namespace {

using tensor::Tensor;

constexpr std::array<std::uint32_t, 3> kStrides{8, 16, 32};
constexpr std::uint8_t kFilling = 114;  // Of what the image leaves free.
constexpr double kMinScore = 0.1;
constexpr double kMaxOverlap = 0.45;  // Intersection over union, of any labels.
constexpr std::size_t kMaxDetections = 100;
constexpr std::size_t kBoxValues = 5;  // A centre, a size, an objectness.
constexpr std::uint32_t kMaxModelSide = 4096;

struct Detection {
  Box box;
  double score = 0;
  std::size_t label = 0;
};

double area(const Box& box) {
  return std::max(0.0, box.right - box.left) * std::max(0.0, box.bottom - box.top);
}

double overlap(const Box& a, const Box& b) {
  const double shared = area({std::max(a.left, b.left), std::max(a.top, b.top),
                              std::min(a.right, b.right), std::min(a.bottom, b.bottom)});
  const double all = area(a) + area(b) - shared;
  return all > 0 ? shared / all : 0;
}

// Best first; what overlaps a better one is the same thing.
std::vector<Detection> suppressed(std::vector<Detection> all) {
  std::ranges::stable_sort(all, std::greater(), &Detection::score);
  std::vector<Detection> kept;
  for (const Detection& one : all) {
    const bool known = std::ranges::any_of(
        kept, [&](const Detection& better) { return overlap(better.box, one.box) > kMaxOverlap; });
    if (!known) kept.push_back(one);
    if (kept.size() == kMaxDetections) break;
  }
  return kept;
}

class DetectWorkload final : public Workload {
 public:
  DetectWorkload(const Labels& labels, Tensor planes, double scale, const Image& image)
      : labels_(labels),
        planes_(std::move(planes)),
        scale_(scale),
        width_(image.width),
        height_(image.height) {}

  Result<FamilyResult> run(inference::Session& session,
                           const inference::RunOptions& options) const override {
    ACCEL_TRY(const std::vector<Tensor> outputs,
              run_graph(session, "detector", planes_, 1, options));
    const std::string& name = session.outputs().front().name;
    const tensor::Shape& shape = outputs.at(0).shape();
    const bool fits = shape.size() == 3 && shape[0] == 1 && shape[1] == cells() &&
                      shape[2] > static_cast<std::int64_t>(kBoxValues);
    if (!fits) {
      return fail(Errc::unsupported,
                  "The model's {} has the shape {}; YOLOX gives [1, {}, 5 + labels] here.", name,
                  tensor::shape_text(shape), cells());
    }
    ACCEL_TRY(const auto values, finite_values(outputs[0], name));
    const auto width = static_cast<std::size_t>(shape[2]);
    ACCEL_CHECK(labels_.check(width - kBoxValues));
    FamilyResult result;
    std::vector<Finding>& findings = result.rows.emplace_back();
    for (const Detection& found : suppressed(candidates(values, width))) {
      findings.push_back(
          {.score = found.score, .label = labels_.name(found.label), .box = found.box});
    }
    result.numbers.emplace_back(values.begin(), values.end());
    return result;
  }

 private:
  std::int64_t side(std::size_t axis, std::uint32_t stride) const {
    return planes_.shape()[axis] / stride;
  }
  std::int64_t cells() const {
    std::int64_t count = 0;
    for (const std::uint32_t stride : kStrides) count += side(2, stride) * side(3, stride);
    return count;
  }

  std::vector<Detection> candidates(std::span<const float> values, std::size_t width) const {
    std::vector<Detection> found;
    for (const std::uint32_t stride : kStrides) {
      for (std::int64_t y = 0; y < side(2, stride); ++y) {
        for (std::int64_t x = 0; x < side(3, stride); ++x, values = values.subspan(width)) {
          const Detection one = detection(values.first(width), static_cast<double>(x),
                                          static_cast<double>(y), stride);
          if (one.score > kMinScore) found.push_back(one);
        }
      }
    }
    return found;
  }

  Detection detection(std::span<const float> row, double x, double y, double stride) const {
    const auto scores = row.subspan(kBoxValues);
    const auto best = std::ranges::max_element(scores);
    const double unit = stride / scale_;  // Pixels of the image as it was given.
    const double center_x = (row[0] + x) * unit, center_y = (row[1] + y) * unit;
    const double half_width = std::exp(static_cast<double>(row[2])) * unit / 2;
    const double half_height = std::exp(static_cast<double>(row[3])) * unit / 2;
    const auto within = [](double value, std::uint32_t side) {
      return std::clamp(value, 0.0, static_cast<double>(side));
    };
    return {{within(center_x - half_width, width_), within(center_y - half_height, height_),
             within(center_x + half_width, width_), within(center_y + half_height, height_)},
            static_cast<double>(row[4]) * static_cast<double>(*best),
            static_cast<std::size_t>(best - scores.begin())};
  }

  const Labels& labels_;
  Tensor planes_;
  double scale_;
  std::uint32_t width_, height_;
};

class ObjectDetection final : public Family {
 public:
  ObjectDetection(std::uint32_t side, Labels labels) : side_(side), labels_(std::move(labels)) {}

  Result<std::unique_ptr<Workload>> prepare(FamilyInput input) const override {
    ACCEL_CHECK(expect_media(input, "image"));
    ACCEL_CHECK(expect_no_draw(input));
    ACCEL_TRY(const Image image, decode_image(input.media));
    const double scale = std::min(static_cast<double>(side_) / image.width,
                                  static_cast<double>(side_) / image.height);
    const auto scaled = [scale](std::uint32_t pixels) {
      return std::max(1U, static_cast<std::uint32_t>(pixels * scale));
    };
    ACCEL_TRY(const Image fitted,
              resize(image, scaled(image.width), scaled(image.height), Filter::bilinear));
    ACCEL_TRY(Tensor planes, planes_of(fitted));
    return std::make_unique<DetectWorkload>(labels_, std::move(planes), scale, image);
  }

 private:
  // BGR from 0 to 255 in the upper left corner.
  Result<Tensor> planes_of(const Image& image) const {
    ACCEL_TRY(Tensor planes, Tensor::zeros(tensor::DType::f32, {1, 3, side_, side_}));
    const auto out = planes.mutable_data<float>();
    std::ranges::fill(out, float{kFilling});
    for (std::size_t y = 0; y < image.height; ++y) {
      for (std::size_t i = 0; i < std::size_t{3} * image.width; ++i) {
        const std::size_t plane = 2 - i % 3;
        out[(plane * side_ + y) * side_ + i / 3] =
            static_cast<float>(image.rgb[std::size_t{3} * image.width * y + i]);
      }
    }
    return planes;
  }

  std::uint32_t side_;
  Labels labels_;
};

}  // namespace

OpenedFamily open_object_detection(const ModelManifest& manifest, const Fetcher& fetcher) {
  if (manifest.family == "mtcnn") return open_face_detection();
  ACCEL_TRY(const nlohmann::json config,
            read_json_file(manifest.files, fetcher, "config.json", "how large its images are"));
  if (manifest.family != "yolox") {
    return fail(Errc::unsupported,
                "Of models that detect objects, YOLOX and MTCNN are implemented, and not {}.",
                manifest.family.empty() ? "one without a model_type" : manifest.family);
  }
  ACCEL_TRY(const auto side, count_field(config, "image_size", "config.json"));
  if (!side || *side == 0 || *side > kMaxModelSide || *side % kStrides.back() != 0) {
    return fail(Errc::corrupt, "config.json: image_size must be a multiple of {} up to {}.",
                kStrides.back(), kMaxModelSide);
  }
  ACCEL_TRY(Labels labels, read_labels(manifest, fetcher));
  return std::make_shared<const ObjectDetection>(static_cast<std::uint32_t>(*side),
                                                 std::move(labels));
}

}  // namespace accel::models
