// SPDX-License-Identifier: Apache-2.0
// An image out of noise in one step, by a consistency model (Song et al. 2023): the noise of a
// seed, scaled by the largest sigma, goes in; what the model takes for the image comes out. The one
// known here makes height fields (adaptive-terrain-diffusion 0.4.2), whose scale config.json tells.
#include <cmath>
#include <nlohmann/json.hpp>
#include <numbers>

#include "families.hpp"
#include "image/image.hpp"
#include "json_fields.hpp"
#include "model_files.hpp"
#include "one_graph.hpp"

namespace accel::models {
namespace {

using tensor::Tensor;

constexpr std::string_view kWhat = "config.json";
constexpr std::uint64_t kMaxSide = 1024;
constexpr std::uint64_t kMaxClasses = 10'000;
constexpr double kLevels = 65535;  // Of 16 bits.
constexpr std::string_view kClassParameter = "difficulty";

struct GeneratorConfig {
  std::uint32_t side = 0;
  std::uint64_t classes = 0;  // Of the parameter: 1 to so many.
  double sigma = 0;           // The largest: all noise.
  double height_range = 0;    // Metres of the highest level.
  double asinh_scale = 0;     // The model's numbers are asinh(height / asinh_scale), from -1 to 1.
};

// Steele et al. 2014 (SplitMix64) and Box-Muller, in double precision: the same seed gives the same
// noise everywhere, but for the last bit of a logarithm.
class Noise {
 public:
  explicit Noise(std::uint64_t seed) : state_(seed) {}

  void fill(std::span<float> out, float scale) {
    for (std::size_t i = 0; i < out.size(); i += 2) {
      const double radius = std::sqrt(-2 * std::log(unit(next()) + kStep));  // Never of 0.
      const double turn = 2 * std::numbers::pi * unit(next());
      out[i] = static_cast<float>(radius * std::cos(turn)) * scale;
      if (i + 1 < out.size()) out[i + 1] = static_cast<float>(radius * std::sin(turn)) * scale;
    }
  }

 private:
  static constexpr double kStep = 0x1p-53;
  static double unit(std::uint64_t bits) { return static_cast<double>(bits >> 11U) * kStep; }
  std::uint64_t next() {
    std::uint64_t bits = state_ += 0x9E3779B97F4A7C15U;
    bits = (bits ^ (bits >> 30U)) * 0xBF58476D1CE4E5B9U;
    bits = (bits ^ (bits >> 27U)) * 0x94D049BB133111EBU;
    return bits ^ (bits >> 31U);
  }

  std::uint64_t state_;
};

class GenerateWorkload final : public Workload {
 public:
  GenerateWorkload(const GeneratorConfig& config, Tensor noisy, Tensor sigma, Tensor label)
      : config_(config),
        noisy_(std::move(noisy)),
        sigma_(std::move(sigma)),
        label_(std::move(label)) {}

  Result<FamilyResult> run(inference::Session& session,
                           const inference::RunOptions& options) const override {
    const inference::NamedTensor given[] = {
        {"noisy", &noisy_}, {"sigma", &sigma_}, {kClassParameter, &label_}};
    if (session.outputs().empty()) return fail(Errc::unsupported, "The model has no output.");
    const std::vector<std::string> wanted{session.outputs()[0].name};
    ACCEL_TRY(const std::vector<Tensor> outputs, session.run(given, wanted, options));
    if (outputs.empty()) return fail(Errc::internal, "The engine gave no {}.", wanted[0]);
    ACCEL_TRY(const auto values,
              values_of(outputs[0], wanted[0], {1, 1, config_.side, config_.side}));
    FamilyResult result;
    result.numbers.emplace_back(values.begin(), values.end());
    ACCEL_TRY(Bytes png, encode_png(heights_of(values)));
    result.media = MadeMedia{"image/png", std::move(png)};
    return result;
  }

