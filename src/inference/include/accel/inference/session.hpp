// SPDX-License-Identifier: Apache-2.0
#pragma once
// A loaded model that runs. Used by models (families), bench (trials) and node. Engines implement
// it: ort/, openvino/.
//
// Threads: run() may be called from many threads at once; an engine that cannot run two calls at a
// time queues them. Ownership: inputs are borrowed for the call and, strings aside, never copied;
// outputs may lie in the engine's memory and keep it alive, also beyond the session.

#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "accel/core/priority.hpp"
#include "accel/core/result.hpp"
#include "accel/tensor/tensor.hpp"

namespace accel::inference {

struct TensorSpec {
  std::string name;
  tensor::DType dtype = tensor::DType::f32;
  std::vector<std::int64_t> dims;  // -1 is dynamic.
  bool rank_known = true;          // When false, dims says nothing and any rank is accepted.
};

// "input_ids: i64 [?, ?]", for messages and `models show`.
std::string to_string(const TensorSpec& spec);

// How the weights of a stored model reach the engine (README.md, "Loading without copies").
enum class LoadMode {
  automatic,  // The best that the engine and the file allow.
  by_path,    // The engine opens and copies the file.
  skeleton,   // The graph in memory, its weights mapped from the stored file. Errors: unsupported
              // where it cannot be done.
  shared,     // As skeleton, and the weights are in memory once for all sessions of the backend in
              // which they are equal; as automatic where that cannot be done.
};

struct SessionOptions {
  std::string device = "cpu";  // An EngineDevice::id of the backend.
  int threads = 1;             // Of one call. 0: what the engine would take by itself.
  int runs = 1;                // Calls that go on beside each other, each with so many threads.
  // f32: the model's own arithmetic. bf16, f16, int8dyn: faster and less exact.
  std::string precision = "f32";
  // Worker threads wait busily: quicker on idle cores, harmful on shared ones.
  bool spinning = false;
  int optimization = 3;  // Graph optimization: 0 none, 1 basic, 2 extended, 3 all.
  LoadMode load = LoadMode::automatic;
  bool cpu_fallback = true;  // Another device may leave operators that it lacks to the CPU.
  // Where an engine may keep what it compiled from a model, to open it faster next time; empty:
  // nowhere. OpenVINO uses it; what lies there is trusted as the node's own.
  std::filesystem::path cache_folder;
  // Passed to the engine's device as they are.
  std::map<std::string, std::string> provider_options;
};

struct BatchNote;  // batching.hpp

struct RunOptions {
  std::stop_token stop = {};  // A stop ends the call early, at the engine's next chance.
  // For a session that batches: who asks (clients share fairly), and where it tells how the call
  // was run; null: nowhere. Others ignore them.
  std::string_view client = {};
  std::vector<BatchNote>* notes = nullptr;
  bool alone = false;  // At once, not with others: what is brief must not wait for them.
  Priority priority = Priority::normal;  // Of its wait for a batch.
};

struct NamedTensor {
  std::string_view name;                  // Borrowed for the call.
  const tensor::Tensor* value = nullptr;  // Borrowed for the call.
};

struct SessionInfo {
  std::string engine;   // "onnxruntime", "openvino"
  std::string version;  // Of the engine's library.
  std::string device;
  std::string precision;
  int threads = 0;
  std::string load;  // "path", "skeleton", "shared": how the weights came in.
  bool emulated = false;
  // Equal inputs give equal outputs: no node of the graph draws at random. False: nobody looked.
  bool repeatable = false;
  std::string untested = {};  // As EngineDevice::untested.
};

class Session {
 public:
  virtual ~Session() = default;
  virtual const std::vector<TensorSpec>& inputs() const = 0;
  virtual const std::vector<TensorSpec>& outputs() const = 0;
  virtual const SessionInfo& info() const = 0;

  // Another graph of the same model, by the name that the model's files give it (graph_set.hpp);
  // nullptr where there is none. It lives as long as this session.
  virtual Session* graph(std::string_view) { return nullptr; }

  // Runs the model once. `outputs` names what to compute, in the order of the result; empty: all of
  // outputs(). Errors: invalid_argument (a name, type or shape that the model does not take;
  // nothing has run), cancelled, unsupported (the engine lacks an operator), resource_exhausted,
  // internal (the engine's own words are the cause).
  virtual Result<std::vector<tensor::Tensor>> run(std::span<const NamedTensor> inputs,
                                                  std::span<const std::string> outputs,
                                                  const RunOptions& options) = 0;
};

// What every engine checks before its library sees anything: each input is there once, none is
// unknown, type, rank and fixed dims agree; each wanted output exists. Errors: invalid_argument
// naming the tensor and what was expected.
Status check_inputs(std::span<const TensorSpec> specs, std::span<const NamedTensor> inputs);
Status check_outputs(std::span<const TensorSpec> specs, std::span<const std::string> wanted);

}  // namespace accel::inference
