// SPDX-License-Identifier: Apache-2.0
#include "speech/log_mel.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <complex>
#include <kissfft/kissfft.hh>
#include <numbers>

namespace accel::models {
namespace {

constexpr std::size_t kBins = kWhisperFft / 2 + 1;
constexpr double kLeastPower = 1e-10;
constexpr float kLeastLog = -10.0F;  // log10 of it.
constexpr float kRange = 8.0F;       // What is softer than this below the loudest is cut.

// Slaney's mel scale: linear to 1000 Hz, then logarithmic (librosa.hz_to_mel, htk=False).
constexpr double kLinearStep = 200.0 / 3, kLogFromHz = 1000.0, kLogFromMel = 15.0;
const double kLogStep = std::log(6.4) / 27.0;

double hz_to_mel(double hz) {
  return hz < kLogFromHz ? hz / kLinearStep : kLogFromMel + std::log(hz / kLogFromHz) / kLogStep;
}
double mel_to_hz(double mel) {
  return mel < kLogFromMel ? mel * kLinearStep
                           : kLogFromHz * std::exp(kLogStep * (mel - kLogFromMel));
}

std::array<double, kWhisperFft> hann_window() {
  std::array<double, kWhisperFft> window{};
  for (std::size_t i = 0; i < window.size(); ++i) {
    window[i] = 0.5 - 0.5 * std::cos(2 * std::numbers::pi * static_cast<double>(i) / kWhisperFft);
  }
  return window;
}

// One frame after another; not thread-safe, made for one recording.
class Spectrum {
 public:
  explicit Spectrum(std::span<const float> samples) : samples_(samples) {}

  // Power of each bin of the frame whose middle is sample `frame * kWhisperHop`.
  const std::array<double, kBins>& power(std::size_t frame) {
    const auto start = static_cast<std::ptrdiff_t>(frame * kWhisperHop) -
                       static_cast<std::ptrdiff_t>(kWhisperFft / 2);
    for (std::size_t i = 0; i < kWhisperFft; ++i)
      frame_[i] = window_[i] * sample(start + static_cast<std::ptrdiff_t>(i));
    fft_.transform_real(frame_.data(), bins_.data());
    power_[0] = bins_[0].real() * bins_[0].real();
    power_[kBins - 1] = bins_[0].imag() * bins_[0].imag();  // The highest is packed with the first.
    for (std::size_t i = 1; i < kBins - 1; ++i) power_[i] = std::norm(bins_[i]);
    return power_;
  }

 private:
  // Mirrored before the start, zero after the end.
  double sample(std::ptrdiff_t at) const {
    const auto index = static_cast<std::size_t>(std::abs(at));
    return index < samples_.size() ? static_cast<double>(samples_[index]) : 0.0;
  }

  std::span<const float> samples_;
  kissfft<double> fft_{kWhisperFft / 2, false};
  const std::array<double, kWhisperFft> window_ = hann_window();
  std::array<double, kWhisperFft> frame_{};
  std::array<std::complex<double>, kBins> bins_{};
  std::array<double, kBins> power_{};
};

float log_of(const MelFilter& filter, const std::array<double, kBins>& power) {
  double sum = 0;
  for (std::size_t i = 0; i < filter.weights.size(); ++i)
    sum += filter.weights[i] * power[filter.first + i];
  return static_cast<float>(std::log10(std::max(sum, kLeastPower)));
}

}  // namespace

std::vector<MelFilter> mel_filters(std::size_t count) {
  std::vector<double> edges(count + 2);
  const double top = hz_to_mel(kWhisperRate / 2.0);
  for (std::size_t i = 0; i < edges.size(); ++i)
    edges[i] = mel_to_hz(top * static_cast<double>(i) / static_cast<double>(count + 1));
  std::vector<MelFilter> filters(count);
  for (std::size_t mel = 0; mel < count; ++mel) {
    const double low = edges[mel], middle = edges[mel + 1], high = edges[mel + 2];
    for (std::size_t bin = 0; bin < kBins; ++bin) {
      const double hz = static_cast<double>(bin) * kWhisperRate / kWhisperFft;
      const double weight = std::min((hz - low) / (middle - low), (high - hz) / (high - middle));
      if (weight <= 0) continue;
      if (filters[mel].weights.empty()) filters[mel].first = bin;
      filters[mel].weights.push_back(weight * 2 / (high - low));
    }
  }
  return filters;
}

LogMel::LogMel(std::span<const float> samples, std::size_t mels)
    : mels_(mels),
      frames_(samples.empty() ? 0 : std::max<std::size_t>(1, samples.size() / kWhisperHop)) {
  // Frames behind the last that touches a sample are silence: value() says so.
  const std::size_t touched =
      samples.empty() ? 0 : (samples.size() + kWhisperFft / 2 - 1) / kWhisperHop + 1;
  values_.reserve(touched * mels_);
  const std::vector<MelFilter> filters = mel_filters(mels_);
  Spectrum spectrum(samples);
  for (std::size_t frame = 0; frame < touched; ++frame) {
    const auto& power = spectrum.power(frame);
    for (const MelFilter& filter : filters) values_.push_back(log_of(filter, power));
  }
  const auto loudest = std::ranges::max_element(values_);
  floor_ = (loudest == values_.end() ? kLeastLog : *loudest) - kRange;
}

float LogMel::value(std::size_t frame, std::size_t mel) const {
  const std::size_t at = frame * mels_ + mel;
  return at < values_.size() ? values_[at] : kLeastLog;
}

bool LogMel::silent(std::size_t first, std::size_t count) const {
  const std::size_t begin = std::min(first * mels_, values_.size());
  const std::size_t end = std::min((first + count) * mels_, values_.size());
  return std::all_of(values_.begin() + static_cast<std::ptrdiff_t>(begin),
                     values_.begin() + static_cast<std::ptrdiff_t>(end),
                     [](float value) { return value <= kLeastLog; });
}

void LogMel::window(std::size_t first, std::span<float> out) const {
  for (std::size_t mel = 0; mel < mels_; ++mel) {
    for (std::size_t i = 0; i < kWhisperFrames; ++i) {
      out[mel * kWhisperFrames + i] = (std::max(value(first + i, mel), floor_) + 4.0F) / 4.0F;
    }
  }
}

}  // namespace accel::models