 private:
  GreyImage heights_of(std::span<const float> values) const {
    GreyImage image{config_.side, config_.side, {}, 16};
    const double largest = std::asinh(config_.height_range / config_.asinh_scale);
    for (const float value : values) {
      const double unit = std::clamp((static_cast<double>(value) + 1) / 2, 0.0, 1.0);
      const double height = config_.asinh_scale * std::sinh(unit * largest);
      const double level = std::clamp(height / config_.height_range, 0.0, 1.0) * kLevels;
      image.levels.push_back(static_cast<std::uint16_t>(std::lround(level)));
    }
    return image;
  }

  const GeneratorConfig& config_;
  Tensor noisy_, sigma_, label_;
};

class ImageGeneration final : public Family {
 public:
  explicit ImageGeneration(const GeneratorConfig& config) : config_(config) {}

  Result<std::unique_ptr<Workload>> prepare(FamilyInput input) const override {
    ACCEL_CHECK(expect_nothing(input));
    ACCEL_TRY(const double label, label_of(input));
    Noise noise(input.seed.value_or(0));
    ACCEL_TRY(Tensor noisy, Tensor::zeros(tensor::DType::f32, {1, 1, config_.side, config_.side}));
    noise.fill(noisy.mutable_data<float>(), static_cast<float>(config_.sigma));
    ACCEL_TRY(Tensor sigma, Tensor::of<float>({1}, {static_cast<float>(config_.sigma)}));
    ACCEL_TRY(Tensor labels, Tensor::of<float>({1}, {static_cast<float>(label)}));
    return std::make_unique<GenerateWorkload>(config_, std::move(noisy), std::move(sigma),
                                              std::move(labels));
  }

 private:
  // From 0 for the first class to 1 for the last; the middle one where none is asked for.
  Result<double> label_of(const FamilyInput& input) const {
    const auto classes = static_cast<double>(config_.classes);
    double number = std::floor(classes / 2);
    for (const auto& [name, value] : input.parameters) {
      const bool whole = value >= 1 && value <= classes && value == std::floor(value);
      if (name != kClassParameter || !whole) {
        return fail(Errc::invalid_argument,
                    "The model takes one parameter, {}, a whole number from 1 to {}; not {} = {}.",
                    kClassParameter, config_.classes, name, value);
      }
      number = value;
    }
    return (number - 1) / (classes - 1);
  }

  GeneratorConfig config_;
};

Result<double> positive_field(const nlohmann::json& config, std::string_view key) {
  const nlohmann::json* const value = find_field(config, key);
  if (value != nullptr && value->is_number() && std::isnormal(value->get<double>()) &&
      value->get<double>() > 0)
    return value->get<double>();
  return fail(Errc::corrupt, "{}: {} must be a number above 0.", kWhat, key);
}

}  // namespace

OpenedFamily open_image_generation(const ModelManifest& manifest, const Fetcher& fetcher) {
  if (manifest.family != "terrain-consistency") {
    return fail(Errc::unsupported,
                "Of models that make images of noise, terrain-consistency is implemented, and not "
                "{}.",
                manifest.family.empty() ? "one without a family" : manifest.family);
  }
  ACCEL_TRY(const nlohmann::json config, read_json_file(manifest.files, fetcher, kWhat,
                                                        "how large and how high its images are"));
  GeneratorConfig out;
  ACCEL_TRY(const auto side, count_field(config, "sample_size", kWhat));
  ACCEL_TRY(const auto classes, count_field(config, "num_classes", kWhat));
  if (!side || *side == 0 || *side > kMaxSide || !classes || *classes < 2 ||
      *classes > kMaxClasses) {
    return fail(Errc::corrupt, "{}: sample_size must be 1 to {}, num_classes 2 to {}.", kWhat,
                kMaxSide, kMaxClasses);
  }
  out.side = static_cast<std::uint32_t>(*side);
  out.classes = *classes;
  ACCEL_TRY(out.sigma, positive_field(config, "sigma_max"));
  ACCEL_TRY(out.height_range, positive_field(config, "height_range"));
  ACCEL_TRY(out.asinh_scale, positive_field(config, "asinh_scale"));
  return std::make_shared<const ImageGeneration>(out);
}

}  // namespace accel::models
