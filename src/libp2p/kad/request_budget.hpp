// SPDX-License-Identifier: Apache-2.0
#pragma once
// How often one machine may ask, whatever ids it has. Pure: the caller gives the time. Private to
// libp2p.

#include <chrono>
#include <cstdint>
#include <map>
#include <string>

#include "accel/core/clock.hpp"

namespace accel::libp2p::kad {

// Whoever tells of 10,000 roots at once asks each peer up to 20,000 times: 10 s by these.
struct RequestRules {
  std::int64_t per_second = 1'000;
  std::int64_t burst = 10'000;
  Duration longest_wait = std::chrono::seconds(30);  // What asked more is forgiven the rest.
  std::size_t machines = 4'096;  // That have asked lately; more share one budget.
};

class RequestBudget {
 public:
  explicit RequestBudget(RequestRules rules = {});

  // One request of this machine: how long it waits for its answer; zero: not at all.
  Duration take(const std::string& machine, SteadyTime now);
  void forget(SteadyTime now);  // Who has its whole budget again.
  std::size_t size() const { return paid_until_.size(); }

 private:
  RequestRules rules_;
  Duration each_;
  // When its requests so far would end, were they spread evenly.
  std::map<std::string, SteadyTime> paid_until_;
};

}  // namespace accel::libp2p::kad
