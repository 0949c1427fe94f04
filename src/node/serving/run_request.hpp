// SPDX-License-Identifier: Apache-2.0
#pragma once
// What `run` was asked for, read and checked once. Used by run methods, whatever the task.

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "accel/core/clock.hpp"
#include "accel/core/priority.hpp"
#include "accel/models/family.hpp"
#include "accel/perf/candidate.hpp"
#include "serving/remote_route.hpp"

namespace accel::node {

struct RunRequest {
  std::string model, task;
  std::vector<std::string> inputs;
  std::string query;
  std::string media_kind;  // "image", "audio", "file"; empty: there is none.
  Bytes media;
  std::size_t top_k = models::kDefaultTopK;
  std::string language;  // Of a recording.
  std::optional<std::uint64_t> seed;
  std::map<std::string, double> parameters;  // Of the model's own, by name.
  perf::Policy policy;
  bool explain = false;
  bool remeasure = false;
  bool record = true;                  // Live traffic leaves no row a call.
  bool cache = true;                   // What was computed before need not be computed again.
  std::optional<Duration> keep_alive;  // Of the model that runs, from now on.
  RemoteWish remote;
  Priority priority = Priority::normal;
  std::string client;       // Whose request it is: clients share batches fairly.
  bool falls_back = false;  // To the CPU, which its policy names then.
  // Where the device is told that it is to be computed on, before it is opened there; null:
  // nowhere.
  std::string* begun_on = nullptr;

  void begins_on(const std::string& device) const {
    if (begun_on != nullptr) *begun_on = device;
  }
};

// Whether it may be answered with outputs of earlier runs. What is recorded or measured really
// runs, and what draws by a seed is new each time.
inline bool may_know(const RunRequest& request) {
  return request.cache && !request.record && !request.remeasure && !request.seed;
}

// Errors: invalid_argument (a parameter, named), resource_exhausted (media above the limit).
Result<RunRequest> read_run_request(ServingContext& call);

}  // namespace accel::node
