// SPDX-License-Identifier: Apache-2.0
#pragma once
// Execution providers: which ones the loaded ONNX Runtime has or can register, which platform each
// serves, and how it is asked for. Used by the ONNX Runtime backend. A candidate is no device yet:
// only a session that opened on it proves one.

#include <map>
#include <string>
#include <vector>

#include "ort/runtime.hpp"

namespace accel::inference::ort {

struct Provider {
  enum class How { cpu, cuda, named, plugin };
  EngineDevice device;
  How how = How::cpu;
  std::string name;  // For How::named: what SessionOptionsAppendExecutionProvider takes.
  const OrtEpDevice* plugin = nullptr;          // For How::plugin; the environment owns it.
  std::map<std::string, std::string> defaults;  // Options that a caller's own go over.
};

struct ProviderList {
  std::vector<Provider> candidates;  // The CPU first.
  std::vector<std::string> compiled;
  std::vector<std::string> notes;
};

// Registers plug-in libraries (those of `options`, and known ones that are installed) and lists
// what there is. Call it once for a runtime: a library registers once.
ProviderList list_providers(const Runtime& runtime, const OnnxRuntimeOptions& options);

// Makes `session` run on the provider. Errors: unavailable (its libraries do not load),
// invalid_argument.
Status append_provider(const Runtime& runtime, OrtSessionOptions* session, const Provider& provider,
                       const SessionOptions& options);

}  // namespace accel::inference::ort
