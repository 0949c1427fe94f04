// SPDX-License-Identifier: Apache-2.0
// Whisper's parts against numpy, and Whisper on real weights against
// transformers and a port of whisper/transcribe.py:
// test/data/models/whisper_cases.json.
#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numbers>

#include "accel/inference/graph_set.hpp"
#include "audio/wav.hpp"
#include "encoder_decoder.hpp"
#include "families.hpp"
#include "speech/log_mel.hpp"
#include "speech/whisper_rules.hpp"
#include "test_files.hpp"
#include "tokenizer/byte_level_words.hpp"

namespace accel::models {
namespace {

using nlohmann::json;
using tensor::DType;
using tensor::Tensor;
using testing::models_folder;

const json& cases() {
  static const json kCases = testing::test_data("whisper_cases.json");
  return kCases;
}

std::vector<float> speech() {
  const auto path = std::filesystem::path(ACCEL_TEST_DATA) / "models/inputs/speech16k.wav";
  return read_wav(read_file(path, kMaxMediaBytes).value()).value().samples;
}

// make_whisper_cases.py's long_speech().
std::vector<float> long_speech() {
  const std::vector<float> whole = speech(), end(whole.begin() + 64000, whole.end());
  std::vector<float> all;
  const auto say = [&](const std::vector<float>& part) {
    all.insert(all.end(), part.begin(), part.end());
  };
  for (const std::size_t pause : {16000U, 24000U, 8000U, 64000U}) {
    say(end);
    all.insert(all.end(), pause, 0.0F);
  }
  say(whole);
  say(end);
  return all;
}

Bytes wav_of(const std::vector<float>& samples) {
  Bytes out = to_bytes("RIFF....WAVEfmt ");
  const auto put = [&](std::uint32_t value, int bytes) {
    for (int i = 0; i < bytes; ++i) out.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
  };
  for (const auto& [value, bytes] : std::initializer_list<std::pair<std::uint32_t, int>>{
           {16, 4}, {3, 2}, {1, 2}, {16000, 4}, {64000, 4}, {4, 2}, {32, 2}})
    put(value, bytes);
  for (const char c : std::string_view("data")) out.push_back(static_cast<std::uint8_t>(c));
  put(static_cast<std::uint32_t>(samples.size() * 4), 4);
  for (const float sample : samples) put(std::bit_cast<std::uint32_t>(sample), 4);
  return out;
}

TEST(LogMel, has_the_filters_of_slaney) {
  const auto filters = mel_filters(80);
  for (const auto& [index, wanted] : cases()["filters"].items()) {
    const MelFilter& filter = filters.at(std::stoul(index));
    ASSERT_EQ(filter.first, wanted["first"].get<std::size_t>());
    ASSERT_EQ(filter.weights.size(), wanted["weights"].size());
    for (std::size_t i = 0; i < filter.weights.size(); ++i)
      EXPECT_NEAR(filter.weights[i], wanted["weights"][i].get<double>(), 1e-12);
  }
}

void expect_frames(const std::vector<float>& samples, const json& wanted) {
  const LogMel mel(samples, 80);
  std::vector<float> window(80 * kWhisperFrames);
  mel.window(0, window);
  double sum = 0;
  for (const float value : window) sum += static_cast<double>(value);
  EXPECT_NEAR(sum / static_cast<double>(window.size()), wanted["mean"].get<double>(), 1e-6);
  for (const auto& [at, values] : wanted["frames"].items()) {
    for (std::size_t i = 0; i < 80; ++i)
      EXPECT_NEAR(window[i * kWhisperFrames + std::stoul(at)], values[i].get<double>(), 2e-6)
          << at << " " << i;
  }
}

TEST(LogMel, of_speech_and_of_a_tone_is_that_of_numpy) {
  expect_frames(speech(), cases()["speech"]);
  std::vector<float> tone(16000);
  for (std::size_t i = 0; i < tone.size(); ++i) {
    const double t = static_cast<double>(i) / 16000;
    tone[i] = static_cast<float>(0.5 * std::sin(2 * std::numbers::pi * (200 * t + 1500 * t * t)));
  }
  expect_frames(tone, cases()["tone"]);
}

TEST(LogMel, knows_silence_and_takes_recordings_of_any_length) {
  EXPECT_EQ(LogMel({}, 80).frames(), 0U);
  const std::vector<float> one{0.5F};
  EXPECT_EQ(LogMel(one, 80).frames(), 1U);
  EXPECT_FALSE(LogMel(one, 80).silent(0, 1));
  std::vector<float> late(48000, 0.0F);
  late.back() = 0.1F;
  const LogMel mel(late, 80);
  EXPECT_EQ(mel.frames(), 300U);
  EXPECT_TRUE(mel.silent(0, 200));
  EXPECT_FALSE(mel.silent(200, 100));
  EXPECT_TRUE(mel.silent(1000, 3000));  // Behind the end.
  std::vector<float> window(80 * kWhisperFrames);
  mel.window(250, window);
  EXPECT_EQ(*std::ranges::min_element(window), window.back());
}

// "a" 0, " b" 1, "é" 2 and 3 (a byte each), specials 4 and 5.
constexpr std::string_view kWords =
    R"({"model": {"type": "BPE", "vocab": {"a": 0, "Ġb": 1,
  "Ã": 2, "©": 3}, "merges": []}, "added_tokens": [{"id": 4, "content": "<|endoftext|>"},
  {"id": 5, "content": "<|x|>"}]})";

