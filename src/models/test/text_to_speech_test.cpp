// SPDX-License-Identifier: Apache-2.0
// Voices: which ids phonemes become, what is refused, and a real voice against ONNX Runtime in
// Python: test/data/models/piper_joe.json.
#include <gmock/gmock.h>

#include <cmath>
#include <limits>

#include "accel/inference/backend.hpp"
#include "audio/wav.hpp"
#include "families.hpp"
#include "test_files.hpp"

namespace accel::models {
namespace {

using nlohmann::json;
using tensor::DType;
using tensor::Tensor;
using ::testing::HasSubstr;

// A voice's graph at the device seam: it keeps what it was given and says what the test wants.
class Throat final : public inference::Session {
 public:
  const std::vector<inference::TensorSpec>& inputs() const override { return takes; }
  const std::vector<inference::TensorSpec>& outputs() const override { return gives_; }
  const inference::SessionInfo& info() const override { return info_; }
  Result<std::vector<Tensor>> run(std::span<const inference::NamedTensor> given,
                                  std::span<const std::string>,
                                  const inference::RunOptions&) override {
    ACCEL_CHECK(inference::check_inputs(takes, given));
    for (const inference::NamedTensor& tensor : given) {
      if (tensor.name == "input") ids.assign_range(*tensor.value);
      if (tensor.name == "scales") scales.assign_range(*tensor.value);
      if (tensor.name == "sid") speaker = tensor.value->data<std::int64_t>()[0];
    }
    std::vector<Tensor> result;
    const auto count = std::ssize(says);
    result.push_back(Tensor::copy_of<float>({1, 1, count}, std::span<const float>(says)).value());
    return result;
  }

  template <class T>
  struct Row : std::vector<T> {
    void assign_range(const Tensor& tensor) {
      const auto data = tensor.data<T>();
      this->assign(data.begin(), data.end());
    }
  };
  std::vector<inference::TensorSpec> takes{{"input", DType::i64, {-1, -1}},
                                           {"input_lengths", DType::i64, {-1}},
                                           {"scales", DType::f32, {3}}};
  std::vector<float> says{0.0F, 0.5F, -2.0F};
  Row<std::int64_t> ids;
  Row<float> scales;
  std::int64_t speaker = -1;

 private:
  std::vector<inference::TensorSpec> gives_{{"output", DType::f32, {-1, 1, -1}}};
  inference::SessionInfo info_;
};

class SmallVoice : public testing::Folder {
 protected:
  void SetUp() override {
    Folder::SetUp();
    voice_ = json::parse(R"({"audio": {"sample_rate": 16000}, "num_speakers": 3,
      "inference": {"noise_scale": 0.5, "length_scale": 2, "noise_w": 0.25},
      "phoneme_id_map": {"_": [0], "^": [1], "$": [2], "a": [3], "ŋ": [4, 5], "̃": [6]}})");
  }

  Result<std::shared_ptr<const Family>> open() {
    write("voice.onnx.json", voice_.dump());
    write("voice.onnx", "no graph: a session is given");
    ModelManifest manifest{
        "text-to-speech", "piper", "huggingface", {}, list_directory(folder_).value()};
    Variant variant;
    variant.entry = "voice.onnx";
    manifest.variants.push_back(variant);
    return open_text_to_speech(manifest, directory_fetcher(folder_));
  }

  Result<FamilyResult> say(FamilyInput input) {
    const auto family = open();
    if (!family) return fail(family.error());
    const auto workload = (*family)->prepare(std::move(input));
    if (!workload) return fail(workload.error());
    return (*workload)->run(throat_, {});
  }
  std::string refusal(FamilyInput input) {
    const auto result = say(std::move(input));
    return result ? "said" : result.error().message;
  }

