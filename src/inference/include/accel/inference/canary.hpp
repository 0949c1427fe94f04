// SPDX-License-Identifier: Apache-2.0
#pragma once
// The canary: a tiny model with a known answer. A platform counts as available only when the canary
// ran on a device of it and agreed with the CPU reference computed here, in plain C++. Used by node
// (hardware detect, doctor) and by tests. Threads: plain functions. The model is relu(x · W + b),
// float32[4, 16] -> float32[4, 8], ONNX opset 13: of fixed shape, for accelerators that want that.

#include <map>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "accel/core/bytes.hpp"
#include "accel/hardware/platform.hpp"
#include "accel/inference/backend.hpp"

namespace accel::inference {

constexpr std::int64_t kCanaryBatch = 4;
constexpr std::int64_t kCanaryInputs = 16;
constexpr std::int64_t kCanaryOutputs = 8;
// Weights and inputs are small multiples of 1/16, so f32 is exact in any order of summation; a
// device that computes in half precision stays within this bound.
constexpr float kCanaryTolerance = 2e-2F;

// The ONNX file's bytes; the same on every call. A batch of -1 leaves it dynamic, for tests.
Bytes canary_model(std::int64_t batch = kCanaryBatch);
// A fixed input float32[batch, 16] and the answer float32[batch, 8].
tensor::Tensor canary_input(std::int64_t batch);
tensor::Tensor canary_answer(std::int64_t batch);

struct CanaryResult {
  std::string engine;
  std::string version;
  EngineDevice device;
  double max_error = 0;  // Largest absolute difference from the reference.
  double open_ms = 0;    // Opening the session; measured.
  double run_ms = 0;     // The second call; measured.
};

// Opens and runs the canary on one device. Errors: corrupt when the device's answer is wrong; as
// Backend::open and Session::run.
Result<CanaryResult> run_canary(Backend& backend, const EngineDevice& device,
                                std::stop_token stop = {});

// Runs the canary for every platform of `reports` that some backend offers a device for, and sets
// its canary probe: ok with evidence (engine, version, device, error), or the reason. Platforms
// that no backend offers get the reason why not. Errors: cancelled; a canary that fails is no error
// of this call.
Status fill_canaries(std::span<hardware::PlatformReport> reports,
                     std::span<Backend* const> backends, std::stop_token stop = {});

}  // namespace accel::inference