TEST(ByteLevelWords, spell_what_ids_say) {
  const auto words = ByteLevelWords::read(kWords, "tokenizer.json").value();
  const std::int32_t whole[] = {0, 1, 2, 3, 4, 99, -1}, half[] = {2, 0};
  EXPECT_EQ(words.text(whole), "a bé");
  EXPECT_EQ(words.text(half), "\uFFFDa");
  EXPECT_EQ(words.bytes(half),
            "\xC3"
            "a");
  EXPECT_EQ(words.special("<|endoftext|>"), 4);
  EXPECT_FALSE(words.special("a"));
}

TEST(ByteLevelWords, refuse_what_is_none) {
  const std::pair<const char*, Errc> wrong[] = {
      {"", Errc::corrupt},
      {"{}", Errc::corrupt},
      {R"({"model": {"type": "WordPiece", "vocab": {"a": 0}}})", Errc::unsupported},
      {R"({"model": {"type": "Unigram", "vocab": []}})", Errc::unsupported},
      {R"({"model": {"type": "BPE", "vocab": {"a": 2147483647}}})", Errc::resource_exhausted},
      {R"({"model": {"type": "BPE", "vocab": {"a": -1}}})", Errc::corrupt},
      {R"({"model": {"type": "BPE", "vocab": {}}, "added_tokens": [{"content": "x"}]})",
       Errc::corrupt},
      {R"({"model": {"type": "BPE", "vocab": {}}, "added_tokens": 5})", Errc::corrupt}};
  for (const auto& [text, code] : wrong) {
    const auto words = ByteLevelWords::read(text, "tokenizer.json");
    ASSERT_FALSE(words) << text;
    EXPECT_EQ(words.error().code, code) << text << words.error().to_string();
  }
  for (std::size_t size = 0; size < kWords.size() - 1; ++size)
    EXPECT_FALSE(ByteLevelWords::read(kWords.substr(0, size), "tokenizer.json"));
}

// Ids: text 0 to 3, end 4, start 5, no-times 6, times from 7 on.
WhisperConfig small_config() {
  WhisperConfig config;
  config.end = 4;
  config.start = 5;
  config.no_timestamps = 6;
  config.first_time = 7;
  config.latest_first_time = 2;
  return config;
}

