// SPDX-License-Identifier: Apache-2.0
#pragma once
// A model opened as it is, tensors in and tensors out: what model.infer keeps loaded.

#include <memory>
#include <mutex>
#include <string>

#include "accel/core/clock.hpp"
#include "accel/inference/session.hpp"
#include "serving/brief_guess.hpp"
#include "serving/loaded.hpp"

namespace accel::node {

// What model.infer did with a model since the start. Times are sums over requests.
struct InferCounts {
  std::uint64_t succeeded = 0, failed = 0;
  std::uint64_t rows = 0;
  double executions = 0;  // Of the engine: a request counts as its share of a batch.
  Duration total{}, failing{}, queued{}, computing{};
  // Of those that succeeded: whose outputs were known, and whose had to be computed, with what
  // looking took. A hit is no row and no execution.
  std::uint64_t hits = 0, misses = 0;
  Duration hitting{}, missing{};
  WallTime last{};
};

// Of one model, since the node's start, however often it was let go. Thread-safe.
struct InferTally {
  std::string name;
  ipld::Cid root;
  std::mutex mutex;
  InferCounts counts;  // Under the mutex.
};

struct LoadedTensors : Loaded {
  std::unique_ptr<inference::Session> session;
  std::shared_ptr<InferTally> tally;  // Owners: this, and Serving, which outlives it.
  BriefGuess brief;

  nlohmann::json row() const override;
};

}  // namespace accel::node
