// SPDX-License-Identifier: Apache-2.0
// Whisper: a recording in windows of 30 s, each written token by token, the likeliest first; where
// a window's last full segment ends, the next begins. Spec: whisper/transcribe.py at temperature 0,
// without the text before as a prompt.
#include <algorithm>
#include <cmath>
#include <limits>

#include "accel/core/file.hpp"
#include "accel/models/tokenizer.hpp"
#include "audio/request_audio.hpp"
#include "encoder_decoder.hpp"
#include "families.hpp"
#include "model_files.hpp"
#include "speech/log_mel.hpp"
#include "speech/whisper_rules.hpp"

namespace accel::models {
namespace {

using tensor::DType;
using tensor::Tensor;

constexpr std::size_t kSampleTokens = 16;  // Enough to weigh the decoder beside the encoder.
constexpr std::string_view kEnglish = "en";
constexpr EncoderDecoder::Kind kWhisper{"Whisper", "input_features", DType::f32};

struct WhisperModel {
  WhisperConfig config;
  ByteLevelWords words;
};

struct Wish {
  std::string language;  // Empty: the model hears it.
  bool timestamps = true;
};

// What one window became.
struct Written {
  std::vector<std::int32_t> tokens;  // Without <|endoftext|>.
  double log_probability = 0;        // The sum over tokens and the end.
  double no_speech = 0;

  double mean() const { return log_probability / static_cast<double>(tokens.size() + 1); }
};

// One run of one session over a recording.
class Transcription {
 public:
  Transcription(const WhisperModel& model, const LogMel& sound, Wish wish, std::size_t most_tokens)
      : model_(model),
        config_(model.config),
        sound_(sound),
        wish_(std::move(wish)),
        most_tokens_(most_tokens) {}

  // `all`: every window, else the first one with sound alone.
  Result<FamilyResult> run(inference::Session& session, const inference::RunOptions& options,
                           bool all) {
    ACCEL_TRY(EncoderDecoder whisper, EncoderDecoder::open(session, kWhisper, options));
    const auto frames = static_cast<std::int64_t>(kWhisperFrames);
    ACCEL_TRY(features_,
              Tensor::zeros(DType::f32, {1, static_cast<std::int64_t>(sound_.mels()), frames}));
    for (std::size_t at = 0; at < sound_.frames();) {
      const std::size_t left = std::min(kWhisperFrames, sound_.frames() - at);
      ACCEL_TRY(const std::size_t step, window(whisper, at, left));
      at += step;
      if (!all && !result_.numbers.empty()) break;
    }
    return finish();
  }

 private:
  // How many frames on the next window begins.
  Result<std::size_t> window(EncoderDecoder& whisper, std::size_t at, std::size_t left) {
    // Of digital silence Whisper makes words up; there is nothing to hear.
    if (sound_.silent(at, left)) return left;
    sound_.window(at, features_.mutable_data<float>());
    ACCEL_CHECK(whisper.encode(features_));
    ACCEL_CHECK(hear_language(whisper));
    ACCEL_TRY(const Written written, write(whisper));
    result_.tokens += written.tokens.size();
    if (is_no_speech(written.no_speech, written.mean())) return left;
    const WindowCut cut = cut_window(config_, written.tokens, left);
    for (const WindowSegment& segment : cut.segments) add(segment, written, at);
    return cut.frames;
  }

  // The likeliest language of the first window that has sound.
  Status hear_language(EncoderDecoder& whisper) {
    if (!language_.empty()) return {};
    language_ = wish_.language;
    if (language_.empty() && !config_.multilingual) language_ = kEnglish;
    if (!language_.empty() || config_.languages.empty()) return {};
    const std::int32_t start[] = {config_.start};
    ACCEL_TRY(const auto logits, whisper.step(start));
    float most = -std::numeric_limits<float>::infinity();
    for (const auto& [name, id] : config_.languages) {
      const auto place = static_cast<std::size_t>(id);
      if (place >= logits.size() || logits[place] <= most) continue;
      most = logits[place];
      language_ = name;
    }
    return whisper.encode(features_);  // Begins anew; once in a recording.
  }

  Result<Written> write(EncoderDecoder& whisper) {
    Written written;
    std::vector<std::int32_t> next = config_.prompt(language_, wish_.timestamps);
    const std::size_t most = std::min(most_tokens_, config_.places - next.size());
    std::vector<float> logits;
    while (written.tokens.size() < most) {
      ACCEL_TRY(const auto given, whisper.step(next));
      if (written.tokens.empty()) {
        if (config_.no_speech)
          written.no_speech = probability_of(whisper.first_logits(), *config_.no_speech);
        keep_numbers(given);
      }
      logits.assign(given.begin(), given.end());
      apply_whisper_rules(config_, written.tokens, wish_.timestamps, logits);
      const auto token = likeliest(logits);
      if (!token) break;
      written.log_probability += token->log_probability;
      if (token->id == config_.end) break;
      written.tokens.push_back(token->id);
      next = {token->id};
    }
    return written;
  }

  // Of the first window's first token, as probabilities: what engines are compared by.
  void keep_numbers(std::span<const float> logits) {
    if (!result_.numbers.empty()) return;
    const float most = *std::ranges::max_element(logits);
    std::vector<float>& numbers = result_.numbers.emplace_back(logits.begin(), logits.end());
    double sum = 0;
    for (float& value : numbers) sum += static_cast<double>(value = std::exp(value - most));
    for (float& value : numbers) value = static_cast<float>(static_cast<double>(value) / sum);
  }