// The ids that may follow `written`, where all are equally likely but for
// `favoured`.
std::vector<std::int32_t> allowed(const WhisperConfig& config,
                                  const std::vector<std::int32_t>& written, bool timestamps = true,
                                  std::int32_t favoured = 0) {
  std::vector<float> logits(17, 0.0F);
  logits[static_cast<std::size_t>(favoured)] = 10.0F;
  apply_whisper_rules(config, written, timestamps, logits);
  std::vector<std::int32_t> ids;
  for (std::size_t i = 0; i < logits.size(); ++i)
    if (std::isfinite(logits[i])) ids.push_back(static_cast<std::int32_t>(i));
  return ids;
}

using Ids = std::vector<std::int32_t>;

TEST(WhisperRules, pair_times_and_never_go_back) {
  const WhisperConfig config = small_config();
  EXPECT_EQ(allowed(config, {}), (Ids{7, 8, 9}));         // An early time first.
  EXPECT_EQ(allowed(config, {8}), (Ids{0, 1, 2, 3, 4}));  // Then text.
  EXPECT_EQ(allowed(config, {8, 1}), (Ids{0, 1, 2, 3, 4, 9, 10, 11, 12, 13, 14, 15, 16}));
  EXPECT_EQ(allowed(config, {8, 1, 12}, true, 4), (Ids{4, 12, 13, 14, 15, 16}));  // Or the end.
  EXPECT_EQ(allowed(config, {8, 1, 12, 12}), (Ids{0, 1, 2, 3, 4}));
}

TEST(WhisperRules, prefer_a_time_where_all_times_together_are_likelier_than_a_word) {
  const WhisperConfig config = small_config();
  EXPECT_EQ(allowed(config, {8, 1}, true, 16), (Ids{9, 10, 11, 12, 13, 14, 15, 16}));
  std::vector<float> logits(17, 0.0F);
  logits[2] = 1.0F;  // Below log(8), the eight times together.
  apply_whisper_rules(config, Ids{8, 1}, true, logits);
  EXPECT_FALSE(std::isfinite(logits[2]));
}

TEST(WhisperRules, suppress_what_the_files_say_and_times_that_are_not_wanted) {
  WhisperConfig config = small_config();
  config.suppressed = {1, 400, -1};
  config.suppressed_at_start = {2, 4};
  EXPECT_EQ(allowed(config, {}, false), (Ids{0, 3}));
  EXPECT_EQ(allowed(config, {3}, false), (Ids{0, 2, 3, 4}));
}

TEST(WhisperRules, choose_the_likeliest_with_its_share) {
  const std::vector<float> logits{0.0F, std::log(3.0F)};
  const auto token = likeliest(logits);
  ASSERT_TRUE(token);
  EXPECT_EQ(token->id, 1);
  EXPECT_NEAR(token->log_probability, std::log(0.75), 1e-6);
  EXPECT_NEAR(probability_of(logits, 0), 0.25, 1e-6);
  EXPECT_EQ(probability_of(logits, 2), 0);
  EXPECT_FALSE(likeliest(std::vector<float>(3, -std::numeric_limits<float>::infinity())));
  EXPECT_FALSE(likeliest({}));
}

std::string cut_text(const WindowCut& cut) {
  std::string text;
  for (const WindowSegment& segment : cut.segments)
    text += fmt::format("{:.2f}-{:.2f}:{} ", segment.start, segment.end, segment.tokens.size());
  return text + std::to_string(cut.frames);
}

TEST(WhisperRules, cut_a_window_where_times_meet) {
  const WhisperConfig config = small_config();
  const auto cut = [&](const Ids& ids) { return cut_text(cut_window(config, ids, 1000)); };
  // Time n is id 7 + n: 20 ms each.
  EXPECT_EQ(cut({7, 1, 17, 17, 2, 27}),
            "0.00-0.20:3 0.20-0.40:3 1000");            // Nothing behind it.
  EXPECT_EQ(cut({7, 1, 17, 17, 2}), "0.00-0.20:3 20");  // Goes on at 0.2 s.
  EXPECT_EQ(cut({7, 1, 17, 20, 2, 30, 30}), "0.00-0.20:3 0.26-0.46:3 46");
  EXPECT_EQ(cut({7, 1, 2}), "0.00-10.00:3 1000");  // No end was heard.
  EXPECT_EQ(cut({7, 1, 17}), "0.00-0.20:3 1000");
  EXPECT_EQ(cut({1, 2}), "0.00-10.00:2 1000");
  EXPECT_EQ(cut({}), "1000");
  EXPECT_EQ(cut({7, 7, 1}), "0.00-0.00:1 1000");  // Goes on all the same.
  EXPECT_EQ(cut_text(cut_window(config, {}, 0)), "1");
}

