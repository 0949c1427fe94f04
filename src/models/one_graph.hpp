// SPDX-License-Identifier: Apache-2.0
#pragma once
// Runs a graph of one input on numbers that may be refused, and looks at what comes back before
// anybody reads it. Private to models.

#include <optional>
#include <string_view>
#include <vector>

#include "accel/inference/session.hpp"

namespace accel::models {

// What an output must be; no size where any will do.
using WantedShape = std::vector<std::optional<std::int64_t>>;

// All outputs in the graph's order. Errors: unsupported (the graph has another number of inputs, or
// fewer outputs than `outputs`), and Session::run's.
Result<std::vector<tensor::Tensor>> run_graph(inference::Session& graph, std::string_view name,
                                              const tensor::Tensor& input, std::size_t outputs,
                                              const inference::RunOptions& options);

// The numbers of an output. Errors: unsupported (not of that shape: says what it has and what was
// expected), internal (not f32, or not finite).
Result<std::span<const float>> values_of(const tensor::Tensor& output, std::string_view name,
                                         const WantedShape& wanted);

}  // namespace accel::models
