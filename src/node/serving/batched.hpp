// SPDX-License-Identifier: Apache-2.0
#pragma once
// Sessions of a daemon batch the requests of their callers, as the keys batching.* say. Used by run
// and infer methods.

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "accel/inference/batching.hpp"
#include "services.hpp"

namespace accel::node {

// A candidate's or another call's options for a session that is kept: in a daemon, as many calls go
// on beside each other as there are CPUs for them, and weights are in memory once.
inference::SessionOptions kept_options(const Services& services, inference::SessionOptions options);

// The session itself where nothing is to be batched: in a command, with batching.max_rows 1, or
// when the model's first axes are not free.
std::unique_ptr<inference::Session> batched(Services& services,
                                            std::unique_ptr<inference::Session> session,
                                            const std::string& model,
                                            inference::RowRules rows = {});

// Why a request was batched as it was: one entry for each run that it took.
nlohmann::json json_of(const std::vector<inference::BatchNote>& notes);

}  // namespace accel::node
