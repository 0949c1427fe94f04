// SPDX-License-Identifier: Apache-2.0
#include "accel/perf/drift.hpp"

#include <algorithm>
#include <cmath>

#include "accel/hardware/samples.hpp"

namespace accel::perf {
namespace {

constexpr std::size_t kMaxBlocksKept = 256;  // Enough for the median of a change's blocks.

// One side of the CUSUM: adds what exceeds the allowance, never falls below zero.
void accumulate(double& sum, std::vector<double>& blocks, double value, double block_ms) {
  sum = std::max(0.0, sum + value);
  if (sum == 0) {
    blocks.clear();
  } else if (blocks.size() < kMaxBlocksKept) {
    blocks.push_back(block_ms);
  }
}

}  // namespace

DriftDetector::DriftDetector(double remembered_ms, DriftOptions options)
    : remembered_ms_(remembered_ms), options_(options) {
  block_.reserve(options_.block_calls);
}

std::optional<Drift> DriftDetector::observe(double latency_ms, double load) {
  const bool usable = std::isfinite(latency_ms) && latency_ms > 0 && load <= options_.max_load;
  if (!usable || remembered_ms_ <= 0) return std::nullopt;
  block_.push_back(latency_ms);
  if (block_.size() < options_.block_calls) return std::nullopt;
  return close_block();
}

std::optional<Drift> DriftDetector::close_block() {
  const double block_ms = hardware::median(block_);
  block_.clear();
  const double shift = std::log(block_ms / remembered_ms_);
  const double cap = options_.block_cap;
  accumulate(up_, up_blocks_, std::min(shift - options_.allowance, cap), block_ms);
  accumulate(down_, down_blocks_, std::min(-shift - options_.allowance, cap), block_ms);
  if (up_ < options_.threshold && down_ < options_.threshold) return std::nullopt;
  const std::vector<double>& blocks = up_ >= options_.threshold ? up_blocks_ : down_blocks_;
  const Drift drift{hardware::median(blocks) / remembered_ms_, blocks.size()};
  reset();
  return drift;
}

void DriftDetector::reset() {
  block_.clear();
  up_blocks_.clear();
  down_blocks_.clear();
  up_ = 0;
  down_ = 0;
}

}  // namespace accel::perf
