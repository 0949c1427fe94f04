// SPDX-License-Identifier: Apache-2.0
// Faces and images out of noise: on real weights against test/data/models/vision_cases.json, their
// parts against OpenCV, and graphs that answer nonsense.
#include <algorithm>
#include <cmath>
#include <limits>

#include "faces/area_resize.hpp"
#include "faces/candidates.hpp"
#include "real_family.hpp"
#include "scripted_session.hpp"

namespace accel::models {
namespace {

using nlohmann::json;
using tensor::Tensor;
using testing::input_file;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

const json& cases() {
  static const json all = testing::test_data("vision_cases.json");
  return all;
}

ModelManifest manifest_of(std::string task, std::string family) {
  ModelManifest manifest;
  manifest.task = std::move(task);
  manifest.family = std::move(family);
  return manifest;
}

TEST(AreaResize, gives_the_numbers_of_opencv) {
  const Image image = decode_image(input_file("cat.png")).value();
  for (const json& row : cases()["area"]) {
    const json& cut = row["cut"];
    const Cutting from{&image, cut[0], cut[1], cut[2], cut[3]};
    const FloatImage to = AreaResize(from, row["width"], row["height"]).all();
    for (std::size_t i = 0; i < row["values"].size(); ++i)
      ASSERT_NEAR(to.rgb.at(37 * i), row["values"][i].get<float>(), 2e-3) << cut << " at " << i;
  }
}

TEST(AreaResize, gives_rows_as_they_are_in_the_whole) {
  const Image image = decode_image(input_file("cat.png")).value();
  for (const std::uint32_t side : {97U, 1000U}) {  // One that shrinks, and one that grows.
    const AreaResize resize({&image, -3, 5, 200, 150}, side, side);
    const FloatImage whole = resize.all();
    const FloatImage some = resize.rows(13, 40);
    ASSERT_EQ(some.rgb.size(), 3U * 40 * side);
    EXPECT_TRUE(std::ranges::equal(some.rgb,
                                   std::span(whole.rgb).subspan(3U * 13 * side, some.rgb.size())));
  }
}

TEST(Cutting, is_black_outside_the_image) {
  const Image image{1, 1, {7, 8, 9}};
  EXPECT_EQ(AreaResize({&image, -1, 0, 2, 1}, 2, 1).all().rgb,
            (std::vector<float>{0, 0, 0, 7, 8, 9}));
  EXPECT_EQ(AreaResize({&image, 5, 5, 1, 1}, 1, 1).all().rgb, (std::vector<float>{0, 0, 0}));
}

TEST(FaceCandidates, keep_the_best_of_those_that_overlap) {
  const FaceCandidate small{{10, 10, 19, 19}, 0.9}, large{{0, 0, 39, 39}, 0.8};
  EXPECT_EQ(best_apart({large, small}, 0.7, Overlap::of_both).size(), 2U);
  const auto kept = best_apart({large, small}, 0.7, Overlap::of_smaller);
  ASSERT_EQ(kept.size(), 1U);
  EXPECT_EQ(kept[0].score, 0.9);
  std::vector<FaceCandidate> many(2 * kMaxFaceCandidates);
  for (std::size_t i = 0; i < many.size(); ++i)
    many[i].box = {10.0 * static_cast<double>(i), 0, 10.0 * static_cast<double>(i) + 5, 5};
  EXPECT_EQ(best_apart(many, 0.5, Overlap::of_both).size(), kMaxFaceCandidates);
}

TEST(FaceCandidates, that_are_no_boxes_are_not_usable) {
  const double infinite = std::numeric_limits<double>::infinity();
  EXPECT_TRUE(is_usable({-5, -5, 20, 20}, 100, 100));
  EXPECT_FALSE(is_usable({20, 20, 5, 5}, 100, 100));
  EXPECT_FALSE(is_usable({0, 0, 1e6, 1e6}, 100, 100));
  EXPECT_FALSE(is_usable({-infinite, 0, infinite, 5}, 100, 100));
  EXPECT_FALSE(is_usable({std::nan(""), 0, 1, 5}, 100, 100));
  EXPECT_FALSE(is_usable({200, 0, 210, 5}, 100, 100));
}

TEST(EncodedPng, is_read_back_as_it_was) {
  const auto file = encode_png({2, 1, {0x1200, 0xFFFF}, 16});
  ASSERT_TRUE(file) << file.error().to_string();
  EXPECT_EQ(decode_image(*file).value().rgb,
            (std::vector<std::uint8_t>{18, 18, 18, 255, 255, 255}));
  const auto bytes = encode_png({2, 1, {3, 4}, 8});
  EXPECT_EQ(decode_image(bytes.value()).value().rgb, (std::vector<std::uint8_t>{3, 3, 3, 4, 4, 4}));
  EXPECT_EQ(encode_png({2, 2, {3, 4}, 8}).error().code, Errc::invalid_argument);
  EXPECT_EQ(encode_png({2, 1, {3, 4}, 4}).error().code, Errc::invalid_argument);
  EXPECT_FALSE(encode_png({0, 0, {}, 8}));
}

class VisionOnRealWeights : public testing::RealFamily {};

TEST_F(VisionOnRealWeights, mtcnn_finds_the_faces_of_the_reference) {
  open("mtcnn", "object-detection", "families");
  if (!session_) return;
  for (const json& row : cases()["faces"]) {
    const FamilyResult result = run({.media_kind = "image", .media = input_file(row["file"])});
    ASSERT_EQ(result.rows.at(0).size(), row["faces"].size()) << row["file"];
    for (std::size_t i = 0; i < row["faces"].size(); ++i) {
      const json& wanted = row["faces"][i];
      const Finding& face = result.rows[0][i];
      EXPECT_NEAR(face.score, wanted["confidence"].get<double>(), 1e-4);
      const Box& box = face.box.value();
      const double found[] = {box.left, box.top, box.right - box.left, box.bottom - box.top};
      for (std::size_t k = 0; k < 4; ++k) EXPECT_NEAR(found[k], wanted["box"][k], 1.5) << k;
      ASSERT_EQ(face.keypoints.size(), 5U);
      for (const auto& [name, point] : face.keypoints) {
        EXPECT_NEAR(point.x, wanted["keypoints"][name][0].get<double>(), 1.5) << name;
        EXPECT_NEAR(point.y, wanted["keypoints"][name][1].get<double>(), 1.5) << name;
      }
    }
  }
}

TEST_F(VisionOnRealWeights, terrain_has_the_heights_of_the_reference) {
  open("terrain-diffusion", "unconditional-image-generation", "families");
  if (!session_) return;
  for (const json& row : cases()["terrains"]) {
    const FamilyResult result =
        run({.seed = row["seed"].get<std::uint64_t>(),
             .parameters = {{"difficulty", row["difficulty"].get<double>()}}});
    ASSERT_TRUE(result.media);
    EXPECT_EQ(result.media->type, "image/png");
    EXPECT_TRUE(decode_image(result.media->bytes));
    ASSERT_EQ(result.numbers.at(0).size(), 128U * 128);
    for (std::size_t i = 0; i < row["levels"].size(); ++i) {
      const double unit = (static_cast<double>(result.numbers[0][61 * i]) + 1) / 2;
      const double height =
          0.1 * std::sinh(std::clamp(unit, 0.0, 1.0) * std::asinh(221.6864013671875));
      EXPECT_NEAR(height / 22.16864013671875 * 65535, row["levels"][i].get<double>(), 3) << i;
    }
  }
}

// The PNG of a mask, read back: labels are levels of grey.
std::vector<std::uint8_t> mask_of(const FamilyResult& result) {
  const auto image = decode_image(result.media.value().bytes);
  EXPECT_TRUE(image) << image.error().to_string();
  std::vector<std::uint8_t> labels;
  for (std::size_t i = 0; i < image->rgb.size(); i += 3) labels.push_back(image->rgb[i]);
  return labels;
}

TEST_F(VisionOnRealWeights, tiny_random_segformer_labels_pixels_as_numpy_does) {
  open_folder(std::filesystem::path(ACCEL_TEST_DATA) / "models/tiny-random-segformer",
              "image-segmentation", "");
  if (!session_) return;
  for (const json& row : testing::test_data("tiny_segformer_cases.json")) {
    const FamilyResult result = run({.media_kind = "image", .media = input_file(row["file"])});
    for (std::size_t i = 0; i < row["logits"].size(); ++i)
      ASSERT_NEAR(result.numbers.at(0).at(13 * i), row["logits"][i].get<float>(), 1e-4) << i;
    for (const Finding& segment : result.rows.at(0))
      EXPECT_NEAR(segment.score, row["shares"][segment.label].get<double>(), 1e-4) << segment.label;
    const auto labels = mask_of(result);
    const auto& wanted = row["mask"].get_ref<const std::string&>();
    ASSERT_EQ((labels.size() + 96) / 97, wanted.size());
    std::size_t other = 0;
    for (std::size_t i = 0; i < wanted.size(); ++i) other += labels[97 * i] != wanted[i] - '0';
    EXPECT_LE(other, wanted.size() / 1000) << row["file"];  // At the borders of segments.
  }
}

// A model of two labels over four pixels, which answers what the test wants.
class OddSegments : public testing::Folder {
 protected:
  void SetUp() override {
    Folder::SetUp();
    write("config.json", R"({"id2label": {"0": "day", "1": "night"}})");
    write("preprocessor_config.json", R"({"size": 2})");
    session_.takes = {{"pixels", tensor::DType::f32, {-1, 3, 2, 2}, true}};
    session_.answer = Tensor::of<float>({1, 2, 1, 2}, {0, 1, 1, 0}).value();
  }

