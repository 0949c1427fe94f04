// SPDX-License-Identifier: Apache-2.0
#pragma once
// An engine that opens models: ONNX Runtime or OpenVINO (llama.cpp has llama.hpp, other machines
// have endpoints/). Used by node (which builds the list), perf's trials and the canaries.
//
// An engine's library is loaded at run time, on the first probe() or open(): a build of it for
// other hardware appears by installing a package. Threads: all methods are safe to call from many
// threads. A Session outlives its Backend.

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "accel/hardware/platform.hpp"
#include "accel/inference/session.hpp"

namespace accel::inference {

struct EngineDevice {
  std::string id;        // What SessionOptions::device takes: "cpu", "cuda:0", "webgpu".
  std::string name;      // "AMD EPYC", "NVIDIA H100".
  std::string provider;  // Who drives it inside the engine: "CPUExecutionProvider", "CPU".
  hardware::Platform platform = hardware::Platform::cpu;
  bool emulated = false;  // A simulator or a software driver: never chosen by itself.
  // Why it is untested: this program's tests have met no such device, a sentence. Empty: they have.
  std::string untested = {};
};

struct BackendInfo {
  std::string engine;
  std::string version;
  std::filesystem::path library_path;
  std::vector<EngineDevice> devices;
  std::vector<std::string> precisions;  // Of the cpu device.
  std::vector<std::string>
      providers;  // Compiled into the library, whether or not a device is there.
  std::vector<std::string>
      notes;  // Sentences: a plug-in that did not load, a device that was refused.
};

class Backend {
 public:
  virtual ~Backend() = default;
  virtual std::string_view name() const = 0;

  // Loads the engine's library and starts it, as probe() and open() do when it has not happened
  // yet: called early on another thread, it hides what that costs (ONNX Runtime: about 17 ms).
  // Errors: as probe.
  virtual Status load() = 0;

  // Loads the library and asks it what it can do. Errors: unavailable (no library: names the
  // package to install; or one that is older than this program's headers).
  virtual Result<BackendInfo> probe() = 0;

  // Which library file would be loaded, as text (path, size, time of change): as long as it stays,
  // an earlier probe() still holds. Costs a few stat calls; loads nothing.
  virtual std::string stamp() const = 0;

  // Opens a stored model (a .onnx file; its external data must lie in or below its own folder).
  // Errors: not_found, corrupt (says what is wrong in the file), unsupported (operator, precision,
  // device that the engine does not offer), invalid_argument (options), unavailable (as probe),
  // resource_exhausted.
  virtual Result<std::unique_ptr<Session>> open(const std::filesystem::path& model_file,
                                                const SessionOptions& options) = 0;

  // The same for a model in memory (a canary); `model` is not used after the call.
  virtual Result<std::unique_ptr<Session>> open_bytes(ByteView model,
                                                      const SessionOptions& options) = 0;
};

struct OnnxRuntimeOptions {
  std::filesystem::path library;  // Empty: searched (core/library.hpp).
  // Plug-in execution providers to register besides those found next to the library: name and
  // absolute path.
  std::vector<std::pair<std::string, std::filesystem::path>> plugins = {};
};
struct OpenVinoOptions {
  std::filesystem::path library;  // libopenvino_c.so; empty: searched.
};

std::unique_ptr<Backend> make_onnxruntime_backend(OnnxRuntimeOptions options = {});
std::unique_ptr<Backend> make_openvino_backend(OpenVinoOptions options = {});

}  // namespace accel::inference
