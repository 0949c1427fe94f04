// SPDX-License-Identifier: Apache-2.0
#pragma once
// From the numbers of a classifier to labels with scores, as config.json says. Private to models.
// Spec: transformers' PretrainedConfig (id2label, problem_type, function_to_apply).

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "accel/models/family.hpp"

namespace accel::models {

enum class Activation { none, softmax, sigmoid };

struct Labels {
  std::vector<std::string> names;  // Empty where the files name none: LABEL_0, LABEL_1, … then.
  Activation activation = Activation::softmax;

  // Errors: corrupt (`count` is not the number of names).
  Status check(std::size_t count) const;
  std::string name(std::size_t index) const;
};

constexpr std::size_t kMaxLabels = 100'000;

// From config.json; a model without it has neither names nor a function. Errors: corrupt (ids that
// are not 0, 1, 2, …; a function that is none of these), resource_exhausted, and the Fetcher's.
Result<Labels> read_labels(const ModelManifest& manifest, const Fetcher& fetcher);

void activate(Activation activation, std::span<float> values);
// The best `top_k` of the values, best first; equal ones in their order.
std::vector<Finding> best_of(const Labels& labels, std::span<const float> scores,
                             std::size_t top_k);

// All numbers of `values`, whatever its shape. Errors: internal (not f32; a number that is not
// finite).
Result<std::span<const float>> finite_values(const tensor::Tensor& values, std::string_view name);

}  // namespace accel::models
