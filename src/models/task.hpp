// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a model is for, from the words of its configuration. Private to models; pure functions.

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "accel/core/result.hpp"

namespace accel::models {

struct TaskAndFamily {
  std::string task;    // Empty where the files do not say.
  std::string family;  // model_type; empty where config.json has none.
};

// `config` is config.json; `modules` is modules.json or null. A modules.json with a Pooling module
// makes any encoder a sentence encoder; else the name of the architecture decides.
// Errors: corrupt (a member of the wrong type).
Result<TaskAndFamily> infer_task(const nlohmann::json& config, const nlohmann::json& modules);

// Of a model without config.json: what the names of its graph's inputs tell of it; empty where they
// tell nothing.
TaskAndFamily infer_task_of_graph(const std::vector<std::string>& inputs);

}  // namespace accel::models
