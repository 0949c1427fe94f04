// SPDX-License-Identifier: Apache-2.0
#include "session_io.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace accel::models {
namespace {

using inference::TensorSpec;

constexpr std::pair<std::string_view, TextInput> kInputs[] = {
    {"input_ids", TextInput::input_ids},
    {"attention_mask", TextInput::attention_mask},
    {"token_type_ids", TextInput::token_type_ids}};
// What exporters call the vectors of the last layer, best known first.
constexpr std::array<std::string_view, 3> kOutputs{"last_hidden_state", "output_0",
                                                   "token_embeddings"};

std::optional<TextInput> input_kind(std::string_view name) {
  for (const auto& [known, kind] : kInputs) {
    if (known == name) return kind;
  }
  return std::nullopt;
}

Status add_input(const TensorSpec& spec, SessionPlan& plan) {
  const auto kind = input_kind(spec.name);
  const bool integer = spec.dtype == tensor::DType::i64 || spec.dtype == tensor::DType::i32;
  if (!kind || !integer || (spec.rank_known && spec.dims.size() != 2)) {
    return fail(Errc::unsupported,
                "The model wants {}, which no encoder of texts here gives: they take input_ids, "
                "attention_mask and token_type_ids, integers of shape [batch, sequence].",
                to_string(spec));
  }
  plan.inputs.push_back({spec.name, *kind, spec.dtype});
  if (spec.rank_known && spec.dims[0] > 0) plan.batch = static_cast<std::size_t>(spec.dims[0]);
  if (spec.rank_known && spec.dims[1] > 0) plan.sequence = static_cast<std::size_t>(spec.dims[1]);
  return {};
}

bool gives_token_vectors(const TensorSpec& spec) {
  return spec.dtype == tensor::DType::f32 && spec.rank_known && spec.dims.size() == 3;
}

const TensorSpec* find_output(const std::vector<TensorSpec>& outputs) {
  for (const std::string_view name : kOutputs) {
    for (const TensorSpec& spec : outputs) {
      const bool fits = spec.dtype == tensor::DType::f32 && !spec.rank_known;
      if (spec.name == name && (fits || gives_token_vectors(spec))) return &spec;
    }
  }
  const auto first = std::find_if(outputs.begin(), outputs.end(), gives_token_vectors);
  return first == outputs.end() ? nullptr : &*first;
}

}  // namespace

Result<SessionPlan> plan_text_inputs(const inference::Session& session) {
  SessionPlan plan;
  for (const TensorSpec& spec : session.inputs()) ACCEL_CHECK(add_input(spec, plan));
  const bool has_ids = std::any_of(plan.inputs.begin(), plan.inputs.end(), [](const auto& input) {
    return input.kind == TextInput::input_ids;
  });
  if (!has_ids) {
    return fail(Errc::unsupported, "The model has no input input_ids: it is no encoder of texts.");
  }
  return plan;
}

Result<SessionPlan> plan_text_encoder(const inference::Session& session) {
  ACCEL_TRY(SessionPlan plan, plan_text_inputs(session));
  const TensorSpec* output = find_output(session.outputs());
  if (output == nullptr) {
    return fail(Errc::unsupported,
                "The model has no output float32[batch, sequence, hidden] (last_hidden_state): it "
                "is no sentence encoder.");
  }
  plan.output = output->name;
  return plan;
}

}  // namespace accel::models
