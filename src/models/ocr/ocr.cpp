// SPDX-License-Identifier: Apache-2.0
// Lines of text in an image, by PP-OCR: a detector maps where text is, a classifier tells lines
// that stand on their head, a recognizer reads each. Three graphs of one model (detector,
// classifier, recognizer; it goes without a classifier). Spec: Du et al. 2020 (PP-OCR); steps,
// sizes and constants are those of RapidOCR 1.4.4 over the same graphs.
#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>

#include "accel/core/file.hpp"
#include "accel/inference/graph_set.hpp"
#include "families.hpp"
#include "json_fields.hpp"
#include "model_files.hpp"
#include "ocr/ctc.hpp"
#include "ocr/perspective.hpp"
#include "ocr/text_regions.hpp"
#include "one_graph.hpp"

namespace accel::models {
namespace {

using tensor::Tensor;

constexpr std::uint32_t kMinImageSide = 30, kMaxImageSideRead = 2000;
constexpr std::uint32_t kDetectorSide = 736;  // The shorter one, at least.
constexpr std::uint32_t kDetectorStep = 32;   // Its sides are multiples of this.
// A long strip would be made millions of pixels long; above this it is scaled less.
constexpr double kMaxDetectorPixels = 4U << 20U;
constexpr std::uint32_t kFlatHeight = 30;  // Images this low, or so much wider than high, get
constexpr double kFlatRatio = 8;           // black bars above and below.
constexpr std::uint32_t kLineHeight = 48, kClassifierWidth = 192, kReaderWidth = 320;
constexpr std::uint32_t kMaxReaderWidth = 6144;  // Longer lines are squeezed into it.
constexpr std::size_t kBatch = 6;                // Lines of like length.
constexpr float kTurnedScore = 0.9F;
constexpr double kMinLineScore = 0.5;
constexpr double kUprightRatio = 1.5;  // Lines that are so much higher than wide are turned.
constexpr double kMinLineSide = 3;     // In pixels; what is smaller is no line.
constexpr double kSameRow = 10;        // Lines whose tops are nearer are read from the left.
// Of all lines together: regions do not overlap but by their boxes' corners.
constexpr double kMaxLinePixels = 32U << 20U;
constexpr std::uint64_t kMaxKeysBytes = 4U << 20U;

std::uint32_t rounded_side(double side) {
  return static_cast<std::uint32_t>(std::nearbyint(std::floor(side) / kDetectorStep)) *
         kDetectorStep;
}

// The image as it is read, and how to get back to the one that was given.
struct ReadImage {
  Image image = {};
  double scale_x = 1, scale_y = 1;
  std::uint32_t bar = 0;                // Rows above.
  std::uint32_t width = 0, height = 0;  // As it was given.

