// SPDX-License-Identifier: Apache-2.0
#include "labels.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>

#include "json_fields.hpp"
#include "model_files.hpp"
#include "pooling.hpp"

namespace accel::models {
namespace {

using nlohmann::json;

constexpr std::string_view kWhat = "config.json";

Result<std::vector<std::string>> read_names(const json& config) {
  const json* const map = find_field(config, "id2label");
  if (map == nullptr) return std::vector<std::string>();
  if (!map->is_object()) return fail(Errc::corrupt, "{}: id2label must be an object.", kWhat);
  if (map->size() > kMaxLabels) {
    return fail(Errc::resource_exhausted, "{}: id2label has {} labels; {} are read at most.", kWhat,
                map->size(), kMaxLabels);
  }
  std::vector<std::string> names(map->size());
  std::vector<bool> seen(map->size());
  for (const auto& [key, value] : map->items()) {
    std::size_t id = names.size();
    const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), id);
    const bool whole = error == std::errc() && end == key.data() + key.size();
    if (!whole || id >= names.size() || seen[id] || !value.is_string()) {
      return fail(Errc::corrupt, "{}: id2label must name each of 0 to {} once.", kWhat,
                  names.size() - 1);
    }
    seen[id] = true;
    names[id] = value.get<std::string>();
  }
  return names;
}

Result<Activation> read_activation(const json& config, std::size_t names) {
  ACCEL_TRY(const std::string function, text_field(config, "function_to_apply", "", kWhat));
  ACCEL_TRY(const std::string problem, text_field(config, "problem_type", "", kWhat));
  if (function == "none") return Activation::none;
  if (function == "softmax") return Activation::softmax;
  if (function == "sigmoid") return Activation::sigmoid;
  if (!function.empty()) {
    return fail(Errc::corrupt, "{}: function_to_apply must be none, softmax or sigmoid.", kWhat);
  }
  if (problem == "regression") return Activation::none;
  const bool each = problem == "multi_label_classification" || names == 1;
  return each ? Activation::sigmoid : Activation::softmax;
}

}  // namespace

Status Labels::check(std::size_t count) const {
  if (count == 0) return fail(Errc::corrupt, "The model gives no scores: an axis of them is 0.");
  if (names.empty() || names.size() == count) return {};
  return fail(Errc::corrupt, "The model gives {} scores, but its files name {} labels.", count,
              names.size());
}

std::string Labels::name(std::size_t index) const {
  return index < names.size() ? names[index] : fmt::format("LABEL_{}", index);
}

Result<Labels> read_labels(const ModelManifest& manifest, const Fetcher& fetcher) {
  Labels labels;
  if (manifest.find(kWhat) == nullptr) return labels;
  ACCEL_TRY(const json config, read_json_file(manifest.files, fetcher, kWhat, "its labels"));
  ACCEL_TRY(labels.names, read_names(config));
  ACCEL_TRY(labels.activation, read_activation(config, labels.names.size()));
  return labels;
}

void activate(Activation activation, std::span<float> values) {
  if (activation == Activation::none || values.empty()) return;
  if (activation == Activation::sigmoid) {
    for (float& value : values) value = 1.0F / (1.0F + std::exp(-value));
    return;
  }
  const float largest = *std::ranges::max_element(values);
  float sum = 0;
  for (float& value : values) sum += value = std::exp(value - largest);
  for (float& value : values) value /= sum;
}

std::vector<Finding> best_of(const Labels& labels, std::span<const float> scores,
                             std::size_t top_k) {
  std::vector<std::size_t> order(scores.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  const std::size_t count = std::min(top_k, order.size());
  const auto better = [&](std::size_t a, std::size_t b) {
    return scores[a] != scores[b] ? scores[a] > scores[b] : a < b;
  };
  std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(count), order.end(),
                    better);
  std::vector<Finding> findings;
  for (std::size_t i = 0; i < count; ++i)
    findings.push_back({.score = scores[order[i]], .label = labels.name(order[i])});
  return findings;
}

Result<std::span<const float>> finite_values(const tensor::Tensor& values, std::string_view name) {
  if (values.dtype() != tensor::DType::f32)
    return fail(Errc::internal, "The engine's {} is not of float32.", name);
  const auto numbers = values.data<float>();
  if (is_finite(numbers)) return numbers;
  return fail(Errc::internal, "The engine's {} holds a number that is not finite.", name);
}

}  // namespace accel::models
