// SPDX-License-Identifier: Apache-2.0
#pragma once
// Peers of the same network segment, by multicast DNS: asks who is there, answers who asks, and
// connects the host to those that it hears of. Used by node.
//
// Everything on the host's executor, except start(). Ownership: what start() takes outlives this;
// shutdown() first, then the host's, then this is destroyed. Spec: libp2p/specs discovery/mdns.md.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "accel/core/async/task.hpp"
#include "accel/core/clock.hpp"
#include "accel/core/metrics.hpp"
#include "accel/libp2p/host.hpp"

namespace accel::libp2p {

struct MdnsOptions {
  // IPv4 addresses of this machine in whose networks to ask. Those of loopback reach nodes of this
  // machine only.
  std::vector<std::string> interfaces{};
  std::uint16_t port = 5353;
  Duration first_pause = std::chrono::seconds(1);    // Between questions; doubles.
  Duration longest_pause = std::chrono::minutes(2);  // Newcomers announce themselves anyway.
  Duration answer_pause = std::chrono::seconds(1);   // At most one answer in it, to whomever.
  std::size_t dials = 8;                             // At a time, to who was heard of.
};

class Mdns {
 public:
  // Errors: unavailable (the port can't be shared, or no interface takes multicast).
  static Result<std::unique_ptr<Mdns>> start(Executor executor, Host& host, Metrics& metrics,
                                             MdnsOptions options);
  ~Mdns();
  Mdns(const Mdns&) = delete;
  Mdns& operator=(const Mdns&) = delete;

  // Ends everything; nothing of this runs when it returns.
  Task<void> shutdown();

 private:
  struct Impl;
  explicit Mdns(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;  // Owners: this, and its tasks until they have ended.
};

// The IPv4 addresses of this machine's interfaces that take part in the LAN; with `loopback` also
// 127.0.0.1.
std::vector<std::string> mdns_interfaces(bool loopback);

}  // namespace accel::libp2p
