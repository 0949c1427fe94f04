// SPDX-License-Identifier: Apache-2.0
#pragma once
// The eight probes, one file each, and what they share. Private to hardware. A probe_*() that loads
// a vendor's library runs in a child process (isolated.hpp); the others only look at files.

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "accel/core/library.hpp"
#include "accel/hardware/platform.hpp"

namespace accel::hardware::detail {

PlatformReport probe_cpu(const DetectOptions& options);
PlatformReport probe_cuda(const DetectOptions& options);
PlatformReport probe_rocm(const DetectOptions& options);
PlatformReport probe_mps(const DetectOptions& options);
PlatformReport probe_openvino(const DetectOptions& options);
PlatformReport probe_qualcomm(const DetectOptions& options);
PlatformReport probe_webgpu(const DetectOptions& options);
PlatformReport probe_webnn(const DetectOptions& options);

// What is known of a platform without loading anything, for a report whose probe crashed or hung.
void add_cuda_traces(const DetectOptions& options, Probe& driver);
void add_rocm_traces(const DetectOptions& options, Probe& driver);

// Fills probe.reason; for `return` of a probe that found nothing.
void say_no(Probe& probe, std::string reason);

// Opens the first of the sonames that loads: options.library_directories, then core's search path.
// Errors: unavailable, with what the loader said about each.
Result<SharedLibrary> open_vendor_library(const DetectOptions& options,
                                          const std::vector<std::string>& sonames,
                                          const std::string& package = {});

// The file of an engine's library in the same places; nullopt when there is none. Loads nothing.
std::optional<std::filesystem::path> find_engine_library(const DetectOptions& options,
                                                         const std::string& file_name,
                                                         const std::string& package);

// Looks for an engine's provider library; when it is there, checks that the libraries it needs are
// there too (by loading it lazily). Fills the probe; how_to_install ends the sentence.
struct ProviderQuery {
  std::string file_name;       // "libonnxruntime_providers_cuda.so"
  std::string what;            // "ONNX Runtime's CUDA provider"
  std::string how_to_install;  // "python3 -m pip install onnxruntime-gpu"
};
void check_provider(const DetectOptions& options, const ProviderQuery& query, Probe& runtime);

// Names in options.root / folder that start with the prefix, sorted; for device nodes.
std::vector<std::string> entries_with_prefix(const DetectOptions& options, const char* folder,
                                             std::string_view prefix);
std::string join(const std::vector<std::string>& parts, std::string_view separator = ", ");

// 12040 -> "12.4": how CUDA writes versions (major * 1000 + minor * 10).
std::string cuda_version_text(int version);
std::string system_name();  // "Linux x86_64"

}  // namespace accel::hardware::detail