TEST(WhisperRules, know_silence_and_repetition) {
  EXPECT_TRUE(is_no_speech(0.7, -1.5));
  EXPECT_FALSE(is_no_speech(0.7, -0.5));
  EXPECT_FALSE(is_no_speech(0.5, -1.5));
  EXPECT_EQ(compression_ratio(""), 0);
  EXPECT_GT(compression_ratio(std::string(200, 'a')), 2.4);
  EXPECT_LT(compression_ratio("The quick brown fox"), 1);
}

// A graph at the device seam: it remembers what it was given and answers with
// zeros and one.
class Graph final : public inference::Session {
 public:
  const std::vector<inference::TensorSpec>& inputs() const override { return takes; }
  const std::vector<inference::TensorSpec>& outputs() const override { return gives; }
  const inference::SessionInfo& info() const override { return info_; }
  Session* graph(std::string_view name) override {
    const auto found = others.find(std::string(name));
    return found == others.end() ? nullptr : found->second;
  }
  Result<std::vector<Tensor>> run(std::span<const inference::NamedTensor> given,
                                  std::span<const std::string> wanted,
                                  const inference::RunOptions&) override {
    ACCEL_CHECK(inference::check_inputs(takes, given));
    ACCEL_CHECK(inference::check_outputs(gives, wanted));
    std::string line;
    for (const auto& input : given)
      line += fmt::format("{}{} ", input.name, tensor::shape_text(input.value->shape()));
    calls.push_back(line + "-> " + fmt::format("{}", fmt::join(wanted, " ")));
    std::vector<Tensor> outputs;
    for (const std::string& name : wanted) {
      const auto tokens = given[0].value->shape().back();
      ACCEL_TRY(Tensor made,
                Tensor::zeros(DType::f32, name == "logits" ? tensor::Shape{1, tokens, 8}
                                                           : tensor::Shape{1, 1, 2, 4}));
      made.mutable_data<float>().back() = spoilt ? NAN : 1.0F;
      outputs.push_back(std::move(made));
    }
    return outputs;
  }

  std::vector<inference::TensorSpec> takes, gives;
  std::map<std::string, Session*> others;
  std::vector<std::string> calls;
  bool spoilt = false;

 private:
  inference::SessionInfo info_;
};

constexpr EncoderDecoder::Kind kWhisper{"Whisper", "input_features", DType::f32};

class WhisperLayouts : public ::testing::Test {
 protected:
  void SetUp() override {
    encoder_.takes = {{"input_features", DType::f32, {-1, 80, 3000}}};
    encoder_.gives = {{"last_hidden_state", DType::f32, {-1, 1500, 4}}};
    decoder_.takes = {kIds, kStates};
    decoder_.gives = {kLogits};
    encoder_.others = {{"encoder", &encoder_}, {"decoder", &decoder_}};
  }

  static void add_cache(std::vector<inference::TensorSpec>& specs, const std::string& prefix,
                        bool heard) {
    specs.push_back({prefix + ".0.decoder.key", DType::f32, {-1, 1, -1, 4}});
    if (heard) specs.push_back({prefix + ".0.encoder.key", DType::f32, {-1, 1, -1, 4}});
  }

