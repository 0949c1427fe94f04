// SPDX-License-Identifier: Apache-2.0
#include "connection_pool.hpp"

#include <utility>

namespace accel::net {

std::unique_ptr<ByteStream> ConnectionPool::take(const std::string& origin, SteadyTime now) {
  const std::lock_guard lock(mutex_);
  drop_old(now);
  const auto found = idle_.find(origin);
  if (found == idle_.end()) return nullptr;
  std::unique_ptr<ByteStream> stream;
  while (!stream && !found->second.empty()) {
    stream = std::move(found->second.back().stream);
    found->second.pop_back();
    --size_;
    if (!stream->is_quiet()) stream.reset();
  }
  if (found->second.empty()) idle_.erase(found);
  return stream;
}

void ConnectionPool::put(const std::string& origin, std::unique_ptr<ByteStream> stream,
                         SteadyTime now) {
  const std::lock_guard lock(mutex_);
  drop_old(now);
  if (size_ >= limits_.total || limits_.per_origin == 0) return;
  std::deque<Idle>& list = idle_[origin];
  if (list.size() >= limits_.per_origin) return;
  list.push_back({std::move(stream), now});
  ++size_;
}

void ConnectionPool::drop_old(SteadyTime now) {
  for (auto entry = idle_.begin(); entry != idle_.end();) {
    std::deque<Idle>& list = entry->second;
    while (!list.empty() && now - list.front().since > limits_.keep_idle) {
      list.pop_front();
      --size_;
    }
    entry = list.empty() ? idle_.erase(entry) : std::next(entry);
  }
}

void ConnectionPool::clear() {
  const std::lock_guard lock(mutex_);
  idle_.clear();
  size_ = 0;
}

std::size_t ConnectionPool::size() const {
  const std::lock_guard lock(mutex_);
  return size_;
}

}  // namespace accel::net
