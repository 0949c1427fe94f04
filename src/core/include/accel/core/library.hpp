// SPDX-License-Identifier: Apache-2.0
#pragma once
// Libraries that are loaded at run time (ONNX Runtime, OpenVINO, DuckDB, GPU drivers), so that a
// command that needs none of them pays for none, and so that a better build replaces one.
// Used by db, hardware and inference. Thread-safe; a SharedLibrary is move-only.

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "accel/core/result.hpp"

namespace accel {

class SharedLibrary {
 public:
  // dlopen with RTLD_NOW | RTLD_LOCAL. A name without '/' goes to the system's loader.
  // Errors: unavailable, with the loader's words as the cause.
  static Result<SharedLibrary> open(const std::filesystem::path& path_or_soname);

  SharedLibrary(SharedLibrary&& other) noexcept;
  SharedLibrary& operator=(SharedLibrary&& other) noexcept;
  SharedLibrary(const SharedLibrary&) = delete;
  SharedLibrary& operator=(const SharedLibrary&) = delete;
  ~SharedLibrary();  // Unloads it, unless keep_loaded() was called.

  // Errors: not_found.
  Result<void*> symbol(const char* name) const;

  // bind(out, "duckdb_open"): sets a function pointer. Errors: not_found.
  template <class Function>
  Status bind(Function*& out, const char* name) const {
    ACCEL_TRY(void* const address, symbol(name));
    out = reinterpret_cast<Function*>(address);
    return {};
  }

  // For libraries that start threads or register exit handlers: they stay until the process ends.
  void keep_loaded() { keep_ = true; }

  // The file that was loaded, as the loader resolved it; the name given when that is unknown.
  std::filesystem::path path() const;

 private:
  SharedLibrary(void* handle, std::filesystem::path name)
      : handle_(handle), name_(std::move(name)) {}
  void* handle_ = nullptr;
  std::filesystem::path name_;
  bool keep_ = false;
};

// Where a runtime may lie: {"libonnxruntime.so.1", "onnxruntime", explicit_path}.
struct LibraryQuery {
  std::string file_name;  // Also the soname for the system's loader.
  std::string package;    // Folder below the pinned dependencies.
  std::filesystem::path explicit_path =
      {};  // From an option or the environment: then nothing else is tried.
};

// The candidates in their order: explicit path; <exe dir>/../lib/ipfs-accelerate/; the pinned
// dependencies of the build; the plain name for the system's loader.
std::vector<std::filesystem::path> library_search_path(const LibraryQuery& query);

// Opens the first candidate that exists and loads.
// Errors: unavailable; the message says what was looked for and where, the cause what the loader
// said.
Result<SharedLibrary> open_library(const LibraryQuery& query);

// Whether this process has loaded a library whose file name starts so ("libcuda.so").
bool is_loaded(std::string_view file_name);

// The folder of the running executable.
std::filesystem::path executable_dir();

}  // namespace accel
