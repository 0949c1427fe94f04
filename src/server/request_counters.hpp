// SPDX-License-Identifier: Apache-2.0
#pragma once
// What the API's listeners answered, for /metrics: requests by protocol and class of status, and
// how long each protocol took to begin its answers. A streamed text begins with its first piece.
// Used by ApiServer. Thread-safe.

#include <array>
#include <string>
#include <string_view>

#include "accel/core/clock.hpp"
#include "accel/core/metrics.hpp"

namespace accel::server {

class RequestCounters {
 public:
  RequestCounters();
  // `path` as it was asked for: it tells the protocol.
  void count(std::string_view path, int status, Duration time);
  // What was refused by its head: nobody worked on it.
  void count_refusal(std::string_view path, int status);
  Metrics& metrics() { return metrics_; }  // Of what else the server counts.
  // For /metrics, with the memory that the process has in RAM now.
  std::string text();

 private:
  static constexpr std::size_t kProtocols = 7;
  struct Counters {
    std::array<Counter*, 4> by_status{};  // 2xx to 5xx.
    Histogram* seconds = nullptr;
  };
  Counters& add(std::string_view path, int status);

  Metrics metrics_;
  Gauge& resident_;
  std::array<Counters, kProtocols> counters_;
};

}  // namespace accel::server
