// SPDX-License-Identifier: Apache-2.0
// The end game of the scheduler: nothing is pending, some source is idle, and some blocks are still
// under way elsewhere. A request on a source that has gone silent is asked for a second time (the
// first to deliver wins); one that would end much later than the idle source could deliver it is
// taken over, within a budget for the bytes that are then received twice.
#include <algorithm>

#include "scheduler.hpp"

namespace accel::exchange {
namespace {

constexpr double kMuchLater = 2.0;  // Times what the helper would need.
constexpr double kMuchLaterSlackSeconds = 0.1;
constexpr double kDuplicateBudget = 0.015;  // Of all bytes wanted; the promise is under 2 %.
constexpr std::uint32_t kMaxSteals = 2;     // Per block: sources that overtake each other in turn.

}  // namespace

void Scheduler::rescue() {
  for (SourceId helper = 0; helper < sources_.size(); ++helper) {
    while (ready(sources_[helper]) && rescue_with(helper)) {
    }
  }
}

bool Scheduler::rescue_with(SourceId helper) {
  if (const auto silent = silent_request(helper)) {
    start(helper, requests_.at(*silent).want);
    return true;
  }
  const auto late = late_request(helper);
  if (!late) return false;
  const WantId want = requests_.at(*late).want;
  waste_.duplicate_bytes += requests_.at(*late).received;
  ++wants_.at(want).steals;
  cancel(*late);
  start(helper, want);
  return true;
}

bool Scheduler::may_help(SourceId helper, const Request& request) const {
  const WantState& state = wants_.at(request.want);
  return request.source != helper && !request.arrived && state.requests.size() == 1 &&
         !excluded(state, helper) && has_room(sources_[helper], bytes_of(state));
}

std::optional<RequestId> Scheduler::silent_request(SourceId helper) const {
  if (silent(sources_[helper])) return std::nullopt;
  for (const auto& [id, request] : requests_) {
    const Source& source = sources_[request.source];
    if (silent(source) && now_ - request.last_bytes >= patience(source) &&
        may_help(helper, request)) {
      return id;
    }
  }
  return std::nullopt;
}

std::optional<RequestId> Scheduler::late_request(SourceId helper) const {
  if (!sources_[helper].meter.rate()) return std::nullopt;
  std::optional<RequestId> latest;
  double latest_seconds = 0;
  const double budget = kDuplicateBudget * static_cast<double>(wanted_bytes_);
  for (const auto& [id, request] : requests_) {
    const Source& source = sources_[request.source];
    const WantState& state = wants_.at(request.want);
    if (!source.meter.rate() || state.steals >= kMaxSteals || !may_help(helper, request)) continue;
    if (static_cast<double>(waste_.duplicate_bytes + request.received) > budget) continue;
    const double left = seconds_to_finish(source, 0);
    const double here = seconds_to_finish(sources_[helper], bytes_of(state));
    if (left > kMuchLater * here + kMuchLaterSlackSeconds && left > latest_seconds) {
      latest = id;
      latest_seconds = left;
    }
  }
  return latest;
}

}  // namespace accel::exchange
