// SPDX-License-Identifier: Apache-2.0
#pragma once
// Opens the way for weights of a WeightStore into a session of ONNX Runtime. Used by the ONNX
// Runtime backend. Plain functions.

#include <memory>
#include <vector>

#include "model_file.hpp"
#include "ort/runtime.hpp"
#include "ort/weight_store.hpp"

namespace accel::inference::ort {

// Both must outlive the session.
struct SharedWeights {
  std::shared_ptr<const WeightSet> set;  // Owners: every session of these weights.
  std::vector<Handle<OrtValue>> values;  // As ONNX Runtime takes them; their bytes are the set's.
};

// The shareable weights of `file`, from `store`. `key`: of the file as it was before it was mapped.
// Errors: unsupported (none is shareable), corrupt (external data that shrank), internal.
Result<SharedWeights> share_weights(WeightStore& store,
                                    const std::shared_ptr<const Runtime>& runtime,
                                    const detail::ModelFile& file,
                                    const std::optional<FileKey>& key);

// Makes a session that is opened with `options` read them.
Status add_weights(const Runtime& runtime, OrtSessionOptions* options, SharedWeights& weights);

}  // namespace accel::inference::ort