  Point original(const Point& at) const {
    return {std::clamp(at.x * scale_x, 0.0, static_cast<double>(width)),
            std::clamp((at.y - bar) * scale_y, 0.0, static_cast<double>(height))};
  }
};

Result<Image> scaled_to(const Image& image, double ratio) {
  const std::uint32_t width = rounded_side(image.width * ratio);
  const std::uint32_t height = rounded_side(image.height * ratio);
  if (width > 0 && height > 0) return resize_linear(image, width, height);
  return fail(Errc::unsupported,
              "The image is {} x {} pixels: made small enough to be read, nothing is left of it.",
              image.width, image.height);
}

Image with_bars(const Image& image, std::uint32_t bar) {
  Image out{image.width, image.height + 2 * bar, {}};
  out.rgb.resize(std::size_t{3} * out.width * out.height);
  std::ranges::copy(
      image.rgb, out.rgb.begin() + static_cast<std::ptrdiff_t>(std::size_t{3} * bar * out.width));
  return out;
}

Result<ReadImage> read_image(Image image) {
  ReadImage read{.width = image.width, .height = image.height};
  const std::uint32_t longer = std::max(image.width, image.height);
  if (longer > kMaxImageSideRead) {
    ACCEL_TRY(image, scaled_to(image, static_cast<double>(kMaxImageSideRead) / longer));
  }
  const std::uint32_t shorter = std::min(image.width, image.height);
  if (shorter < kMinImageSide) {
    ACCEL_TRY(image, scaled_to(image, static_cast<double>(kMinImageSide) / shorter));
  }
  read.scale_x = static_cast<double>(read.width) / image.width;
  read.scale_y = static_cast<double>(read.height) / image.height;
  const bool flat = image.width > kFlatRatio * image.height;
  if (image.height <= kFlatHeight || flat) {
    const auto wanted = static_cast<std::uint32_t>(image.width / kFlatRatio);
    read.bar = (std::max(wanted, kFlatHeight) * 2 - image.height) / 2;
    image = with_bars(image, read.bar);
  }
  read.image = std::move(image);
  return read;
}

// Colours from -1 to 1, BGR, into the upper left corner of planes of `width`.
void write_planes(const Image& image, std::span<float> planes, std::size_t width) {
  const std::size_t plane = width * image.height;
  for (std::size_t y = 0; y < image.height; ++y) {
    for (std::size_t i = 0; i < std::size_t{3} * image.width; ++i) {
      const auto value = static_cast<float>(image.rgb[std::size_t{3} * image.width * y + i]);
      planes[(2 - i % 3) * plane + y * width + i / 3] = (value / 255.0F - 0.5F) / 0.5F;
    }
  }
}

Result<Tensor> detector_input(const Image& image) {
  const std::uint32_t shorter = std::min(image.width, image.height);
  double ratio = std::max(1.0, static_cast<double>(kDetectorSide) / shorter);
  const double pixels = static_cast<double>(image.width) * image.height;
  ratio = std::min(ratio, std::max(1.0, std::sqrt(kMaxDetectorPixels / pixels)));
  ACCEL_TRY(const Image scaled, scaled_to(image, ratio));
  ACCEL_TRY(Tensor planes, Tensor::zeros(tensor::DType::f32, {1, 3, scaled.height, scaled.width}));
  write_planes(scaled, planes.mutable_data<float>(), scaled.width);
  return planes;
}

// A region in the pixels of the image, whole numbers inside it; none where it is too small.
std::optional<Quad> placed(const Quad& region, const tensor::Shape& map, const Image& image) {
  Quad quad = region;
  const auto place = [](double value, std::int64_t from, std::uint32_t to) {
    const double at = std::nearbyint(value / static_cast<double>(from) * to);
    return std::clamp(at, 0.0, static_cast<double>(to) - 1);
  };
  for (Point& corner : quad)
    corner = {place(corner.x, map[3], image.width), place(corner.y, map[2], image.height)};
  const bool small = std::floor(distance(quad[0], quad[1])) <= kMinLineSide ||
                     std::floor(distance(quad[0], quad[3])) <= kMinLineSide;
  return small || polygon_area(quad) < 1 ? std::nullopt : std::optional(quad);
}

// From top to bottom, those of a row from the left.
void sort_for_reading(std::vector<Quad>& quads) {
  std::ranges::stable_sort(quads, [](const Quad& a, const Quad& b) {
    return a[0].y != b[0].y ? a[0].y < b[0].y : a[0].x < b[0].x;
  });
  for (std::size_t i = 1; i < quads.size(); ++i) {
    for (std::size_t j = i; j > 0; --j) {
      const bool row = std::abs(quads[j][0].y - quads[j - 1][0].y) < kSameRow;
      if (!row || quads[j][0].x >= quads[j - 1][0].x) break;
      std::swap(quads[j], quads[j - 1]);
    }
  }
}

double shape_of(const Image& line) { return static_cast<double>(line.width) / line.height; }

std::uint32_t width_for(const Image& line, std::uint32_t most) {
  const double width = std::ceil(kLineHeight * shape_of(line));
  return static_cast<std::uint32_t>(std::clamp(width, 1.0, static_cast<double>(most)));
}

// float32[lines, 3, 48, width], each line in the left of its planes.
Result<Tensor> lines_input(std::span<const Image> lines, std::span<const std::size_t> which,
                           std::uint32_t width) {
  const auto count = static_cast<std::int64_t>(which.size());
  ACCEL_TRY(Tensor planes, Tensor::zeros(tensor::DType::f32, {count, 3, kLineHeight, width}));
  const std::size_t each = std::size_t{3} * kLineHeight * width;
  for (std::size_t i = 0; i < which.size(); ++i) {
    const Image& line = lines[which[i]];
    ACCEL_TRY(const Image scaled, resize_linear(line, width_for(line, width), kLineHeight));
    write_planes(scaled, planes.mutable_data<float>().subspan(i * each, each), width);
  }
  return planes;
}

class OcrWorkload final : public Workload {
 public:
  OcrWorkload(const std::vector<std::string>& classes, ReadImage image, Tensor planes)
      : classes_(classes), image_(std::move(image)), planes_(std::move(planes)) {}