  json voice_;
  Throat throat_;
};

TEST_F(SmallVoice, says_phonemes_between_marks) {
  const auto result = say({.texts = {"aŋã"}});  // The last is one character: two phonemes.
  ASSERT_TRUE(result) << result.error().to_string();
  EXPECT_EQ(throat_.ids, (std::vector<std::int64_t>{1, 0, 3, 0, 4, 5, 0, 3, 0, 6, 0, 2}));
  EXPECT_EQ(throat_.scales, (std::vector<float>{0.5F, 2.0F, 0.25F}));
  ASSERT_TRUE(result->media);
  EXPECT_EQ(result->media->type, "audio/wav");
  const Audio audio = read_wav(result->media->bytes).value();
  EXPECT_EQ(audio.sample_rate, 16000U);
  ASSERT_EQ(audio.samples.size(), 3U);
  EXPECT_NEAR(audio.samples[1], 0.5, 1e-4);
  EXPECT_NEAR(audio.samples[2], -1, 1e-4);
}

TEST_F(SmallVoice, takes_scales_and_a_speaker) {
  throat_.takes.push_back({"sid", DType::i64, {-1}});
  const auto result = say(
      {.texts = {"a"},
       .parameters = {{"noise_scale", 0}, {"length_scale", 1.5}, {"noise_w", 0}, {"speaker", 2}}});
  ASSERT_TRUE(result) << result.error().to_string();
  EXPECT_EQ(throat_.scales, (std::vector<float>{0.0F, 1.5F, 0.0F}));
  EXPECT_EQ(throat_.speaker, 2);
}

TEST_F(SmallVoice, is_tried_without_chance) {
  const auto family = open().value();
  const auto workload = family->prepare({.texts = {"a"}}).value();
  ASSERT_TRUE(workload->sample()->workload->run(throat_, {}));
  EXPECT_EQ(throat_.scales, (std::vector<float>{0.0F, 2.0F, 0.0F}));
}

TEST_F(SmallVoice, refuses_words_and_says_what_it_takes) {
  EXPECT_THAT(refusal({.texts = {"Hello"}}), HasSubstr("no phoneme 'H'"));
  EXPECT_THAT(refusal({.texts = {"Hello"}}), HasSubstr("espeak-ng"));
  EXPECT_THAT(refusal({.texts = {"\xFF"}}), HasSubstr("no phoneme '?'"));
  EXPECT_THAT(refusal({.texts = {""}}), HasSubstr("nothing to say"));
  EXPECT_THAT(refusal({.texts = {"a", "a"}}), HasSubstr("one --input"));
  EXPECT_THAT(refusal({.texts = {std::string(2001, 'a')}}), HasSubstr("2000 phonemes"));
  EXPECT_THAT(refusal({.texts = {"a"}, .seed = 1}), HasSubstr("noise_w=0"));
  EXPECT_THAT(refusal({.texts = {"a"}, .parameters = {{"pitch", 1}}}), HasSubstr("pitch"));
  EXPECT_THAT(refusal({.texts = {"a"}, .parameters = {{"speaker", 3}}}), HasSubstr("0 to 2"));
  EXPECT_THAT(refusal({.texts = {"a"}, .parameters = {{"length_scale", NAN}}}),
              HasSubstr("0.1 to 10"));
  EXPECT_THAT(refusal({.media_kind = "audio", .media = {1}}), HasSubstr("--input"));
}

TEST_F(SmallVoice, tells_what_its_files_lack) {
  throat_.says = {std::numeric_limits<float>::infinity()};
  EXPECT_THAT(refusal({.texts = {"a"}}), HasSubstr("output"));
  throat_.says = {};
  EXPECT_THAT(refusal({.texts = {"a"}}), HasSubstr("no length"));
  throat_.takes.push_back({"style", DType::f32, {-1}});
  EXPECT_THAT(refusal({.texts = {"a"}}), HasSubstr("style"));
  const char* const wrong[] = {R"({"phoneme_id_map": []})",
                               R"({"phoneme_id_map": {"a": 5}})",
                               R"({"phoneme_id_map": {"a": [-1]}})",
                               R"({"phoneme_id_map": {"a": [3]}})",
                               R"({"audio": {}})",
                               R"({"audio": {"sample_rate": 5}})"};
  const json good = voice_;
  for (const char* const change : wrong) {
    voice_ = good;
    voice_.update(json::parse(change));
    const auto family = open();
    ASSERT_FALSE(family) << change;
    EXPECT_EQ(family.error().code, Errc::corrupt) << change;
  }
}

TEST(PiperOnRealWeights, says_what_the_reference_says) {
  const auto folder = testing::models_folder() / "piper-joe";
  const auto listing = list_directory(folder);
  if (!listing) GTEST_SKIP() << "run `tools/deps install families`: " << listing.error().message;
  const Fetcher fetcher = directory_fetcher(folder);
  const auto manifest = read_manifest(*listing, fetcher);
  ASSERT_TRUE(manifest) << manifest.error().to_string();
  EXPECT_EQ(manifest->task, "text-to-speech");
  const auto family = find_family(manifest->task)->open(*manifest, fetcher);
  ASSERT_TRUE(family) << family.error().to_string();
  const auto weights = fetch_variant(manifest->variants.at(0), fetcher);
  const auto session = inference::make_onnxruntime_backend()->open(weights.value(), {});
  if (!session && session.error().code == Errc::unavailable)
    GTEST_SKIP() << session.error().to_string();
  ASSERT_TRUE(session) << session.error().to_string();

  const json wanted = testing::test_data("piper_joe.json");
  const json& steady = wanted["cases"][0];
  const auto workload = (*family)->prepare(
      {.texts = {wanted["phonemes"]}, .parameters = {{"noise_scale", 0}, {"noise_w", 0}}});
  ASSERT_TRUE(workload) << workload.error().to_string();
  EXPECT_EQ((*workload)->length(), wanted["ids"].size());
  const auto result = (*workload)->run(**session, {});
  ASSERT_TRUE(result) << result.error().to_string();
  for (std::size_t i = 0; i < 8; ++i)
    EXPECT_NEAR(result->numbers.at(0).at(i), steady["first8"][i].get<double>(), 2e-6);
  const Audio audio = read_wav(result->media.value().bytes).value();
  EXPECT_EQ(audio.sample_rate, 22050U);
  ASSERT_EQ(audio.samples.size(), steady["shape"][3].get<std::size_t>());
  for (std::size_t i = 0; i < 8; ++i)
    EXPECT_NEAR(audio.samples[5000 + i], steady["at_5000_8"][i].get<double>(), 5e-5);
  double squares = 0;
  for (const float sample : audio.samples) squares += static_cast<double>(sample * sample);
  EXPECT_NEAR(std::sqrt(squares / static_cast<double>(audio.samples.size())),
              steady["rms"].get<double>(), 2e-5);
}

}  // namespace
}  // namespace accel::models
