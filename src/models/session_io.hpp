// SPDX-License-Identifier: Apache-2.0
#pragma once
// Which inputs and outputs of a session a sentence encoder uses. Private to models; pure functions.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "accel/inference/session.hpp"

namespace accel::models {

enum class TextInput { input_ids, attention_mask, token_type_ids };

struct SessionPlan {
  struct Input {
    std::string name;
    TextInput kind;
    tensor::DType dtype;  // i64 or i32.
  };
  std::vector<Input> inputs;
  std::string output;  // float32[batch, sequence, hidden]
  // Set where the model was exported for one size only.
  std::optional<std::size_t> batch;
  std::optional<std::size_t> sequence;
};

// The inputs alone; `output` stays empty. Errors: unsupported (as below).
Result<SessionPlan> plan_text_inputs(const inference::Session& session);
// Errors: unsupported (an input that is none of these or has another type, input_ids missing, no
// output float32[batch, sequence, hidden]; named).
Result<SessionPlan> plan_text_encoder(const inference::Session& session);

}  // namespace accel::models
