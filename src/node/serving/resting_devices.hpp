// SPDX-License-Identifier: Apache-2.0
#pragma once
// Devices that failed at what the CPU then did, each for the model that it ran: until they have
// rested, no request is sent there that leaves the device open (fallback.hpp). Thread-safe.

#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "accel/core/clock.hpp"

namespace accel::node {

struct RestingDevice {
  std::string device;
  std::string why;  // In the engine's words.
  SteadyTime until{};
};

// At most one device of a model: while it rests, the CPU takes what might go to another. It holds
// no more of them than models that failed within kRest.
class RestingDevices {
 public:
  // A driver that starts anew is back within seconds; one that is gone costs a failed call and a
  // loading in each minute.
  static constexpr std::chrono::minutes kRest{1};

  std::optional<RestingDevice> find(const std::string& model, SteadyTime now) const;
  // Until device.until. False when one rests already: others have failed with it.
  bool add(const std::string& model, RestingDevice device, SteadyTime now);

 private:
  mutable std::mutex mutex_;
  std::map<std::string, RestingDevice> devices_;
};

}  // namespace accel::node