  // Three steps: a prompt of two, then two ids; the error's name, where there
  // is one.
  std::string steps() {
    auto whisper = EncoderDecoder::open(encoder_, kWhisper, options_);
    if (!whisper) return whisper.error().message;
    const auto features = Tensor::zeros(DType::f32, {1, 80, 3000}).value();
    EXPECT_TRUE(whisper->encode(features));
    const Ids prompt{5, 6}, next{1};
    for (const Ids* ids : {&prompt, &next, &next}) {
      const auto logits = whisper->step(*ids);
      if (!logits) return logits.error().message;
      EXPECT_EQ(logits->size(), 8U);
      EXPECT_EQ(logits->back(), 1.0F);
    }
    return "";
  }

  static inline const inference::TensorSpec kIds{"input_ids", DType::i64, {-1, -1}};
  static inline const inference::TensorSpec kStates{
      "encoder_hidden_states", DType::f32, {-1, -1, -1, -1}};
  static inline const inference::TensorSpec kLogits{"logits", DType::f32, {-1, -1, 8}};
  Graph encoder_, decoder_, with_past_;
  inference::RunOptions options_;
};

TEST_F(WhisperLayouts, without_a_cache_read_everything_again) {
  EXPECT_EQ(steps(), "");
  ASSERT_EQ(decoder_.calls.size(), 3U);
  EXPECT_EQ(decoder_.calls[0], "input_ids[1, 2] encoder_hidden_states[1, 1, 2, 4] -> logits");
  EXPECT_EQ(decoder_.calls[2], "input_ids[1, 4] encoder_hidden_states[1, 1, 2, 4] -> logits");
}

TEST_F(WhisperLayouts, that_are_merged_get_an_empty_cache_and_then_their_own) {
  add_cache(decoder_.takes, "past_key_values", true);
  add_cache(decoder_.gives, "present", true);
  decoder_.takes.push_back({"use_cache_branch", DType::boolean, {1}});
  EXPECT_EQ(steps(), "");
  EXPECT_EQ(decoder_.calls.at(0),
            "input_ids[1, 2] encoder_hidden_states[1, 1, 2, 4] "
            "past_key_values.0.decoder.key[1, 1, "
            "0, 4] past_key_values.0.encoder.key[1, 1, 0, 4] "
            "use_cache_branch[1] -> logits "
            "present.0.decoder.key present.0.encoder.key");
  // What was heard is kept: the cached branch does not give it again.
  EXPECT_EQ(decoder_.calls.at(2),
            "input_ids[1, 1] encoder_hidden_states[1, 1, "
            "2, 4] past_key_values.0.decoder.key[1, 1, "
            "2, 4] past_key_values.0.encoder.key[1, 1, "
            "2, 4] use_cache_branch[1] -> logits "
            "present.0.decoder.key");
}

TEST_F(WhisperLayouts, of_three_graphs_take_their_steps_in_the_third) {
  add_cache(decoder_.gives, "present", true);
  with_past_.takes = {kIds};
  add_cache(with_past_.takes, "past_key_values", true);
  with_past_.gives = {kLogits};
  add_cache(with_past_.gives, "present", false);
  encoder_.others["decoder_with_past"] = &with_past_;
  EXPECT_EQ(steps(), "");
  EXPECT_EQ(decoder_.calls.size(), 1U);
  ASSERT_EQ(with_past_.calls.size(), 2U);
  EXPECT_EQ(with_past_.calls[1],
            "input_ids[1, 1] past_key_values.0.decoder.key[1, 1, 2, 4] "
            "past_key_values.0.encoder.key[1, 1, 2, 4] -> logits "
            "present.0.decoder.key");
}

TEST_F(WhisperLayouts, that_are_none_are_told) {
  decoder_.takes.push_back({"position_ids", DType::i64, {-1, -1}});
  EXPECT_NE(steps().find("position_ids"), std::string::npos);
  decoder_.takes.back() = {"past_key_values.0.decoder.key", DType::f16, {-1, 1, -1, 4}};
  EXPECT_NE(steps().find("f16"), std::string::npos);
  decoder_.takes.pop_back();
  decoder_.gives.clear();
  EXPECT_NE(steps().find("no logits"), std::string::npos);
  encoder_.others.erase("decoder");
  EXPECT_NE(steps().find("\"decoder\""), std::string::npos);
}

