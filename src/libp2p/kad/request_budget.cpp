// SPDX-License-Identifier: Apache-2.0
#include "kad/request_budget.hpp"

#include <algorithm>

namespace accel::libp2p::kad {

RequestBudget::RequestBudget(RequestRules rules)
    : rules_(rules),
      each_(Duration(std::chrono::seconds(1)) / std::max<std::int64_t>(rules.per_second, 1)) {}

Duration RequestBudget::take(const std::string& machine, SteadyTime now) {
  if (paid_until_.size() >= rules_.machines && !paid_until_.contains(machine)) forget(now);
  const bool is_full = paid_until_.size() >= rules_.machines && !paid_until_.contains(machine);
  SteadyTime& until = paid_until_[is_full ? std::string() : machine];
  const SteadyTime most = now + each_ * rules_.burst + rules_.longest_wait;
  until = std::min(std::max(until, now) + each_, most);
  return std::max(until - now - each_ * rules_.burst, Duration::zero());
}

void RequestBudget::forget(SteadyTime now) {
  std::erase_if(paid_until_, [now](const auto& entry) { return entry.second <= now; });
}

}  // namespace accel::libp2p::kad
