// SPDX-License-Identifier: Apache-2.0
#include "batching/returning_clients.hpp"

#include <algorithm>
#include <cmath>

namespace accel::inference::batching {
namespace {

constexpr double kWeight = 0.25;  // Of the last batch.
constexpr double kMost = 0.5;     // For fewer nobody should wait.

}  // namespace

void ReturningClients::answered(std::size_t requests, SteadyTime now) {
  if (!open(now)) {
    if (answered_ > 0) share_ += kWeight * (std::min(came_ / answered_, 1.0) - share_);
    answered_ = came_ = 0;
  }
  since_ = now;
  answered_ += static_cast<double>(requests);
}

void ReturningClients::came(SteadyTime now) {
  if (open(now)) ++came_;
}

std::size_t ReturningClients::due(SteadyTime now) const {
  if (!open(now) || share_ < kMost) return 0;
  return static_cast<std::size_t>(std::lround(std::max(share_ * answered_ - came_, 0.0)));
}

}  // namespace accel::inference::batching