  Result<FamilyResult> run(inference::Session& session,
                           const inference::RunOptions& options) const override {
    ACCEL_TRY(inference::Session* const detector, inference::find_graph(session, "detector"));
    ACCEL_TRY(inference::Session* const reader, inference::find_graph(session, "recognizer"));
    ACCEL_TRY(const auto outputs, run_graph(*detector, "detector", planes_, 1, options));
    ACCEL_TRY(const auto map,
              values_of(outputs[0], "map of text", {1, 1, planes_.shape()[2], planes_.shape()[3]}));
    const std::vector<Quad> quads = places(map);
    ACCEL_TRY(std::vector<Image> lines, cut_lines(quads));
    const std::vector<std::size_t> order = by_shape(lines);
    if (inference::Session* const classifier = session.graph("classifier"))
      ACCEL_CHECK(turn_lines(*classifier, order, lines, options));
    ACCEL_TRY(const std::vector<CtcLine> texts, read_lines(*reader, order, lines, options));
    FamilyResult result = result_of(quads, texts);
    result.numbers.emplace_back(map.begin(), map.end());
    return result;
  }
  std::uint64_t length() const override { return planes_.elements(); }

 private:
  std::vector<Quad> places(std::span<const float> map) const {
    std::vector<Quad> quads;
    const tensor::Shape& shape = planes_.shape();
    for (const Quad& region : text_regions(
             {map, static_cast<std::uint32_t>(shape[3]), static_cast<std::uint32_t>(shape[2])})) {
      if (const auto quad = placed(region, shape, image_.image)) quads.push_back(*quad);
    }
    sort_for_reading(quads);
    return quads;
  }

  Result<std::vector<Image>> cut_lines(const std::vector<Quad>& quads) const {
    std::vector<Image> lines;
    double pixels = 0;
    for (const Quad& quad : quads) {
      pixels += polygon_area(quad);
      if (pixels > kMaxLinePixels) {
        return fail(Errc::resource_exhausted,
                    "The lines of text in the image overlap: they have more than {} pixels.",
                    kMaxLinePixels);
      }
      ACCEL_TRY(Image line, cut_quad(image_.image, quad));
      const bool upright = line.height >= kUprightRatio * line.width;
      lines.push_back(upright ? turned_left(line) : std::move(line));
    }
    return lines;
  }

