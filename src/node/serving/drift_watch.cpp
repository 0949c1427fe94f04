// SPDX-License-Identifier: Apache-2.0
#include "serving/drift_watch.hpp"

namespace accel::node {
namespace {

constexpr std::size_t kMaxChoices = 64;  // Shapes of one model; beyond, all start over.

}  // namespace

DriftWatch::Call::Call(DriftWatch& watch) : watch_(watch) {
  const std::scoped_lock lock(watch_.mutex_);
  if (++watch_.running_ > 1) watch_.disturbed_ = true;
}

DriftWatch::Call::~Call() {
  const std::scoped_lock lock(watch_.mutex_);
  if (--watch_.running_ == 0) watch_.disturbed_ = false;
}

bool DriftWatch::Call::drifted(const std::string& choice, double remembered_ms, double latency_ms,
                               double load) {
  const std::scoped_lock lock(watch_.mutex_);
  if (watch_.disturbed_ || remembered_ms <= 0) return false;
  if (watch_.detectors_.size() >= kMaxChoices && !watch_.detectors_.contains(choice))
    watch_.detectors_.clear();
  const auto [place, added] = watch_.detectors_.try_emplace(choice, remembered_ms);
  return place->second.observe(latency_ms, load).has_value();
}

void DriftWatch::measured(const std::string& choice) {
  const std::scoped_lock lock(mutex_);
  detectors_.erase(choice);
}

}  // namespace accel::node
