// SPDX-License-Identifier: Apache-2.0
#include "accel/security/shares.hpp"

#include <algorithm>

namespace accel::security {

std::unique_ptr<Shares::Place> Shares::take(const std::string& client) {
  {
    const std::scoped_lock lock(mutex_);
    const auto found = taken_.find(client);
    const std::size_t has = found == taken_.end() ? 0 : found->second;
    const std::size_t clients = taken_.size() + (has == 0 ? 1 : 0);
    if (has >= std::max<std::size_t>(1, places_ / (clients + 1))) return nullptr;
    ++taken_[client];
  }
  return std::make_unique<Place>(*this, client);
}

void Shares::give_back(const std::string& client) {
  const std::scoped_lock lock(mutex_);
  const auto found = taken_.find(client);
  if (found == taken_.end()) return;
  if (--found->second == 0) taken_.erase(found);
}

}  // namespace accel::security
