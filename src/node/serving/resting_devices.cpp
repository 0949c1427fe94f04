// SPDX-License-Identifier: Apache-2.0
#include "serving/resting_devices.hpp"

namespace accel::node {

std::optional<RestingDevice> RestingDevices::find(const std::string& model, SteadyTime now) const {
  const std::scoped_lock lock(mutex_);
  const auto found = devices_.find(model);
  if (found == devices_.end() || found->second.until <= now) return std::nullopt;
  return found->second;
}

bool RestingDevices::add(const std::string& model, RestingDevice device, SteadyTime now) {
  const std::scoped_lock lock(mutex_);
  std::erase_if(devices_, [&](const auto& entry) { return entry.second.until <= now; });
  return devices_.emplace(model, std::move(device)).second;
}

}  // namespace accel::node
