// SPDX-License-Identifier: Apache-2.0
#pragma once
// Which calls may be answered with what earlier ones computed. Used by whatever runs a model in one
// pass; texts that are written have their own way (GenerationRequest::scope).

#include <optional>
#include <string>

#include "accel/inference/output_cache.hpp"
#include "accel/inference/session.hpp"
#include "accel/node/node.hpp"
#include "serving/loaded.hpp"

namespace accel::node {

// Whose answers a caller may find, and who finds its: an API key has its own, the owner one,
// whichever way he comes. So neither an answer nor its time tells a key what others have asked.
std::string scope_of(const Caller& caller);

// For a model that was just loaded: null where nothing is kept, or where equal inputs may give
// other outputs.
std::unique_ptr<const inference::OutputOwner> own_outputs(inference::OutputCache& cache,
                                                          const inference::Session& session);

// Nothing when the model's outputs are not kept, or the call wants none of them (`wanted`).
std::optional<inference::OutputUse> use_outputs(const Loaded& loaded, const Caller& caller,
                                                bool wanted);

}  // namespace accel::node