  static std::vector<std::size_t> by_shape(const std::vector<Image>& lines) {
    std::vector<std::size_t> order(lines.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::ranges::stable_sort(order, {}, [&](std::size_t i) { return shape_of(lines[i]); });
    return order;
  }

  static Status turn_lines(inference::Session& classifier, std::span<const std::size_t> order,
                           std::vector<Image>& lines, const inference::RunOptions& options) {
    for (std::size_t at = 0; at < order.size(); at += kBatch) {
      const auto batch = order.subspan(at, std::min(kBatch, order.size() - at));
      ACCEL_TRY(const Tensor input, lines_input(lines, batch, kClassifierWidth));
      ACCEL_TRY(const auto outputs, run_graph(classifier, "classifier", input, 1, options));
      ACCEL_TRY(const auto scores,
                values_of(outputs[0], "scores of the classifier", {input.shape()[0], 2}));
      for (std::size_t i = 0; i < batch.size(); ++i) {
        const float turned = scores[2 * i + 1];
        if (turned > scores[2 * i] && turned > kTurnedScore)
          lines[batch[i]] = turned_half(lines[batch[i]]);
      }
    }
    return {};
  }

  Result<std::vector<CtcLine>> read_lines(inference::Session& reader,
                                          std::span<const std::size_t> order,
                                          const std::vector<Image>& lines,
                                          const inference::RunOptions& options) const {
    std::vector<CtcLine> texts(lines.size());
    for (std::size_t at = 0; at < order.size(); at += kBatch) {
      const auto batch = order.subspan(at, std::min(kBatch, order.size() - at));
      const double shape =
          std::max(static_cast<double>(kReaderWidth) / kLineHeight, shape_of(lines[batch.back()]));
      const auto width = static_cast<std::uint32_t>(
          std::min(kLineHeight * shape, static_cast<double>(kMaxReaderWidth)));
      ACCEL_TRY(const Tensor input, lines_input(lines, batch, width));
      ACCEL_TRY(const auto outputs, run_graph(reader, "recognizer", input, 1, options));
      const auto classes = static_cast<std::int64_t>(classes_.size());
      ACCEL_TRY(const auto scores, values_of(outputs[0], "scores of the recognizer",
                                             {input.shape()[0], std::nullopt, classes}));
      const std::size_t each = scores.size() / batch.size();
      for (std::size_t i = 0; i < batch.size(); ++i)
        texts[batch[i]] = read_ctc(scores.subspan(i * each, each), classes_);
    }
    return texts;
  }

  FamilyResult result_of(const std::vector<Quad>& quads, const std::vector<CtcLine>& texts) const {
    FamilyResult result;
    std::vector<Finding>& findings = result.rows.emplace_back();
    std::vector<float>& scores = result.numbers.emplace_back();
    for (std::size_t i = 0; i < texts.size(); ++i) {
      scores.push_back(static_cast<float>(texts[i].score));
      if (texts[i].score < kMinLineScore) continue;
      Finding& finding = findings.emplace_back();
      finding.score = texts[i].score;
      finding.text = texts[i].text;
      for (const Point& corner : quads[i]) finding.polygon.push_back(image_.original(corner));
    }
    return result;
  }

  const std::vector<std::string>& classes_;
  ReadImage image_;
  Tensor planes_;
};

class Ocr final : public Family {
 public:
  explicit Ocr(std::vector<std::string> classes) : classes_(std::move(classes)) {}

  Result<std::unique_ptr<Workload>> prepare(FamilyInput input) const override {
    ACCEL_CHECK(expect_media(input, "image"));
    ACCEL_CHECK(expect_no_draw(input));
    ACCEL_TRY(Image image, decode_image(input.media));
    ACCEL_TRY(ReadImage read, read_image(std::move(image)));
    ACCEL_TRY(Tensor planes, detector_input(read.image));
    return std::make_unique<OcrWorkload>(classes_, std::move(read), std::move(planes));
  }

 private:
  std::vector<std::string> classes_;
};

}  // namespace

OpenedFamily open_ocr(const ModelManifest& manifest, const Fetcher& fetcher) {
  if (manifest.family != "ppocr") {
    return fail(Errc::unsupported,
                "Of models that read text in images, PP-OCR is implemented, and not {}.",
                manifest.family.empty() ? "one without a family" : manifest.family);
  }
  ACCEL_TRY(const nlohmann::json config, read_json_file(manifest.files, fetcher, "config.json",
                                                        "which file has its characters"));
  ACCEL_TRY(const std::string keys, text_field(config, "characters", "", "config.json"));
  ACCEL_CHECK(check_model_path(keys));
  if (manifest.find(keys) == nullptr)
    return fail(Errc::not_found, "The model has no {}, which lists the characters it reads.", keys);
  ACCEL_TRY(const std::filesystem::path local, fetcher(keys));
  ACCEL_TRY(const std::string text, read_text_file(local, kMaxKeysBytes));
  ACCEL_TRY(std::vector<std::string> classes, read_ctc_classes(text, keys));
  return std::make_shared<const Ocr>(std::move(classes));
}

}  // namespace accel::models
