// SPDX-License-Identifier: Apache-2.0
#include "vision_config.hpp"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "json_fields.hpp"
#include "model_files.hpp"

namespace accel::models {
namespace {

using nlohmann::json;
using tensor::Tensor;

constexpr std::string_view kWhat = "preprocessor_config.json";
constexpr std::uint32_t kMaxModelSide = 4096;                       // Of what a model takes.
constexpr std::uint64_t kMaxModelPixels = std::uint64_t{1} << 22U;  // 4 Mi: 48 MiB of floats.
constexpr std::size_t kChannels = 3;

struct Size {
  std::uint32_t width = 0, height = 0;
  std::optional<std::uint32_t> shortest_edge;
};

Result<std::uint32_t> side_of(const json& value, std::string_view key) {
  if (value.is_number_unsigned() && value.get<std::uint64_t>() - 1 < kMaxModelSide)
    return value.get<std::uint32_t>();
  return fail(Errc::corrupt, "{}: {} must have sides of 1 to {}.", kWhat, key, kMaxModelSide);
}

// 224, {"height": 224, "width": 224} or {"shortest_edge": 256}.
Result<std::optional<Size>> size_field(const json& config, std::string_view key) {
  const json* const value = find_field(config, key);
  if (value == nullptr) return std::optional<Size>();
  Size size;
  if (const json* const edge = find_field(*value, "shortest_edge")) {
    ACCEL_TRY(size.shortest_edge, side_of(*edge, key));
    return size;
  }
  const json* const height = value->is_object() ? find_field(*value, "height") : value;
  const json* const width = value->is_object() ? find_field(*value, "width") : value;
  if (height == nullptr || width == nullptr)
    return fail(Errc::corrupt, "{}: {} must be a number, height and width, or shortest_edge.",
                kWhat, key);
  ACCEL_TRY(size.height, side_of(*height, key));
  ACCEL_TRY(size.width, side_of(*width, key));
  return size;
}

Result<std::array<float, kChannels>> colour_field(const json& config, std::string_view key,
                                                  std::array<float, kChannels> fallback) {
  const json* const value = find_field(config, key);
  if (value == nullptr) return fallback;
  const auto number = [](const json& item) { return item.is_number(); };
  if (!value->is_array() || value->size() != kChannels || !std::ranges::all_of(*value, number))
    return fail(Errc::corrupt, "{}: {} must be three numbers.", kWhat, key);
  std::array<float, kChannels> colour{};
  for (std::size_t i = 0; i < kChannels; ++i) colour[i] = (*value)[i].get<float>();
  return colour;
}

// The numbers are Pillow's.
Result<Filter> filter_field(const json& config) {
  ACCEL_TRY(const auto number, count_field(config, "resample", kWhat));
  constexpr std::array kFilters{Filter::nearest, Filter::lanczos, Filter::bilinear, Filter::bicubic,
                                Filter::box};
  if (!number) return Filter::bilinear;
  if (*number < kFilters.size()) return kFilters[*number];
  return fail(Errc::unsupported,
              "{}: the filter {} is not implemented; nearest (0), lanczos (1), bilinear (2), "
              "bicubic (3) and box (4) are.",
              kWhat, *number);
}

Result<float> scale_field(const json& config) {
  ACCEL_TRY(const bool rescales, bool_field(config, "do_rescale", true, kWhat));
  const json* const factor = find_field(config, "rescale_factor");
  if (!rescales) return 1.0F;
  if (factor == nullptr) return 1.0F / 255;
  if (factor->is_number()) return factor->get<float>();
  return fail(Errc::corrupt, "{}: rescale_factor must be a number.", kWhat);
}

// "center_crop_fraction": 0.875, of our own: TensorFlow's EfficientNets crop before they resize.
Result<std::optional<double>> first_crop_field(const json& config) {
  const json* const value = find_field(config, "center_crop_fraction");
  if (value == nullptr) return std::optional<double>();
  const double fraction = value->is_number() ? value->get<double>() : 0;
  if (fraction > 0 && fraction <= 1) return std::optional(fraction);
  return fail(Errc::corrupt, "{}: center_crop_fraction must be above 0 and at most 1.", kWhat);
}

Status read_sizes(const json& config, VisionConfig& out) {
  ACCEL_TRY(out.first_crop, first_crop_field(config));
  ACCEL_TRY(out.resizes, bool_field(config, "do_resize", true, kWhat));
  ACCEL_TRY(const auto size, size_field(config, "size"));
  if (out.resizes && !size) return fail(Errc::corrupt, "{}: size is missing.", kWhat);
  if (size) {
    out.width = size->width;
    out.height = size->height;
    out.shortest_edge = size->shortest_edge;
  }
  ACCEL_TRY(out.crops, bool_field(config, "do_center_crop", false, kWhat));
  ACCEL_TRY(const auto crop, size_field(config, "crop_size"));
  if (!out.crops) return {};
  if (!crop || crop->shortest_edge)
    return fail(Errc::corrupt, "{}: crop_size must be a number, or height and width.", kWhat);
  out.crop_width = crop->width;
  out.crop_height = crop->height;
  return {};
}

Image middle_of(const Image& image, double fraction) {
  const std::uint32_t shorter = std::min(image.width, image.height);
  const std::uint32_t side = std::max(1U, static_cast<std::uint32_t>(fraction * shorter));
  return center_crop(image, side, side);
}

Result<Image> sized(const VisionConfig& config, const Image& whole) {
  const Image image = config.first_crop ? middle_of(whole, *config.first_crop) : whole;
  if (!config.resizes) return image;
  if (!config.shortest_edge) return resize(image, config.width, config.height, config.filter);
  const std::uint64_t edge = *config.shortest_edge;
  const std::uint64_t shorter = std::min(image.width, image.height);
  const std::uint64_t longer = edge * std::max(image.width, image.height) / shorter;
  ACCEL_CHECK(check_image_size(longer, edge));
  const auto long_side = static_cast<std::uint32_t>(longer);
  const auto short_side = static_cast<std::uint32_t>(edge);
  const bool upright = image.height >= image.width;
  return resize(image, upright ? short_side : long_side, upright ? long_side : short_side,
                config.filter);
}

}  // namespace

Result<VisionConfig> read_vision_config(const ModelManifest& manifest, const Fetcher& fetcher) {
  ACCEL_TRY(const json config, read_json_file(manifest.files, fetcher, kWhat,
                                              "how an image becomes the model's input"));
  VisionConfig out;
  ACCEL_CHECK(read_sizes(config, out));
  ACCEL_TRY(out.filter, filter_field(config));
  ACCEL_TRY(out.flips_channels, bool_field(config, "do_flip_channel_order", false, kWhat));
  ACCEL_TRY(out.rescale, scale_field(config));
  ACCEL_TRY(const bool normalizes, bool_field(config, "do_normalize", true, kWhat));
  if (!normalizes) return out;
  ACCEL_TRY(out.mean, colour_field(config, "image_mean", out.mean));
  ACCEL_TRY(out.deviation, colour_field(config, "image_std", out.deviation));
  const auto usable = [](float value) { return std::isnormal(value); };
  if (std::ranges::all_of(out.deviation, usable)) return out;
  return fail(Errc::corrupt, "{}: image_std must not hold 0.", kWhat);
}

Result<Tensor> pixels_of(const VisionConfig& config, const Image& image) {
  ACCEL_TRY(Image ready, sized(config, image));
  if (config.crops) ready = center_crop(ready, config.crop_width, config.crop_height);
  if (std::uint64_t{ready.width} * ready.height > kMaxModelPixels) {
    return fail(Errc::resource_exhausted,
                "The model would take {} x {} pixels as its files say; {} are taken at most.",
                ready.width, ready.height, kMaxModelPixels);
  }
  ACCEL_TRY(Tensor pixels, Tensor::zeros(tensor::DType::f32, {1, ready.height, ready.width, 3}));
  const auto out = pixels.mutable_data<float>();
  for (std::size_t i = 0; i < ready.rgb.size(); ++i) {
    const std::size_t channel = i % kChannels;
    const std::size_t from = config.flips_channels ? i - channel + (kChannels - 1 - channel) : i;
    out[i] = (static_cast<float>(ready.rgb[from]) * config.rescale - config.mean[channel]) /
             config.deviation[channel];
  }
  return pixels;
}

Result<Tensor> channels_first(const Tensor& pixels) {
  const std::int64_t height = pixels.shape()[1];
  const std::int64_t width = pixels.shape()[2];
  ACCEL_TRY(Tensor planes, Tensor::zeros(tensor::DType::f32, {1, 3, height, width}));
  const auto from = pixels.data<float>();
  const auto out = planes.mutable_data<float>();
  const std::size_t plane = from.size() / kChannels;
  for (std::size_t i = 0; i < from.size(); ++i)
    out[(i % kChannels) * plane + i / kChannels] = from[i];
  return planes;
}

}  // namespace accel::models
