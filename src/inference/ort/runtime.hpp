// SPDX-License-Identifier: Apache-2.0
#pragma once
// ONNX Runtime's library, loaded once and kept: its function table and its environment. Used by the
// files of ort/ only. The C API is used throughout: it does not throw, and its table works with any
// runtime that knows the wanted API version. Threads: immutable after load(). Owners: the backend
// and every session and result that still needs the environment.

#include <memory>
#include <string>
#include <string_view>

#include <onnxruntime_c_api.h>

#include "accel/core/library.hpp"
#include "accel/inference/backend.hpp"

namespace accel::inference::ort {

// The oldest function table that has what is used unconditionally (tensors, external initializers,
// cancellation).
constexpr int kOldestApi = 17;
// The first with plug-in execution providers.
constexpr int kPluginApi = 22;

// A C API object with its release function.
template <class T>
using Handle = std::unique_ptr<T, void (*)(T*)>;

class Runtime {
 public:
  // Errors: unavailable (no library, or one older than kOldestApi).
  static Result<std::shared_ptr<Runtime>> load(const LibraryQuery& query);

  const OrtApi& api() const { return *api_; }
  int api_version() const { return api_version_; }
  OrtEnv* env() const { return env_.get(); }
  const std::string& version() const { return version_; }
  const std::filesystem::path& path() const { return path_; }

  // Takes over a status. `doing` completes "ONNX Runtime could not ...". The runtime's words are
  // the cause; its code decides ours, and `general` stands for its code "fail", which says nothing.
  Status check(OrtStatus* status, std::string_view doing, Errc general = Errc::internal) const;

 private:
  explicit Runtime(SharedLibrary library) : library_(std::move(library)) {}
  Status start();

  SharedLibrary library_;
  const OrtApi* api_ = nullptr;
  int api_version_ = 0;
  std::string version_;
  std::filesystem::path path_;
  Handle<OrtEnv> env_{nullptr, nullptr};
};

LibraryQuery library_query(const OnnxRuntimeOptions& options);

}  // namespace accel::inference::ort
