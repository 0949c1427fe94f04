// SPDX-License-Identifier: Apache-2.0
#pragma once
// Few things by key, the least recently used one going first: counts of models, where names led.
// Loaded models are kept by inference::ModelPool. Thread-safe.

#include <cstddef>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace accel::node {

template <class T>
class Kept {
 public:
  explicit Kept(std::size_t limit) : limit_(limit) {}

  std::shared_ptr<T> find(const std::string& key) {
    const std::scoped_lock lock(mutex_);
    for (auto it = entries_.begin(); it != entries_.end(); ++it) {
      if (it->first != key) continue;
      entries_.splice(entries_.begin(), entries_, it);
      return entries_.front().second;
    }
    return nullptr;
  }

  void keep(const std::string& key, std::shared_ptr<T> value) {
    if (limit_ == 0) return;
    std::list<std::pair<std::string, std::shared_ptr<T>>> gone;  // Closed after the lock is let go.
    const std::scoped_lock lock(mutex_);
    entries_.emplace_front(key, std::move(value));
    if (entries_.size() > limit_) gone.splice(gone.begin(), entries_, std::prev(entries_.end()));
  }

  // Lets go of what `matches`; what still runs ends with its own call. How many.
  template <class Matches>
  std::size_t drop(Matches matches) {
    std::list<std::pair<std::string, std::shared_ptr<T>>> gone;  // Closed after the lock is let go.
    const std::scoped_lock lock(mutex_);
    for (auto it = entries_.begin(); it != entries_.end();) {
      const auto next = std::next(it);
      if (matches(*it->second)) gone.splice(gone.begin(), entries_, it);
      it = next;
    }
    return gone.size();
  }

  std::vector<std::shared_ptr<T>> all() const {
    const std::scoped_lock lock(mutex_);
    std::vector<std::shared_ptr<T>> values;
    for (const auto& [key, value] : entries_) values.push_back(value);
    return values;
  }

 private:
  std::size_t limit_;
  mutable std::mutex mutex_;
  std::list<std::pair<std::string, std::shared_ptr<T>>> entries_;  // Most recently used first.
};

}  // namespace accel::node
