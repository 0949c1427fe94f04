// SPDX-License-Identifier: Apache-2.0
#pragma once
// A host on loopback with a thread of its own, for tests of dialing and of transports.

#include <gtest/gtest.h>

#include "accel/core/async/io.hpp"
#include "accel/core/async/sync_wait.hpp"
#include "accel/libp2p/host.hpp"

namespace accel::libp2p {

inline Task<std::vector<ConnectionInfo>> list_connections(Host& host) {
  co_return host.connections();
}
inline Task<HostCounters> list_counters(Host& host) { co_return host.counters(); }

inline Task<std::vector<Multiaddr>> list_addresses(Host& host, PeerId peer) {
  co_return host.addresses_of(peer);
}
inline Task<void> end_connection(Host& host, PeerId peer) {
  host.disconnect(peer);
  co_return Status{};
}

// A host belongs to its thread: everything that changes is asked for there.
struct LiveNode {
  explicit LiveNode(HostOptions options = {}, const std::string& listen = "/ip4/127.0.0.1/tcp/0") {
    if (options.listen.empty()) options.listen = {Multiaddr::parse(listen).value()};
    host = Host::start(io.executor(), std::move(options)).value();
  }
  ~LiveNode() {
    EXPECT_TRUE(sync_wait(io.executor(), host->shutdown()));
    host.reset();
    io.stop();
  }
  LiveNode(const LiveNode&) = delete;
  LiveNode& operator=(const LiveNode&) = delete;

  const PeerId& id() const { return host->id(); }
  Multiaddr bare() const { return host->addresses().at(0); }
  Multiaddr address() const { return bare().with_peer(id()); }
  Result<PeerId> connect(const Multiaddr& to) {
    return sync_wait(io.executor(), host->connect(to));
  }
  Status reach(const PeerId& peer, std::vector<Multiaddr> also) {
    return sync_wait(io.executor(), host->reach(peer, std::move(also)));
  }
  std::vector<ConnectionInfo> connections() {
    return sync_wait(io.executor(), list_connections(*host)).value();
  }
  std::vector<Multiaddr> addresses_of(const PeerId& peer) {
    return sync_wait(io.executor(), list_addresses(*host, peer)).value();
  }
  void disconnect(const PeerId& peer) {
    EXPECT_TRUE(sync_wait(io.executor(), end_connection(*host, peer)));
  }
  HostCounters counters() { return sync_wait(io.executor(), list_counters(*host)).value(); }
  template <class F>
  bool eventually(F holds) {
    for (int i = 0; i < 500; ++i) {
      if (holds()) return true;
      EXPECT_TRUE(sync_wait(io.executor(), delay(std::chrono::milliseconds(10))));
    }
    return false;
  }

  IoThread io;
  std::unique_ptr<Host> host;
};

}  // namespace accel::libp2p
