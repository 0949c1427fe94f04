// SPDX-License-Identifier: Apache-2.0
#pragma once
// Which weights of a model may be handed to ONNX Runtime from outside (AddInitializer). The runtime
// puts such a value in place of the model's by its name alone, after its optimizations, and asks
// neither for shape nor content: a weight that an optimization turns around in place, or one whose
// name means something else in a sub-graph, would come out wrong. So only those are named here of
// which that cannot happen: used by nodes of the main graph alone, as the weights of operators that
// no optimization pushes a Transpose through, beside a value that is no constant (what is constant
// altogether is folded, and is not when it comes from outside). Plain functions. Spec: onnx.proto3.

#include <vector>

#include "accel/inference/onnx_reader.hpp"

namespace accel::inference::ort {

// Places in summary.initializers, in their order; only of weights of at least kSkeletonMinBytes.
// `file` has passed read_onnx() and check_onnx_graph(). Errors: corrupt.
Result<std::vector<std::size_t>> find_shareable(ByteView file, const OnnxSummary& summary);

}  // namespace accel::inference::ort
