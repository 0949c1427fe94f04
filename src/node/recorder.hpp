// SPDX-License-Identifier: Apache-2.0
#pragma once
// The one place that writes history: each result becomes a line in the home's journal, which the
// database ingests exactly once. Used by method handlers. A result whose line can't be written (a
// read-only home) says so and is returned all the same.

#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <string_view>

#include "accel/exchange/fetcher.hpp"
#include "context.hpp"

namespace accel::node {

// Adds "run_id" and "recorded" to the result of a run.
void record_run(Context& context, std::size_t batch, nlohmann::json& result);
// The same of an answer that an endpoint gave: its times were measured here, its usage is reported.
void record_remote(Context& context, nlohmann::json& result);
// A run that failed after its model was found: a test_run with the error, and no figures.
void record_failed_run(Context& context, std::string_view task, Duration took, const Error& error);
void record_pull(Context& context, const ipld::Cid& root,
                 const Result<exchange::PullReport>& report);
// The result of network.analytics.
void record_network(Context& context, const nlohmann::json& result);
// The rows of hardware.detect.
void record_detection(Context& context, const nlohmann::json& rows);

}  // namespace accel::node