  void add(const WindowSegment& segment, const Written& written, std::size_t at) {
    const double seek = seconds_of(at);
    const double whole = seconds_of(sound_.frames());
    TranscriptSegment row;
    row.text = model_.words.text(segment.tokens);
    const bool blank = row.text.find_first_not_of(" \t\n\r") == row.text.npos;
    row.start = std::min(seek + segment.start, whole);
    row.end = std::min(seek + segment.end, whole);
    if (blank || row.start >= row.end) return;
    row.tokens = segment.tokens;
    row.seek = seek;
    row.mean_log_probability = written.mean();
    row.no_speech_probability = written.no_speech;
    row.compression_ratio = compression_ratio(model_.words.bytes(written.tokens));
    transcript_.text += row.text;
    transcript_.segments.push_back(std::move(row));
  }

  static double seconds_of(std::size_t frames) {
    return static_cast<double>(frames * kWhisperHop) / kWhisperRate;
  }

  FamilyResult finish() {
    std::string& text = transcript_.text;
    text.erase(0, text.find_first_not_of(' '));
    transcript_.language = language_.empty() ? wish_.language : language_;
    transcript_.seconds = seconds_of(sound_.frames());
    result_.transcript = std::move(transcript_);
    return std::move(result_);
  }

  const WhisperModel& model_;
  const WhisperConfig& config_;
  const LogMel& sound_;
  const Wish wish_;
  const std::size_t most_tokens_;
  std::string language_;
  Tensor features_;
  Transcript transcript_;
  FamilyResult result_;
};

class SpeechWorkload final : public Workload {
 public:
  // Owners of the sound: this and its sample.
  SpeechWorkload(const WhisperModel& model, std::shared_ptr<const LogMel> sound, Wish wish,
                 bool whole)
      : model_(model), sound_(std::move(sound)), wish_(std::move(wish)), whole_(whole) {}

  Result<FamilyResult> run(inference::Session& session,
                           const inference::RunOptions& options) const override {
    const std::size_t most = whole_ ? model_.config.places / 2 : kSampleTokens;
    return Transcription(model_, *sound_, wish_, most).run(session, options, whole_);
  }

  // One window and its first tokens.
  std::unique_ptr<Sample> sample() const override {
    auto part = std::make_unique<SpeechWorkload>(model_, sound_, wish_, false);
    return std::make_unique<Sample>(
        Sample{std::move(part), std::ceil(static_cast<double>(sound_->frames()) / kWhisperFrames)});
  }

 private:
  const WhisperModel& model_;
  std::shared_ptr<const LogMel> sound_;
  const Wish wish_;
  const bool whole_;
};

class SpeechRecognition final : public Family {
 public:
  explicit SpeechRecognition(WhisperModel model) : model_(std::move(model)) {}

  Result<std::unique_ptr<Workload>> prepare(FamilyInput input) const override {
    ACCEL_CHECK(expect_media(input, "audio"));
    ACCEL_CHECK(expect_no_seed(input));
    ACCEL_TRY(Wish wish, wish_of(input));
    constexpr std::uint32_t kRates[] = {kWhisperRate};
    ACCEL_TRY(const Audio audio, request_audio(input.media, kRates));
    input.media = {};
    auto sound = std::make_shared<const LogMel>(audio.samples, model_.config.mels);
    return std::make_unique<SpeechWorkload>(model_, std::move(sound), std::move(wish), true);
  }

 private:
  Result<Wish> wish_of(const FamilyInput& input) const {
    Wish wish{.language = input.language};
    const WhisperConfig& config = model_.config;
    const bool known =
        wish.language.empty() || (config.multilingual ? config.languages.contains(wish.language)
                                                      : wish.language == kEnglish);
    if (!known) {
      return fail(Errc::invalid_argument, "The model does not know the language '{}'; {}.",
                  wish.language,
                  config.multilingual ? "it wants a code of two letters, such as en or de"
                                      : "it hears English (en) alone");
    }
    for (const auto& [name, value] : input.parameters) {
      if (name != "timestamps" || (value != 0 && value != 1)) {
        return fail(Errc::invalid_argument,
                    "A recording takes the parameter timestamps, 0 or 1, and not {}={}.", name,
                    value);
      }
      wish.timestamps = value == 1;
    }
    return wish;
  }

  WhisperModel model_;
};

Result<ByteLevelWords> read_words(const ModelManifest& manifest, const Fetcher& fetcher) {
  constexpr std::string_view kTokenizer = "tokenizer.json";
  if (manifest.find(kTokenizer) == nullptr)
    return fail(Errc::not_found, "The model has no {}, which says what its tokens spell.",
                kTokenizer);
  ACCEL_TRY(const std::filesystem::path local, fetcher(kTokenizer));
  ACCEL_TRY(const std::string text, read_text_file(local, kMaxTokenizerBytes));
  return ByteLevelWords::read(text, kTokenizer);
}

}  // namespace

OpenedFamily open_speech_recognition(const ModelManifest& manifest, const Fetcher& fetcher) {
  if (manifest.family != "whisper") {
    return fail(Errc::unsupported,
                "Speech recognition by {} is not implemented here; Whisper is (model_type "
                "whisper).",
                manifest.family.empty() ? "a model of no named family" : manifest.family);
  }
  ACCEL_TRY(ByteLevelWords words, read_words(manifest, fetcher));
  ACCEL_TRY(WhisperConfig config, read_whisper_config(manifest, fetcher, words));
  return std::make_shared<const SpeechRecognition>(
      WhisperModel{std::move(config), std::move(words)});
}

}  // namespace accel::models
