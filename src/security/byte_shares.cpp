// SPDX-License-Identifier: Apache-2.0
#include "accel/security/byte_shares.hpp"

namespace accel::security {

bool ByteShares::move(const std::string& client, std::uint64_t from, std::uint64_t to) {
  const std::scoped_lock lock(mutex_);
  const auto found = each_.find(client);
  const std::uint64_t has = found == each_.end() ? 0 : found->second;
  const std::uint64_t all = held_ - from + to;
  if (to > from) {
    const std::size_t clients = each_.size() + (has == 0 ? 1 : 0);
    const bool is_scarce = all > bytes_ / 2;
    if (all > bytes_ || (is_scarce && has - from + to > bytes_ / (clients + 1))) return false;
  }
  held_ = all;
  if (has - from + to > 0) {
    each_[client] = has - from + to;
  } else if (found != each_.end()) {
    each_.erase(found);
  }
  return true;
}

}  // namespace accel::security
