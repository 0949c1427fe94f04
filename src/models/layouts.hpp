// SPDX-License-Identifier: Apache-2.0
#pragma once
// The ways in which a directory describes a model. Private to models; see
// docs/formats/model.md.

#include <string_view>

#include "accel/models/manifest.hpp"

namespace accel::models {

// Fill task, family, source and variants of a manifest whose `files` are set and safe.
// Errors: as read_manifest.
Status read_model_json(ModelManifest& manifest, const Fetcher& fetcher);
Status read_hugging_face(ModelManifest& manifest, const Fetcher& fetcher);
Status read_gguf_folder(ModelManifest& manifest, const Fetcher& fetcher);
bool has_gguf(const ModelManifest& manifest);  // Weights of a language model among its files.

// What is in an ONNX file: how most of its weights are stored, and the files that hold the others.
struct OnnxWeights {
  std::string precision;               // "f32", "int8", …
  std::vector<std::string> externals;  // Paths relative to the ONNX file's folder.
  std::vector<std::string> inputs;     // The graph's, in its order.
};
// Errors: corrupt, unsupported, io.
Result<OnnxWeights> inspect_onnx(const std::filesystem::path& file);

// Where a precision stands in a list of variants: exact ones first.
int precision_rank(std::string_view precision);

}  // namespace accel::models
