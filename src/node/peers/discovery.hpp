// SPDX-License-Identifier: Apache-2.0
#pragma once
// How a daemon finds others: the DHT of its LAN, the public one when it is asked for,
// multicast DNS, and peers that the configuration names. Used by services and the routing methods.
//
// Everything on the host's executor, except start() and what says otherwise. Ownership: what
// start() takes outlives this; shutdown() first, then the host's, then this is destroyed.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "accel/core/async/task_group.hpp"
#include "accel/core/config.hpp"
#include "accel/core/metrics.hpp"
#include "accel/libp2p/kad.hpp"
#include "accel/libp2p/mdns.hpp"

namespace accel::node {

class Discovery {
 public:
  // By routing.dht, discovery.mdns, swarm.bootstrap and swarm.peering; of these two, an address
  // that names no peer is left out with a warning. Any thread.
  static Result<std::unique_ptr<Discovery>> start(Executor executor, libp2p::Host& host,
                                                  const Config& config, Metrics& metrics,
                                                  const Clock& clock);
  Discovery(const Discovery&) = delete;
  Discovery& operator=(const Discovery&) = delete;
  ~Discovery();

  // False: routing.dht is off. Any thread.
  bool has_dht() const { return !dhts_.empty(); }

  // These ask the DHTs one after another, the LAN's first. Errors: as Kad; unavailable when there
  // is none.
  Task<libp2p::KadPeer> find_peer(ipld::PeerId peer, std::stop_token stop);
  Task<std::size_t> find_providers(ipld::Multihash key, std::size_t count,
                                   libp2p::Kad::OnProvider on_provider, std::stop_token stop);
  Task<libp2p::KadReport> provide(ipld::Multihash key, std::stop_token stop);
  Task<libp2p::KadReport> put_value(Bytes key, Bytes value, std::stop_token stop);
  Task<std::optional<Bytes>> get_value(Bytes key, std::stop_token stop);

  // Connects to a peer, found by the DHT if no address of it is known. Errors: as Host::reach().
  Task<void> reach(ipld::PeerId peer, std::stop_token stop);
  // Connects to those who provide a block, at most `count`, and returns where they are, with their
  // ids. Takes `limit` at most. Nobody is no error.
  Task<std::vector<ipld::Multiaddr>> reach_providers(ipld::Multihash key, std::size_t count,
                                                     Duration limit, std::stop_token stop);

  struct Network {
    std::string name;  // "lan", "wan".
    libp2p::KadStat stat;
  };
  Task<std::vector<Network>> look() const;
  Task<void> shutdown();

 private:
  struct Dht {
    std::string name;
    std::unique_ptr<libp2p::Kad> kad;
  };
  Discovery(Executor executor, libp2p::Host& host);
  void start_mdns(const Executor& executor, const Config& config, Metrics& metrics);
  Task<void> keep_connected(ipld::Multiaddr address);
  Task<void> keep_bootstrapped(std::vector<ipld::Multiaddr> addresses);
  Task<libp2p::KadReport> tell_all(std::function<Task<libp2p::KadReport>(libp2p::Kad&)> tell);
  struct Reaching;
  Task<void> reach_one(std::shared_ptr<Reaching> all, libp2p::KadPeer provider);
  tl::unexpected<Error> no_dht() const;

  libp2p::Host& host_;
  std::vector<Dht> dhts_;
  std::unique_ptr<libp2p::Mdns> mdns_;  // Null: off, or no network takes it.
  TaskGroup tasks_;
};

void export_discovery(const std::vector<Discovery::Network>& networks, Metrics& metrics);

}  // namespace accel::node
