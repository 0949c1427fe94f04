// SPDX-License-Identifier: Apache-2.0
// Text in images: each part against OpenCV and RapidOCR
// (test/data/models/ocr_cases.json), the whole on real weights, and graphs that
// answer nonsense.
#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "accel/crypto/sha256.hpp"
#include "ocr/ctc.hpp"
#include "ocr/perspective.hpp"
#include "ocr/text_regions.hpp"
#include "real_family.hpp"
#include "scripted_session.hpp"

namespace accel::models {
namespace {

using nlohmann::json;
using tensor::Tensor;
using testing::input_file;

const json& cases() {
  static const json all = testing::test_data("ocr_cases.json");
  return all;
}

Quad quad_of(const json& corners) {
  Quad quad;
  for (std::size_t i = 0; i < quad.size(); ++i)
    quad[i] = {corners[i][0].get<double>(), corners[i][1].get<double>()};
  return quad;
}

TEST(LinearResize, gives_the_pixels_of_opencv_or_the_next_level) {
  const Image image = decode_image(input_file("china.jpg")).value();
  for (const json& row : cases()["resized"]) {
    const auto resized = resize_linear(image, row["width"], row["height"]);
    ASSERT_TRUE(resized) << resized.error().to_string();
    if (row.contains("sha256")) {
      EXPECT_EQ(to_hex(crypto::sha256(resized->rgb)), row["sha256"].get<std::string>()) << row;
      continue;
    }
    const Bytes samples = from_hex(row["samples"].get<std::string>()).value();
    ASSERT_EQ(samples.size(), (resized->rgb.size() + 996) / 997);
    for (std::size_t i = 0; i < samples.size(); ++i)
      ASSERT_LE(std::abs(int{resized->rgb[997 * i]} - int{samples[i]}), 1) << i;
  }
  EXPECT_EQ(resize_linear(image, 0, 5).error().code, Errc::invalid_argument);
  EXPECT_EQ(resize_linear(image, 30'000, 5).error().code, Errc::resource_exhausted);
}

TEST(QuadCut, is_within_two_levels_of_opencv) {
  const Image image = decode_image(input_file("cat.png")).value();
  for (const json& row : cases()["cut"]) {
    const auto cut = cut_quad(image, quad_of(row["quad"]));
    ASSERT_TRUE(cut) << cut.error().to_string();
    ASSERT_EQ(cut->width, row["width"].get<std::uint32_t>());
    ASSERT_EQ(cut->height, row["height"].get<std::uint32_t>());
    const Bytes wanted = from_hex(row["rgb"].get<std::string>()).value();
    int worst = 0;
    for (std::size_t i = 0; i < wanted.size(); ++i)
      worst = std::max(worst, std::abs(int{cut->rgb[i]} - int{wanted[i]}));
    EXPECT_LE(worst, 2) << row["quad"];
  }
  EXPECT_FALSE(cut_quad(image, {{{5, 5}, {5, 5}, {5, 5}, {5, 5}}}));
  EXPECT_FALSE(cut_quad(image, {{{0, 0}, {9, 9}, {5, 5}, {2, 2}}}));
}

TEST(Turns, keep_every_pixel) {
  const Image image{2, 1, {1, 2, 3, 4, 5, 6}};
  EXPECT_EQ(turned_half(image).rgb, (std::vector<std::uint8_t>{4, 5, 6, 1, 2, 3}));
  const Image left = turned_left(image);
  EXPECT_EQ(left.width, 1U);
  EXPECT_EQ(left.rgb, (std::vector<std::uint8_t>{4, 5, 6, 1, 2, 3}));
}

std::vector<float> blob_map() {
  std::vector<float> values(160 * 120, 0.01F);
  for (const json& blob : cases()["blobs"]) {
    const double turn = blob[4].get<double>() * std::numbers::pi / 180;
    for (int y = 0; y < 120; ++y) {
      for (int x = 0; x < 160; ++x) {
        const double dx = x - blob[0].get<double>(), dy = y - blob[1].get<double>();
        const double u = dx * std::cos(turn) + dy * std::sin(turn);
        const double v = -dx * std::sin(turn) + dy * std::cos(turn);
        if (std::abs(u) <= blob[2].get<double>() && std::abs(v) <= blob[3].get<double>())
          values[static_cast<std::size_t>(y * 160 + x)] = blob[5].get<float>();
      }
    }
  }
  return values;
}

TEST(TextRegions, are_those_of_the_reference_within_a_pixel) {
  const std::vector<float> map = blob_map();
  std::vector<Quad> regions = text_regions({map, 160, 120});
  std::ranges::sort(regions, {}, [](const Quad& quad) { return quad[0].x; });
  const json& wanted = cases()["regions"];
  ASSERT_EQ(regions.size(), wanted.size());
  for (std::size_t i = 0; i < regions.size(); ++i) {
    for (std::size_t k = 0; k < 4; ++k) {  // The reference's are cut at the map's edges.
      EXPECT_NEAR(std::clamp(regions[i][k].x, 0.0, 160.0), wanted[i][k][0].get<double>(), 1.01)
          << i;
      EXPECT_NEAR(std::clamp(regions[i][k].y, 0.0, 120.0), wanted[i][k][1].get<double>(), 1.01)
          << i;
    }
  }
}

TEST(TextRegions, of_a_map_without_text_or_all_text_are_none_or_one) {
  const std::vector<float> none(32 * 32, 0.3F), all(32 * 32, 1.0F), line(32 * 1, 1.0F);
  EXPECT_TRUE(text_regions({none, 32, 32}).empty());
  EXPECT_EQ(text_regions({all, 32, 32}).size(), 1U);
  EXPECT_TRUE(text_regions({line, 32, 1}).empty());
}

TEST(TextRegions, are_bounded_in_number) {
  std::vector<float> map(640 * 640, 0.0F);
  for (std::size_t y = 0; y < 640; ++y)
    for (std::size_t x = 0; x < 640; ++x)
      if (y % 10 < 6 && x % 10 < 6) map[y * 640 + x] = 1.0F;
  EXPECT_EQ(text_regions({map, 640, 640}).size(), kMaxTextRegions);
}

TEST(Hull, leaves_out_what_lies_inside_or_on_an_edge) {
  const std::vector<Point> hull =
      convex_hull({{0, 0}, {4, 0}, {2, 0}, {4, 4}, {0, 4}, {2, 2}, {0, 0}});
  EXPECT_EQ(hull.size(), 4U);
  EXPECT_EQ(polygon_area(hull), 16);
  EXPECT_EQ(perimeter(hull), 16);
  EXPECT_EQ(min_area_box(hull).short_side, 4);
  EXPECT_EQ(min_area_box(convex_hull({{0, 0}, {1, 1}, {2, 2}})).short_side, 0);
  EXPECT_EQ(min_area_box({}).short_side, 0);
}

TEST(Ctc, leaves_out_blanks_and_repeats) {
  const auto classes = read_ctc_classes("a\r\nb\n", "keys").value();
  ASSERT_EQ(classes, (std::vector<std::string>{"", "a", "b", " "}));
  const std::vector<float> scores{0, 1,     0, 0, 0, 0.5F, 0, 0, 1, 0, 0, 0,
                                  0, 0.75F, 0, 0, 0, 0,    1, 0, 0, 0, 0, 1};
  const CtcLine line = read_ctc(scores, classes);
  EXPECT_EQ(line.text, "aab ");
  EXPECT_NEAR(line.score, (1 + 0.75 + 1 + 1) / 4, 1e-9);
  EXPECT_EQ(read_ctc({}, classes).score, 0);
  EXPECT_EQ(read_ctc_classes("", "keys").error().code, Errc::corrupt);
  EXPECT_EQ(read_ctc_classes("a\n\xff", "keys").error().code, Errc::corrupt);
  EXPECT_EQ(read_ctc_classes(std::string(100'001, '\n'), "keys").error().code, Errc::corrupt);
}

class OcrOnRealWeights : public testing::RealFamily {};

TEST_F(OcrOnRealWeights, reads_the_lines_of_the_reference) {
  open("ppocrv4", "image-to-text", "families");
  if (!session_) return;
  for (const json& page : cases()["pages"]) {
    const FamilyResult result = run({.media_kind = "image", .media = input_file(page["file"])});
    const auto& lines = result.rows.at(0);
    ASSERT_EQ(lines.size(), page["lines"].size()) << page["file"];
    for (std::size_t i = 0; i < lines.size(); ++i) {
      const json& wanted = page["lines"][i];
      EXPECT_EQ(lines[i].text, wanted["text"].get<std::string>());
      EXPECT_NEAR(lines[i].score, wanted["score"].get<double>(), 0.01) << lines[i].text;
      ASSERT_EQ(lines[i].polygon.size(), 4U);
      for (std::size_t k = 0; k < 4; ++k) {
        EXPECT_NEAR(lines[i].polygon[k].x, wanted["polygon"][k][0].get<double>(), 2) << i;
        EXPECT_NEAR(lines[i].polygon[k].y, wanted["polygon"][k][1].get<double>(), 2) << i;
      }
    }
  }
}

// A model of two characters whose graphs answer what the test wants.
class OddOcr : public testing::Folder {
 protected:
  void SetUp() override {
    Folder::SetUp();
    write("config.json", R"({"characters": "keys.txt"})");
    write("keys.txt", "a\nb\n");
    const inference::TensorSpec images{"x", tensor::DType::f32, {-1, 3, -1, -1}, true};
    for (auto* graph : {&detector_, &classifier_, &recognizer_}) graph->takes = {images};
    detector_.make = [](const Tensor& image) { return map_of(image, 1.0F); };
    classifier_.answer = Tensor::of<float>({1, 2}, {0.0F, 1.0F}).value();
    recognizer_.answer = Tensor::of<float>({1, 1, 4}, {0.0F, 0.0F, 1.0F, 0.0F}).value();
    detector_.graphs = {
        {"detector", &detector_}, {"classifier", &classifier_}, {"recognizer", &recognizer_}};
  }

  static Result<Tensor> map_of(const Tensor& image, float value) {
    ACCEL_TRY(Tensor map,
              Tensor::zeros(tensor::DType::f32, {1, 1, image.shape()[2], image.shape()[3]}));
    std::ranges::fill(map.mutable_data<float>(), value);
    return map;
  }

  std::string run() {
    const ModelManifest manifest{
        "image-to-text", "ppocr", "model.json", {}, list_directory(folder_).value()};
    const auto family = find_family("image-to-text")->open(manifest, directory_fetcher(folder_));
    if (!family) return std::string(errc_name(family.error().code));
    const auto workload =
        (*family)->prepare({.media_kind = "image", .media = input_file("ocr_text.png")});
    if (!workload) return std::string(errc_name(workload.error().code));
    const auto result = (*workload)->run(detector_, {});
    if (!result) return std::string(errc_name(result.error().code));
    std::string text;
    for (const Finding& line : result->rows.at(0)) text += line.text + ";";
    return text;
  }

  testing::ScriptedSession detector_, classifier_, recognizer_;
};

TEST_F(OddOcr, reads_one_line_where_all_is_text_and_none_where_nothing_is) {
  EXPECT_EQ(run(), "b;");
  EXPECT_EQ(classifier_.runs, 1);
  detector_.graphs.erase("classifier");  // It goes without one.
  EXPECT_EQ(run(), "b;");
  EXPECT_EQ(classifier_.runs, 1);
  detector_.make = [](const Tensor& image) { return map_of(image, 0.0F); };
  EXPECT_EQ(run(), "");
  EXPECT_EQ(recognizer_.runs, 2);
}

TEST_F(OddOcr, with_outputs_that_make_no_sense_is_told) {
  recognizer_.answer = Tensor::of<float>({1, 1, 3}, {0, 0, 1}).value();
  EXPECT_EQ(run(), "unsupported");
  recognizer_.answer = Tensor::of<float>({2, 1, 4}, {0, 0, 1, 0, 0, 0, 1, 0}).value();
  EXPECT_EQ(run(), "unsupported");
  recognizer_.answer =
      Tensor::of<float>({1, 1, 4}, {0, 0, std::numeric_limits<float>::quiet_NaN(), 0}).value();
  EXPECT_EQ(run(), "internal");
  classifier_.answer = Tensor::of<float>({1, 3}, {0, 0, 1}).value();
  EXPECT_EQ(run(), "unsupported");
  detector_.make = [](const Tensor& image) {
    return map_of(image, std::numeric_limits<float>::infinity());
  };
  EXPECT_EQ(run(), "internal");
  detector_.make = nullptr;
  detector_.answer = Tensor::of<float>({1, 1, 2, 2}, {1, 1, 1, 1}).value();
  EXPECT_EQ(run(), "unsupported");
  detector_.takes.clear();
  EXPECT_EQ(run(), "unsupported");
}

TEST_F(OddOcr, without_a_graph_or_its_characters_is_told) {
  detector_.graphs.erase("recognizer");
  EXPECT_EQ(run(), "unsupported");
  remove("keys.txt");
  EXPECT_EQ(run(), "not_found");
  write("config.json", R"({"characters": "../keys.txt"})");
  EXPECT_EQ(run(), "corrupt");
  write("config.json", R"({})");
  EXPECT_EQ(run(), "corrupt");
}

}  // namespace
}  // namespace accel::models