TEST_F(WhisperLayouts, that_give_no_numbers_or_are_stopped_are_told) {
  std::stop_source stop;
  options_.stop = stop.get_token();
  decoder_.spoilt = true;
  EXPECT_NE(steps().find("logits"), std::string::npos);
  stop.request_stop();
  EXPECT_NE(steps().find("cancelled"), std::string::npos);
}

class WhisperOnRealWeights : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto folder = models_folder() / "whisper-tiny-en";
    const auto listing = list_directory(folder);
    if (!listing) GTEST_SKIP() << "run `tools/deps install families`: " << listing.error().message;
    const Fetcher fetcher = directory_fetcher(folder);
    const auto manifest = read_manifest(*listing, fetcher);
    ASSERT_TRUE(manifest) << manifest.error().to_string();
    EXPECT_EQ(manifest->task, "automatic-speech-recognition");
    ASSERT_EQ(manifest->variants.size(), 1U);
    EXPECT_EQ(manifest->variants[0].precision, "f32");
    auto family = find_family(manifest->task)->open(*manifest, fetcher);
    ASSERT_TRUE(family) << family.error().to_string();
    family_ = *family;
    const auto files = fetch_graphs(manifest->variants[0], fetcher);
    ASSERT_TRUE(files) << files.error().to_string();
    const auto backend = inference::make_onnxruntime_backend();
    auto session = inference::open_graphs(*backend, *files, {});
    if (!session && session.error().code == Errc::unavailable)
      GTEST_SKIP() << session.error().to_string();
    ASSERT_TRUE(session) << session.error().to_string();
    session_ = std::move(*session);
  }

  FamilyResult run(const std::vector<float>& samples, std::map<std::string, double> parameters) {
    const auto workload = family_->prepare(
        {.media_kind = "audio", .media = wav_of(samples), .parameters = std::move(parameters)});
    EXPECT_TRUE(workload) << workload.error().to_string();
    auto result = (*workload)->run(*session_, {});
    EXPECT_TRUE(result) << result.error().to_string();
    return result.value_or(FamilyResult());
  }

  std::string refusal(FamilyInput input) {
    const auto workload = family_->prepare(std::move(input));
    return workload ? "taken" : workload.error().message;
  }

  std::shared_ptr<const Family> family_;
  std::unique_ptr<inference::Session> session_;
};

TEST_F(WhisperOnRealWeights, writes_the_tokens_of_transformers_without_times) {
  const FamilyResult result = run(speech(), {{"timestamps", 0}});
  const Transcript& transcript = result.transcript.value();
  ASSERT_EQ(transcript.segments.size(), 1U);
  const Ids wanted = cases()["hf_torch"]["ids"];
  EXPECT_EQ(transcript.segments[0].tokens, Ids(wanted.begin() + 2, wanted.end() - 1));
  EXPECT_EQ(transcript.segments[0].text, cases()["hf_torch"]["text"].get<std::string>());
  EXPECT_EQ(transcript.text,
            "The quick round fox jumped over the lazy dog. "
            "Machine learning runs on every "
            "computer.");
  EXPECT_EQ(transcript.language, "en");
  EXPECT_NEAR(transcript.seconds, 8.18, 0.01);
  EXPECT_EQ(result.tokens, wanted.size() - 3);
}

TEST_F(WhisperOnRealWeights, hears_what_transformers_hears) {
  const LogMel mel(speech(), 80);
  Tensor features = Tensor::zeros(DType::f32, {1, 80, 3000}).value();
  mel.window(0, features.mutable_data<float>());
  const inference::NamedTensor given[] = {{"input_features", &features}};
  const auto states = session_->graph("encoder")->run(given, {}, {});
  ASSERT_TRUE(states) << states.error().to_string();
  const auto values = states->at(0).data<float>();
  for (std::size_t i = 0; i < 8; ++i)
    EXPECT_NEAR(values[i], cases()["hf_torch"]["encoder_first8"][i].get<double>(), 1e-4);
  double sum = 0;
  for (const float value : values) sum += static_cast<double>(value);
  EXPECT_NEAR(sum / static_cast<double>(values.size()),
              cases()["hf_torch"]["encoder_mean"].get<double>(), 1e-6);
}

