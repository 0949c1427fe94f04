// SPDX-License-Identifier: Apache-2.0
#include "serving/batched.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "accel/hardware/cpu_info.hpp"

namespace accel::node {
namespace {

constexpr int kMaxRuns =
    16;  // Each holds its own intermediate values, and in OpenVINO its threads.

// Runs beside each other fill the CPUs that the threads of one leave idle.
int runs_beside(int threads) {
  const int cpus = std::max(hardware::cpu_info().usable_threads, 1);
  return std::clamp(cpus / std::max(threads, 1), 1, kMaxRuns);
}

}  // namespace

inference::SessionOptions kept_options(const Services& services,
                                       inference::SessionOptions options) {
  if (!services.is_daemon()) return options;  // A command has one session, which shares nothing.
  options.runs = runs_beside(options.threads);
  options.load = inference::LoadMode::shared;
  return options;
}

std::unique_ptr<inference::Session> batched(Services& services,
                                            std::unique_ptr<inference::Session> session,
                                            const std::string& model, inference::RowRules rows) {
  const Config& config = services.config();
  const auto size = [&](const char* key) {
    return static_cast<std::size_t>(config.get<std::int64_t>(key));
  };
  if (!services.is_daemon() || size("batching.max_rows") < 2 || !inference::can_batch(*session))
    return session;
  inference::BatchingOptions options;
  options.limits.max_rows = size("batching.max_rows");
  options.limits.max_tokens = size("batching.max_tokens");
  options.limits.max_waiting = size("batching.queue");
  options.limits.max_delay = config.get<std::chrono::milliseconds>("batching.max_delay");
  options.limits.runs = static_cast<std::size_t>(runs_beside(session->info().threads));
  options.metrics = &services.metrics();
  options.model = model;
  options.rows = std::move(rows);
  return inference::make_batching_session(std::move(session), std::move(options));
}

nlohmann::json json_of(const std::vector<inference::BatchNote>& notes) {
  nlohmann::json list = nlohmann::json::array();
  for (const inference::BatchNote& note : notes) {
    nlohmann::json row{{"reason", note.reason},       {"requests", note.requests},
                       {"clients", note.clients},     {"rows", note.rows},
                       {"rows_left", note.rows_left}, {"wait_ms", note.wait_ms},
                       {"run_ms", note.run_ms}};
    if (note.tokens > 0) {  // Else nothing is padded, and nothing is known of tokens.
      row["tokens"] = note.tokens;
      row["padded_tokens"] = note.padded_tokens;
    }
    list.push_back(std::move(row));
  }
  return list;
}

}  // namespace accel::node
