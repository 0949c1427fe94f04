// SPDX-License-Identifier: Apache-2.0
#pragma once
// What every engine does before its own parser sees a stored model: find the file, map it, read its
// structure with bounds, and confine its external data. Used by ort/ and openvino/.

#include <filesystem>
#include <memory>

#include "accel/core/file.hpp"
#include "accel/inference/onnx_reader.hpp"

namespace accel::inference::detail {

struct ModelFile {
  std::filesystem::path path;             // Canonical: no symbolic links, no "..".
  std::shared_ptr<const MappedFile> map;  // Owners: this, and weights that sessions share.
  OnnxSummary summary;
};

// Errors: not_found, invalid_argument (a folder), corrupt and unsupported naming the file.
Result<ModelFile> open_model_file(const std::filesystem::path& path);

// The same for a model in memory, which can have no external data. Errors: corrupt, unsupported.
Result<OnnxSummary> read_model_bytes(ByteView model);

// Threads, optimization level. Errors: invalid_argument.
Status check_options(const SessionOptions& options);

// "path, size, time of change" of the first of these files that exists; "none" otherwise.
std::string library_stamp(const std::vector<std::filesystem::path>& candidates);

}  // namespace accel::inference::detail