TEST_F(WhisperOnRealWeights, finds_the_segments_of_whisper_over_windows) {
  for (const auto& [name, samples] :
       std::initializer_list<std::pair<const char*, std::vector<float>>>{{"segments", speech()},
                                                                         {"long", long_speech()}}) {
    const Transcript transcript = run(samples, {}).transcript.value();
    const json& wanted = cases()[name];
    ASSERT_EQ(transcript.segments.size(), wanted.size()) << name;
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      const TranscriptSegment& segment = transcript.segments[i];
      EXPECT_NEAR(segment.start, wanted[i]["start"].get<double>(), 1e-6);
      EXPECT_NEAR(segment.end, wanted[i]["end"].get<double>(), 1e-6);
      EXPECT_EQ(segment.tokens, wanted[i]["tokens"].get<Ids>());
      EXPECT_EQ(segment.text, wanted[i]["text"].get<std::string>());
      EXPECT_NEAR(segment.mean_log_probability, wanted[i]["avg_logprob"].get<double>(), 1e-3);
      EXPECT_NEAR(segment.no_speech_probability, wanted[i]["no_speech_prob"].get<double>(), 1e-3);
      EXPECT_NEAR(segment.seek, wanted[i]["seek"].get<double>() / 100, 1e-9);
    }
  }
}

TEST_F(WhisperOnRealWeights, makes_no_words_of_silence) {
  const Transcript transcript = run(std::vector<float>(40 * 16000, 0.0F), {}).transcript.value();
  EXPECT_TRUE(transcript.segments.empty());
  EXPECT_EQ(transcript.text, "");
  EXPECT_EQ(transcript.seconds, 40);
  EXPECT_EQ(run({0.25F}, {}).transcript.value().seconds, 0.01);
}

TEST_F(WhisperOnRealWeights, is_tried_on_one_window_that_has_sound) {
  std::vector<float> samples(35 * 16000, 0.0F);
  const std::vector<float> words = speech();
  samples.insert(samples.end(), words.begin(), words.end());
  const auto workload = family_->prepare({.media_kind = "audio", .media = wav_of(samples)}).value();
  const auto sample = workload->sample();
  ASSERT_NE(sample, nullptr);
  EXPECT_EQ(sample->calls, 2);
  const auto result = sample->workload->run(*session_, {});
  ASSERT_TRUE(result) << result.error().to_string();
  EXPECT_EQ(result->tokens, 16U);
  ASSERT_EQ(result->numbers.size(), 1U);
  EXPECT_EQ(result->numbers[0].size(), 51864U);
}

TEST_F(WhisperOnRealWeights, refuses_what_it_does_not_take) {
  const Bytes wav = wav_of({0.5F, 0.5F});
  EXPECT_NE(refusal({.texts = {"a"}}).find("--audio"), std::string::npos);
  EXPECT_NE(refusal({.media_kind = "audio", .media = wav, .language = "de"}).find("English"),
            std::string::npos);
  EXPECT_NE(
      refusal({.media_kind = "audio", .media = wav, .parameters = {{"beams", 5}}}).find("beams=5"),
      std::string::npos);
  EXPECT_NE(refusal({.media_kind = "audio", .media = to_bytes("GIF89a")}).find("WAV"),
            std::string::npos);
  const Bytes broken = wav_of({std::numeric_limits<float>::quiet_NaN()});
  EXPECT_NE(refusal({.media_kind = "audio", .media = broken}).find("not a finite number"),
            std::string::npos);
  EXPECT_NE(refusal({.media_kind = "audio", .media = wav_of({})}).find("no samples"),
            std::string::npos);
}

}  // namespace
}  // namespace accel::models
