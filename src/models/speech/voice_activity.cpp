// SPDX-License-Identifier: Apache-2.0
// Silero VAD: a recording in windows, each with the end of the one before, and a state that goes
// from run to run. Spec: silero-vad 6 (OnnxWrapper), window 512 samples at 16 kHz, 256 at 8 kHz.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "audio/request_audio.hpp"
#include "families.hpp"
#include "labels.hpp"
#include "speech/speech_segments.hpp"

namespace accel::models {
namespace {

using tensor::DType;
using tensor::Tensor;

constexpr std::uint32_t kFullRate = 16'000, kHalfRate = 8'000;
constexpr std::size_t kSampleWindows = 64;  // Two seconds.
constexpr std::int64_t kStateRows = 2, kStateWidth = 128;

struct Windows {
  std::size_t window, context;
};
constexpr Windows windows_at(std::uint32_t rate) {
  return rate == kFullRate ? Windows{512, 64} : Windows{256, 32};
}

Status check_session(const inference::Session& session) {
  const auto has = [](const std::vector<inference::TensorSpec>& specs, std::string_view name) {
    return std::ranges::find(specs, name, &inference::TensorSpec::name) != specs.end();
  };
  const bool fits = has(session.inputs(), "input") && has(session.inputs(), "state") &&
                    has(session.inputs(), "sr") && has(session.outputs(), "output") &&
                    has(session.outputs(), "stateN");
  if (fits) return {};
  return fail(Errc::unsupported,
              "The model is no Silero VAD: that has the inputs input, state and sr, and the "
              "outputs output and stateN.");
}

class VoiceWorkload final : public Workload {
 public:
  explicit VoiceWorkload(Audio audio)
      : audio_(std::move(audio)), windows_(windows_at(audio_.sample_rate)) {}

  Result<FamilyResult> run(inference::Session& session,
                           const inference::RunOptions& options) const override {
    ACCEL_CHECK(check_session(session));
    ACCEL_TRY(std::vector<float> probabilities, probabilities_of(session, options));
    FamilyResult result;
    std::vector<Finding>& findings = result.rows.emplace_back();
    const double rate = audio_.sample_rate;
    for (const SpeechSegment& segment : speech_segments(
             probabilities, windows_.window, audio_.samples.size(), audio_.sample_rate)) {
      findings.push_back({.score = segment.probability,
                          .label = "speech",
                          .seconds = {{static_cast<double>(segment.begin) / rate,
                                       static_cast<double>(segment.end) / rate}}});
    }
    result.numbers.push_back(std::move(probabilities));
    return result;
  }
  std::unique_ptr<Sample> sample() const override {
    const std::size_t kept = kSampleWindows * windows_.window;
    if (audio_.samples.size() <= kept) return nullptr;
    const auto end = audio_.samples.begin() + static_cast<std::ptrdiff_t>(kept);
    Audio part{audio_.sample_rate, audio_.channels, {audio_.samples.begin(), end}};
    const double calls = static_cast<double>(length()) / kSampleWindows;
    return std::make_unique<Sample>(
        Sample{std::make_unique<VoiceWorkload>(std::move(part)), calls});
  }
  std::uint64_t length() const override {
    return (audio_.samples.size() + windows_.window - 1) / windows_.window;
  }

 private:
  Result<std::vector<float>> probabilities_of(inference::Session& session,
                                              const inference::RunOptions& options) const {
    const std::size_t width = windows_.context + windows_.window;
    ACCEL_TRY(Tensor input, Tensor::zeros(DType::f32, {1, static_cast<std::int64_t>(width)}));
    ACCEL_TRY(Tensor state, Tensor::zeros(DType::f32, {kStateRows, 1, kStateWidth}));
    ACCEL_TRY(const Tensor rate, Tensor::of<std::int64_t>({}, {audio_.sample_rate}));
    const std::vector<std::string> wanted{"output", "stateN"};
    std::vector<float> probabilities;
    for (std::size_t at = 0; at < audio_.samples.size(); at += windows_.window) {
      if (options.stop.stop_requested()) return fail(Errc::cancelled, "The run was cancelled.");
      fill(input.mutable_data<float>(), at);
      const inference::NamedTensor given[] = {{"input", &input}, {"state", &state}, {"sr", &rate}};
      ACCEL_TRY(std::vector<Tensor> outputs, session.run(given, wanted, options));
      ACCEL_TRY(const auto values, finite_values(outputs.at(0), wanted[0]));
      if (values.size() != 1 || outputs.at(1).shape() != state.shape())
        return fail(Errc::unsupported, "The model's outputs are not those of Silero VAD.");
      probabilities.push_back(values[0]);
      state = std::move(outputs[1]);
    }
    return probabilities;
  }

  // The window at `at` with what stood before it; zeros before the start and after the end.
  void fill(std::span<float> input, std::size_t at) const {
    std::ranges::fill(input, 0.0F);
    const std::size_t before = std::min(at, windows_.context);
    const std::size_t end = std::min(at + windows_.window, audio_.samples.size());
    std::copy_n(audio_.samples.begin() + static_cast<std::ptrdiff_t>(at - before),
                before + end - at,
                input.begin() + static_cast<std::ptrdiff_t>(windows_.context - before));
  }

  Audio audio_;
  Windows windows_;
};

class VoiceActivity final : public Family {
 public:
  Result<std::unique_ptr<Workload>> prepare(FamilyInput input) const override {
    ACCEL_CHECK(expect_media(input, "audio"));
    ACCEL_CHECK(expect_no_draw(input));
    constexpr std::uint32_t kRates[] = {kFullRate, kHalfRate};
    ACCEL_TRY(Audio audio, request_audio(input.media, kRates));
    return std::make_unique<VoiceWorkload>(std::move(audio));
  }
};

}  // namespace

OpenedFamily open_voice_activity(const ModelManifest&, const Fetcher&) {
  return std::make_shared<const VoiceActivity>();
}

}  // namespace accel::models
