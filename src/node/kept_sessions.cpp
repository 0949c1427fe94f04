// SPDX-License-Identifier: Apache-2.0
#include "kept_sessions.hpp"

#include <algorithm>

namespace accel::node {

std::shared_ptr<LoadedModel> KeptSessions::find(const std::string& key) {
  const std::scoped_lock lock(mutex_);
  const auto found = std::find_if(entries_.begin(), entries_.end(),
                                  [&](const Entry& entry) { return entry.key == key; });
  if (found == entries_.end()) return nullptr;
  entries_.splice(entries_.begin(), entries_, found);
  return entries_.front().model;
}

void KeptSessions::keep(const std::string& key, std::shared_ptr<LoadedModel> model) {
  if (limit_ == 0) return;
  drop(key);
  const std::scoped_lock lock(mutex_);
  entries_.push_front({key, std::move(model)});
  if (entries_.size() > limit_) entries_.pop_back();
}

void KeptSessions::drop(const std::string& key) {
  const std::scoped_lock lock(mutex_);
  entries_.remove_if([&](const Entry& entry) { return entry.key == key; });
}

std::size_t KeptSessions::size() const {
  const std::scoped_lock lock(mutex_);
  return entries_.size();
}

}  // namespace accel::node
