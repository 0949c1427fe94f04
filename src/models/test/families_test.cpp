// SPDX-License-Identifier: Apache-2.0
// Families on real weights against what other programs make of the same inputs:
// test/data/models/family_cases.json.
#include "accel/models/family.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "real_family.hpp"
#include "scripted_session.hpp"

namespace accel::models {
namespace {

using nlohmann::json;
using testing::input_file;
using testing::models_folder;

void append(Bytes& out, ByteView bytes) { out.insert(out.end(), bytes.begin(), bytes.end()); }

class FamiliesOnRealWeights : public testing::RealFamily {
 protected:
  const json cases_ = testing::test_data("family_cases.json");
};

TEST_F(FamiliesOnRealWeights, opennsfw_gives_the_probabilities_of_the_reference) {
  open("opennsfw", "image-classification");
  if (!session_) return;
  for (const json& row : cases_["image_classification"]) {
    const FamilyResult result =
        run({.media_kind = "image", .media = input_file(row["file"]), .top_k = 5});
    ASSERT_EQ(result.rows.size(), 1U);
    ASSERT_EQ(result.rows[0].size(), 2U);
    EXPECT_EQ(result.rows[0][0].label, "sfw");
    for (const Finding& finding : result.rows[0])
      EXPECT_NEAR(finding.score, row["scores"][finding.label].get<double>(), 2e-6) << row["file"];
  }
}

TEST_F(FamiliesOnRealWeights, efficientnet_gives_the_scores_of_pytorch) {
  open("efficientnet-lite0", "image-classification", "families");
  if (!session_) return;
  const json reference = testing::test_data("efficientnet_lite0.json");
  for (const json& row : reference["cases"]) {
    const FamilyResult result =
        run({.media_kind = "image", .media = input_file(row["image"]), .top_k = 5});
    for (std::size_t i = 0; i < row["logits_first8"].size(); ++i)
      EXPECT_NEAR(result.numbers.at(0).at(i), row["logits_first8"][i].get<float>(), 2e-5) << i;
    for (std::size_t i = 0; i < row["top5_idx"].size(); ++i) {
      const Finding& finding = result.rows.at(0).at(i);
      EXPECT_EQ(finding.label, fmt::format("LABEL_{}", row["top5_idx"][i].get<int>()));
      EXPECT_NEAR(finding.score, row["top5_prob"][i].get<double>(), 2e-6) << i;
    }
  }
}

TEST_F(FamiliesOnRealWeights, silero_gives_the_probabilities_and_segments_of_the_reference) {
  open("silero-vad", "voice-activity-detection");
  if (!session_) return;
  const json& wanted = cases_["voice_activity"][0];
  const FamilyResult result = run({.media_kind = "audio", .media = input_file("speech16k.wav")});
  ASSERT_EQ(result.numbers.at(0).size(), wanted["probabilities"].size());
  for (std::size_t i = 0; i < result.numbers[0].size(); ++i)
    EXPECT_NEAR(result.numbers[0][i], wanted["probabilities"][i].get<double>(), 2e-6) << i;
  ASSERT_EQ(result.rows.at(0).size(), wanted["segments"].size());
  for (std::size_t i = 0; i < result.rows[0].size(); ++i) {
    const auto seconds = result.rows[0][i].seconds.value();
    EXPECT_EQ(std::lround(seconds[0] * 16000), wanted["segments"][i][0].get<long>());
    EXPECT_EQ(std::lround(seconds[1] * 16000), wanted["segments"][i][1].get<long>());
    EXPECT_GT(result.rows[0][i].score, 0.8);
  }
}

TEST_F(FamiliesOnRealWeights, magika_gives_the_labels_and_scores_of_the_reference) {
  open("magika", "file-classification");
  if (!session_) return;
  for (const json& row : cases_["file_classification"]) {
    const std::string name = row["name"];
    Bytes content = to_bytes(row.value("text", std::string()));
    if (name == "jpeg") content = input_file("china.jpg");
    if (name == "wav") content = input_file("speech16k.wav");
    if (content.empty()) {
      for (int i = 0; i < 2000; ++i) append(content, as_bytes(std::string_view(" \n\t")));
      append(content, as_bytes(std::string_view("select name from people where id = 3;\n")));
      content.insert(content.end(), 9000, '\n');
    }
    const FamilyResult result = run({.media_kind = "file", .media = content, .top_k = 1});
    ASSERT_EQ(result.rows.at(0).size(), 1U) << name;
    EXPECT_EQ(result.rows[0][0].label, row["label"].get<std::string>()) << name;
    EXPECT_NEAR(result.rows[0][0].score, row["score"].get<double>(), 2e-6) << name;
  }
}

TEST_F(FamiliesOnRealWeights, yolox_gives_the_boxes_of_the_reference) {
  open("ddddocr-det", "object-detection", "families");
  if (!session_) return;
  // By ddddocr 1.6.1's own code over det_glyphs.png, whole pixels, best first.
  constexpr int kWanted[][4] = {
      {301, 312, 337, 357}, {122, 270, 159, 317}, {58, 71, 98, 117}, {259, 101, 291, 144}};
  const FamilyResult result = run({.media_kind = "image", .media = input_file("det_glyphs.png")});
  ASSERT_EQ(result.rows.at(0).size(), std::size(kWanted));
  for (std::size_t i = 0; i < std::size(kWanted); ++i) {
    const Box& box = result.rows[0][i].box.value();
    const int found[] = {static_cast<int>(box.left), static_cast<int>(box.top),
                         static_cast<int>(box.right), static_cast<int>(box.bottom)};
    EXPECT_TRUE(std::equal(std::begin(found), std::end(found), kWanted[i])) << i;
    EXPECT_EQ(result.rows[0][i].label, "glyph");
    EXPECT_GT(result.rows[0][i].score, 0.75);
  }
}

TEST_F(FamiliesOnRealWeights, labels_that_do_not_fit_the_outputs_are_told) {
  open("opennsfw", "image-classification");
  if (!session_) return;
  const auto folder = models_folder() / "opennsfw";
  auto listing = list_directory(folder).value();
  const std::filesystem::path other = ::testing::TempDir() + "three_labels.json";
  ASSERT_TRUE(write_file_atomic(
      other, as_bytes(std::string_view(R"({"id2label": {"0": "a", "1": "b", "2": "c"}})"))));
  const Fetcher fetcher = [&](std::string_view path) -> Result<std::filesystem::path> {
    return path == "config.json" ? other : folder / path;
  };
  const ModelManifest manifest{"image-classification", "resnet", "huggingface", {}, listing};
  const auto family = find_family("image-classification")->open(manifest, fetcher);
  ASSERT_TRUE(family) << family.error().to_string();
  const auto workload = (*family)->prepare({.media_kind = "image", .media = input_file("cat.png")});
  const auto result = (*workload)->run(*session_, {});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Errc::corrupt);
  EXPECT_NE(result.error().message.find("2 scores, but its files name 3"), std::string::npos);
}

// A classifier of four pixels whose files and engine say what the test wants.
class OddModels : public testing::Folder {
 protected:
  std::string run(std::string_view config, std::string_view preprocessor = R"({"size": 2})") {
    write("config.json", config);
    write("preprocessor_config.json", preprocessor);
    const ModelManifest manifest{
        "image-classification", "resnet", "huggingface", {}, list_directory(folder_).value()};
    const auto family =
        find_family("image-classification")->open(manifest, directory_fetcher(folder_));
    if (!family) return std::string(errc_name(family.error().code));
    const auto workload =
        (*family)->prepare({.media_kind = "image", .media = input_file("cat.png")});
    if (!workload) return std::string(errc_name(workload.error().code));
    const auto result = (*workload)->run(session_, {});
    if (!result) return std::string(errc_name(result.error().code));
    return fmt::format("{} {:.2f}", result->rows.at(0).at(0).label, result->rows[0][0].score);
  }

