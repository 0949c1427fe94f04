// SPDX-License-Identifier: Apache-2.0
#pragma once
// How many requests one client may have at a time. Thread-safe.

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

namespace accel::gateway {

// The address of "127.0.0.1:50312" or "[::1]:50312"; of IPv6 the /64 that one client may own.
// Empty for what is not counted: loopback and Unix sockets.
std::string client_of(std::string_view remote);

class ClientLimiter {
 public:
  // 0: no limit.
  explicit ClientLimiter(std::size_t most) : most_(most) {}
  ClientLimiter(const ClientLimiter&) = delete;
  ClientLimiter& operator=(const ClientLimiter&) = delete;

  // A place that is given back when the last owner (the handler and the body that it made) lets go
  // of it; nullptr when the client has too many. Must not outlive the limiter.
  std::shared_ptr<void> enter(std::string_view remote);
  std::size_t clients() const;

 private:
  void leave(const std::string& client);

  std::size_t most_;
  mutable std::mutex mutex_;
  std::map<std::string, std::size_t, std::less<>> counts_;  // Under mutex_; only those above 0.
};

}  // namespace accel::gateway
