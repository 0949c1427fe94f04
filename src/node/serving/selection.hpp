// SPDX-License-Identifier: Apache-2.0
#pragma once
// Which engine, device, precision and thread count runs a model here: measured the first time,
// remembered under (weights, task, shape bucket, policy, machine), explained on request. Never a
// table of priorities. Used by run methods.

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "accel/inference/graph_set.hpp"
#include "accel/inference/model_pool.hpp"
#include "accel/inference/session.hpp"
#include "accel/perf/candidate.hpp"
#include "context.hpp"
#include "machine.hpp"
#include "serving/model_store.hpp"

namespace accel::node {

using Vectors = std::vector<std::vector<float>>;

// What a trial calls: the user's own request, made ready once. What is measured is what will run.
struct MeasuredWork {
  std::function<Result<Vectors>(inference::Session&, const inference::RunOptions&)> run;
  std::uint64_t rows = 1, length = 1;  // Its shape, which choices are remembered under.
  double calls = 1;                    // Of it, that the whole request amounts to.
};

struct SelectionRequest {
  const models::Variant* variant = nullptr;  // Outlives the call.
  inference::GraphFiles files;
  std::string weights_sha256;
  std::string task;
  perf::Policy policy;
  bool remeasure = false;
  // The CPU instead of a device that failed: what was measured beside that one will do, so that
  // nobody waits for a measuring meanwhile.
  bool falls_back = false;
  const MeasuredWork* work = nullptr;    // Outlives the call.
  inference::ModelPool* pool = nullptr;  // Has the room that trials take; outlives the call.
};

struct Selected {
  perf::Candidate candidate;
  std::string key;          // Of the remembered choice, 64 hex digits.
  double median_ms = 0;     // As measured; 0 when there was only one candidate.
  double calls = 1;         // Of what was measured, that this request amounts to.
  bool remembered = false;  // Taken from an earlier measurement.
  nlohmann::json explanation;
};

// Errors: unavailable (no engine is installed: names the package), unsupported (the policy leaves
// no candidate: says why each fell), and what the candidates failed with when all failed;
// cancelled.
Result<Selected> select_candidate(Context& context, const SelectionRequest& request);
// Lets go of a remembered choice, so that the next run measures again.
void forget_choice(Services& services, const std::string& key);

// What opening takes at its peak, by the bytes of the weights: OpenVINO holds what it read beside
// what it makes of it (VmHWM: 2.4 times MiniLM's 91 MB), ONNX Runtime maps the stored file.
std::uint64_t opening_bytes(const perf::Candidate& candidate, std::uint64_t weights);

inference::SessionOptions session_options(const perf::Candidate& candidate);

}  // namespace accel::node