  void answers(tensor::Shape shape, std::initializer_list<float> values) {
    session_.answer = tensor::Tensor::of<float>(std::move(shape), values).value();
  }

  void SetUp() override {
    Folder::SetUp();
    session_.takes = {{"pixels", tensor::DType::f32, {-1, 3, 2, 2}, true}};
    answers({1, 2}, {0.0F, 0.0F});
  }

  testing::ScriptedSession session_;
};

TEST_F(OddModels, get_labels_and_functions_as_their_files_say) {
  answers({1, 2}, {1.0F, 3.0F});
  EXPECT_EQ(run("{}"), "LABEL_1 0.88");
  EXPECT_EQ(run(R"({"id2label": {"0": "a", "1": "b"}, "function_to_apply": "sigmoid"})"), "b 0.95");
  EXPECT_EQ(run(R"({"problem_type": "regression"})"), "LABEL_1 3.00");
}

TEST_F(OddModels, with_results_that_make_no_sense_are_told) {
  answers({1, 2}, {std::numeric_limits<float>::quiet_NaN(), 1.0F});
  EXPECT_EQ(run("{}"), "internal");
  answers({2, 1}, {1.0F, 1.0F});
  EXPECT_EQ(run("{}"), "unsupported");
  answers({2}, {1.0F, 1.0F});
  EXPECT_EQ(run("{}"), "unsupported");
  answers({1, 2}, {0.0F, 0.0F});
  session_.takes = {{"pixels", tensor::DType::f32, {-1, 12}, true}};
  EXPECT_EQ(run("{}"), "unsupported");
  session_.takes = {{"pixels", tensor::DType::f32, {-1, 3, 4, 4}, true}};
  EXPECT_EQ(run("{}"), "invalid_argument");
}

TEST_F(OddModels, with_files_that_make_no_sense_are_refused) {
  EXPECT_EQ(run(R"({"id2label": {"0": "a", "2": "b"}})"), "corrupt");
  EXPECT_EQ(run(R"({"id2label": {"0": "a", "00": "b"}})"), "corrupt");
  EXPECT_EQ(run(R"({"id2label": ["a"]})"), "corrupt");
  EXPECT_EQ(run(R"({"function_to_apply": "guess"})"), "corrupt");
  EXPECT_EQ(run("{}", "{}"), "corrupt");
  EXPECT_EQ(run("{}", R"({"size": 0})"), "corrupt");
  EXPECT_EQ(run("{}", R"({"size": 1000000})"), "corrupt");
  EXPECT_EQ(run("{}", R"({"size": 2, "resample": 5})"), "unsupported");
  EXPECT_EQ(run("{}", R"({"size": 2, "image_std": [1, 0, 1]})"), "corrupt");
  EXPECT_EQ(run("{}", R"({"size": 2, "image_mean": [1, "x"]})"), "corrupt");
  EXPECT_EQ(run("{}", R"({"size": 2, "do_center_crop": true})"), "corrupt");
  EXPECT_EQ(run("{}", R"({"size": 2, "center_crop_fraction": 0})"), "corrupt");
  EXPECT_EQ(run("{}", R"({"size": 2, "center_crop_fraction": 1.5})"), "corrupt");
  EXPECT_EQ(run("{}", R"({"size": 2, "center_crop_fraction": "x"})"), "corrupt");
}

TEST_F(OddModels, of_files_whose_outputs_have_other_shapes_are_told) {
  write("config.min.json", R"({"beg_size": 2, "mid_size": 0, "end_size": 2, "block_size": 8,
      "min_file_size_for_dl": 1, "padding_token": 256, "target_labels_space": ["a", "b"]})");
  session_.takes = {{"bytes", tensor::DType::i32, {-1, 4}, true}};
  const auto told = [&] {
    const ModelManifest manifest{
        "file-classification", "magika", "huggingface", {}, list_directory(folder_).value()};
    const auto family =
        find_family("file-classification")->open(manifest, directory_fetcher(folder_));
    const auto workload = (*family)->prepare({.media_kind = "file", .media = Bytes(9)});
    const auto result = (*workload)->run(session_, {});
    return result ? result->rows.at(0).at(0).label : std::string(errc_name(result.error().code));
  };
  answers({1, 2}, {0.25F, 0.75F});
  EXPECT_EQ(told(), "b");
  answers({2}, {0.25F, 0.75F});
  EXPECT_EQ(told(), "unsupported");
  answers({2, 1}, {0.25F, 0.75F});
  EXPECT_EQ(told(), "unsupported");
  answers({1, 0}, {});
  EXPECT_EQ(told(), "unsupported");
  answers({1, 3}, {0.25F, 0.5F, 0.25F});
  EXPECT_EQ(told(), "corrupt");
}