  Result<FamilyResult> made() {
    ModelManifest manifest = manifest_of("image-segmentation", "segformer");
    manifest.files = list_directory(folder_).value();
    ACCEL_TRY(const auto family,
              find_family(manifest.task)->open(manifest, directory_fetcher(folder_)));
    ACCEL_TRY(const auto workload,
              family->prepare({.media_kind = "image", .media = input_file("cat.png")}));
    return workload->run(session_, {});
  }
  std::string run() {
    const auto result = made();
    return result ? std::string("made") : std::string(errc_name(result.error().code));
  }

  testing::ScriptedSession session_;
};

TEST_F(OddSegments, have_shares_boxes_and_a_mask_of_the_image_s_size) {
  const auto result = made();
  ASSERT_TRUE(result) << result.error().to_string();
  const auto& rows = result->rows.at(0);
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_NEAR(rows[0].score, 0.5, 0.01);
  EXPECT_NEAR(rows[0].score + rows[1].score, 1, 1e-9);
  const Finding& night = rows[0].label == "night" ? rows[0] : rows[1];
  EXPECT_EQ(night.box->left, 0);
  EXPECT_EQ(night.box->bottom, 300);
  EXPECT_NEAR(night.box->right, 225, 1);
  EXPECT_EQ(mask_of(*result).size(), 451U * 300);
}

TEST_F(OddSegments, of_outputs_or_files_that_make_no_sense_are_told) {
  session_.answer = Tensor::of<float>({1, 2, 1, 2}, {0, kNan, 1, 0}).value();
  EXPECT_EQ(run(), "internal");
  session_.answer = Tensor::of<float>({1, 1, 1, 2}, {0, 1}).value();
  EXPECT_EQ(run(), "corrupt");
  session_.answer = Tensor::of<float>({2, 2}, {0, 1, 0, 1}).value();
  EXPECT_EQ(run(), "unsupported");
  session_.answer = Tensor::zeros(tensor::DType::f32, {1, 2, 0, 2}).value();
  EXPECT_EQ(run(), "unsupported");
  write("config.json", "{}");
  session_.answer = Tensor::zeros(tensor::DType::f32, {1, 70'000, 1, 1}).value();
  EXPECT_EQ(run(), "unsupported");
  write("preprocessor_config.json", R"({"size": 2, "do_center_crop": true, "crop_size": 1})");
  EXPECT_EQ(run(), "unsupported");
}

// A cascade whose graphs answer what the test wants.
class OddFaces : public ::testing::Test {
 protected:
  void SetUp() override {
    for (auto* graph : {&proposal_, &refinement_, &output_}) {
      graph->takes = {{"x", tensor::DType::f32, {-1, -1, -1, 3}, true}};
      graph->gives = {{"offsets", tensor::DType::f32, {}, false},
                      {"scores", tensor::DType::f32, {}, false}};
    }
    output_.gives.push_back({"more", tensor::DType::f32, {}, false});
    proposal_.graphs = {
        {"proposal", &proposal_}, {"refinement", &refinement_}, {"output", &output_}};
    proposal_.make_all = [this](const Tensor&) { return outputs({{1, 1, 1, 4}, {1, 1, 1, 2}}); };
    refinement_.make_all = [this](const Tensor& in) {
      return outputs({{in.shape()[0], 4}, {in.shape()[0], 2}});
    };
    output_.make_all = [this](const Tensor& in) {
      return outputs({{in.shape()[0], 4}, {in.shape()[0], 10}, {in.shape()[0], 2}});
    };
  }

  // Every number is value_: a score of 1 is a face, and offsets of 0 leave it.
  Result<std::vector<Tensor>> outputs(std::vector<tensor::Shape> shapes) const {
    std::vector<Tensor> all;
    for (tensor::Shape& shape : shapes) {
      const bool scores = shape.back() == 2;
      ACCEL_TRY(Tensor one, Tensor::zeros(tensor::DType::f32, std::move(shape)));
      std::ranges::fill(one.mutable_data<float>(), scores ? 1.0F : offset_);
      all.push_back(std::move(one));
    }
    return all;
  }

  std::string run() {
    const auto family =
        find_family("object-detection")->open(manifest_of("object-detection", "mtcnn"), {});
    const auto workload = (*family)->prepare({.media_kind = "image", .media = image_});
    if (!workload) return std::string(errc_name(workload.error().code));
    const auto result = (*workload)->run(proposal_, {stop_.get_token()});
    if (!result) return std::string(errc_name(result.error().code));
    return fmt::format("{} faces", result->rows.at(0).size());
  }

  testing::ScriptedSession proposal_, refinement_, output_;
  Bytes image_ = input_file("det_glyphs.png");
  std::stop_source stop_;
  float offset_ = 0;
};

TEST_F(OddFaces, of_a_large_image_are_looked_for_in_strips) {
  image_ = encode_png({2000, 1500, std::vector<std::uint16_t>(2000U * 1500), 8}).value();
  std::int64_t most = 0, rows = 0;
  proposal_.make_all = [&](const Tensor& in) {
    most = std::max(most, in.shape()[1] * in.shape()[2]);
    const std::int64_t columns = in.shape()[1] / 2 - 5, high = (in.shape()[2] - 1) / 2 - 4;
    if (in.shape()[1] == 1200) rows += high;
    auto all = outputs({{1, columns, high, 4}, {1, columns, high, 2}});
    if (all) std::ranges::fill((*all)[1].mutable_data<float>(), 0.0F);
    return all;
  };
  EXPECT_EQ(run(), "0 faces");
  EXPECT_LE(most, 1 << 19) << "pixels of one call";
  EXPECT_EQ(rows, (900 - 10) / 2) << "each cell of the largest layer once";
}

TEST_F(OddFaces, are_found_once_where_strips_meet) {
  image_ = encode_png({2000, 1500, std::vector<std::uint16_t>(2000U * 1500), 8}).value();
  // A graph that sees a face in the cell that stands at row 300 of the largest layer, whichever
  // strip that is in: known by the width of the layer, and how many rows came before.
  std::int64_t before = 0;
  proposal_.make_all = [&](const Tensor& in) {
    const std::int64_t columns = in.shape()[1] / 2 - 5, high = (in.shape()[2] - 1) / 2 - 4;
    auto all = outputs({{1, columns, high, 4}, {1, columns, high, 2}});
    if (!all) return all;
    const auto scores = (*all)[1].mutable_data<float>();
    std::ranges::fill(scores, 0.0F);
    const std::int64_t at = 300 - before;
    if (in.shape()[1] == 1200 && at >= 0 && at < high) scores[2 * at + 1] = 1;
    if (in.shape()[1] == 1200) before += high;
    return all;
  };
  std::vector<std::int64_t> seen;
  refinement_.make_all = [&](const Tensor& in) {
    seen.push_back(in.shape()[0]);
    return outputs({{in.shape()[0], 4}, {in.shape()[0], 2}});
  };
  EXPECT_EQ(run(), "1 faces");
  EXPECT_EQ(seen, std::vector<std::int64_t>{1});
}

TEST_F(OddFaces, of_a_run_that_is_stopped_are_not_looked_for) {
  proposal_.make_all = [this](const Tensor&) {
    stop_.request_stop();
    return outputs({{1, 1, 1, 4}, {1, 1, 1, 2}});
  };
  EXPECT_EQ(run(), "cancelled");
  EXPECT_EQ(proposal_.runs, 1);
}

TEST_F(OddFaces, of_all_sizes_in_one_corner_are_those_that_hardly_overlap) {
  EXPECT_EQ(run(), "3 faces");
  EXPECT_GT(proposal_.runs, 3);
  EXPECT_EQ(refinement_.runs, 1);
}

TEST_F(OddFaces, moved_out_of_all_bounds_are_none) {
  offset_ = 1e30F;
  EXPECT_EQ(run(), "0 faces");
  offset_ = kNan;
  EXPECT_EQ(run(), "internal");
}

TEST_F(OddFaces, with_shapes_that_make_no_sense_are_told) {
  output_.make_all = [this](const Tensor& in) {
    return outputs({{in.shape()[0], 4}, {in.shape()[0], 4}, {in.shape()[0], 2}});
  };
  EXPECT_EQ(run(), "unsupported");
  output_.gives.pop_back();
  EXPECT_EQ(run(), "unsupported");
  refinement_.make_all = [this](const Tensor&) { return outputs({{999, 4}, {999, 2}}); };
  EXPECT_EQ(run(), "unsupported");
  proposal_.make_all = [this](const Tensor&) { return outputs({{1, 2, 2, 4}, {1, 1, 1, 2}}); };
  EXPECT_EQ(run(), "unsupported");
  proposal_.make_all = [this](const Tensor&) { return outputs({{1, 1, 1, 4}}); };
  EXPECT_EQ(run(), "internal");
  proposal_.graphs.erase("output");
  EXPECT_EQ(run(), "unsupported");
}

class OddTerrain : public testing::Folder {
 protected:
  void SetUp() override {
    Folder::SetUp();
    write("config.json", kConfig);
    session_.takes = {{"noisy", tensor::DType::f32, {-1, 1, 2, 2}, true},
                      {"sigma", tensor::DType::f32, {-1}, true},
                      {"difficulty", tensor::DType::f32, {-1}, true}};
    session_.answer = Tensor::of<float>({1, 1, 2, 2}, {-2, -1, 1, 2}).value();
  }

  Result<FamilyResult> made(FamilyInput input) {
    ModelManifest manifest = manifest_of("unconditional-image-generation", "terrain-consistency");
    manifest.files = list_directory(folder_).value();
    ACCEL_TRY(const auto family,
              find_family(manifest.task)->open(manifest, directory_fetcher(folder_)));
    ACCEL_TRY(const auto workload, family->prepare(std::move(input)));
    return workload->run(session_, {});
  }

  std::string run(FamilyInput input = {}) {
    const auto result = made(std::move(input));
    return result ? std::string("made") : std::string(errc_name(result.error().code));
  }

  static constexpr std::string_view kConfig = R"({"sample_size": 2, "num_classes": 100,
    "sigma_max": 80, "height_range": 20, "asinh_scale": 0.1})";
  testing::ScriptedSession session_;
};

TEST_F(OddTerrain, keeps_heights_within_their_range) {
  const auto result = made({});
  ASSERT_TRUE(result) << result.error().to_string();
  EXPECT_EQ(decode_image(result->media->bytes).value().rgb,
            (std::vector<std::uint8_t>{0, 0, 0, 0, 0, 0, 255, 255, 255, 255, 255, 255}));
}

TEST_F(OddTerrain, differs_by_seed_and_takes_one_parameter) {
  std::vector<float> first;
  session_.make = [&](const Tensor& noisy) {
    first.assign(noisy.data<float>().begin(), noisy.data<float>().end());
    return Tensor::of<float>({1, 1, 2, 2}, {0, 0, 0, 0});
  };
  EXPECT_EQ(run(), "made");
  const std::vector<float> zero = first;
  EXPECT_EQ(run({.seed = 0}), "made");
  EXPECT_EQ(first, zero);
  EXPECT_EQ(run({.seed = 1}), "made");
  EXPECT_NE(first, zero);
  EXPECT_EQ(run({.parameters = {{"difficulty", 100}}}), "made");
  EXPECT_EQ(run({.parameters = {{"difficulty", 0}}}), "invalid_argument");
  EXPECT_EQ(run({.parameters = {{"difficulty", 1.5}}}), "invalid_argument");
  EXPECT_EQ(run({.parameters = {{"colour", 1}}}), "invalid_argument");
  EXPECT_EQ(run({.texts = {"a hill"}}), "invalid_argument");
  EXPECT_EQ(run({.media_kind = "image", .media = Bytes(3)}), "invalid_argument");
}

TEST_F(OddTerrain, with_outputs_or_files_that_make_no_sense_is_told) {
  session_.answer = Tensor::of<float>({1, 1, 2, 2}, {0, kNan, 0, 0}).value();
  EXPECT_EQ(run(), "internal");
  session_.answer = Tensor::of<float>({1, 4}, {0, 0, 0, 0}).value();
  EXPECT_EQ(run(), "unsupported");
  session_.takes.pop_back();
  EXPECT_EQ(run(), "invalid_argument");
  const auto with = [](const std::string& key, const json& value) {
    json config = json::parse(kConfig);
    config[key] = value;
    return config.dump();
  };
  const json all = json::parse(kConfig);
  for (const auto& [key, value] : all.items()) {
    for (const json& wrong : {json(nullptr), json(0), json(-1), json("x")}) {
      write("config.json", with(key, wrong));
      EXPECT_EQ(run(), "corrupt") << key << " " << wrong;
    }
  }
  for (const char* key : {"sample_size", "num_classes"}) {
    write("config.json", with(key, 100'000'000));
    EXPECT_EQ(run(), "corrupt") << key;
  }
}

TEST(FamiliesWithoutChance, refuse_a_seed) {
  const auto family =
      find_family("object-detection")->open(manifest_of("object-detection", "mtcnn"), {});
  const auto refused =
      (*family)->prepare({.media_kind = "image", .media = input_file("cat.png"), .seed = 1});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::invalid_argument);
}

}  // namespace
}  // namespace accel::models
