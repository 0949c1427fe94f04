// SPDX-License-Identifier: Apache-2.0
#pragma once
// Kept connections of the client, newest first per origin. Thread-safe; it is told the time.

#include <cstddef>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "accel/core/clock.hpp"
#include "stream.hpp"

namespace accel::net {

struct PoolLimits {
  std::size_t per_origin = 64;
  std::size_t total = 256;
  Duration keep_idle = std::chrono::seconds(60);
};

class ConnectionPool {
 public:
  explicit ConnectionPool(const PoolLimits& limits) : limits_(limits) {}

  // A connection that is still quiet and young enough; null when there is none.
  std::unique_ptr<ByteStream> take(const std::string& origin, SteadyTime now);
  // Keeps it, or closes it when there are enough.
  void put(const std::string& origin, std::unique_ptr<ByteStream> stream, SteadyTime now);
  void clear();
  std::size_t size() const;

 private:
  struct Idle {
    std::unique_ptr<ByteStream> stream;
    SteadyTime since;
  };
  void drop_old(SteadyTime now);

  PoolLimits limits_;
  mutable std::mutex mutex_;
  std::map<std::string, std::deque<Idle>> idle_;  // Newest at the back.
  std::size_t size_ = 0;
};

}  // namespace accel::net