TEST(FamilyTable, names_each_task_once_and_each_row_of_evidence_has_a_family) {
  std::map<std::string_view, int> seen;
  for (const FamilyInfo& info : families()) EXPECT_EQ(++seen[info.task], 1) << info.task;
  for (const FamilyEvidence& evidence : family_evidence()) {
    EXPECT_NE(find_family(evidence.task), nullptr) << evidence.task;
    EXPECT_FALSE(evidence.agreement.empty());
  }
  for (const FamilyInfo& info : families()) {
    const auto row = std::ranges::find(family_evidence(), info.task, &FamilyEvidence::task);
    EXPECT_NE(row, family_evidence().end()) << info.task;
  }
  EXPECT_EQ(find_family("telepathy"), nullptr);
}

TEST(FamilyInputs, of_the_wrong_kind_or_size_are_refused) {
  const auto family = find_family("voice-activity-detection")->open({}, {});
  ASSERT_TRUE(family);
  const auto code = [&](FamilyInput input) {
    const auto workload = (*family)->prepare(std::move(input));
    return workload ? std::string("taken") : std::string(errc_name(workload.error().code));
  };
  EXPECT_EQ(code({.texts = {"a text"}}), "invalid_argument");
  EXPECT_EQ(code({.media_kind = "image", .media = Bytes(10)}), "invalid_argument");
  EXPECT_EQ(code({.media_kind = "audio"}), "invalid_argument");
  EXPECT_EQ(code({.media_kind = "audio", .media = Bytes(10)}), "unsupported");
  EXPECT_EQ(code({.media_kind = "audio", .media = Bytes(kMaxMediaBytes + 1)}),
            "resource_exhausted");
}

}  // namespace
}  // namespace accel::models
