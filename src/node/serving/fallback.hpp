// SPDX-License-Identifier: Apache-2.0
#pragma once
// What becomes of a request whose device fails under it. Where the request leaves the device open
// (auto), the CPU computes it and the answer says so; where it names one, the failure is its
// answer. A device that failed at what the CPU then did rests for that model: until then the CPU is
// asked at once. What the CPU can't do either was the request's fault, and no device rests for it.
// Used by run methods.

#include <functional>
#include <nlohmann/json_fwd.hpp>

#include "serving/run_request.hpp"

namespace accel::node {

struct ServingContext;

// One try at the request as it is when it is called; it tells RunRequest::begun_on.
using RunAttempt = std::function<Result<nlohmann::json>()>;

// The request's result, by its device or the CPU; an answer of the CPU has
// fell_back{from, to, reason, until}. Changes request.policy.device. Errors: those of `attempt`;
// when device and CPU both failed the device's, unless the CPU says what is wrong with the input.
Result<nlohmann::json> run_or_fall_back(ServingContext& call, RunRequest& request,
                                        const RunAttempt& attempt);

}  // namespace accel::node
