// SPDX-License-Identifier: Apache-2.0
#pragma once
// Copies at other nodes, both sides: what a daemon keeps for others, what it wants kept, and the
// threads that look after both once in a while. Owned by Services; only of a daemon with a swarm.

#include "accel/core/async/io.hpp"
#include "peers/replica_keeper.hpp"
#include "peers/replicator.hpp"

namespace accel::node {

class Replicas {
 public:
  struct Network {
    libp2p::Host& host;
    exchange::Bitswap& bitswap;
  };
  // What it takes outlives it, but for the host: stop() first.
  Replicas(Services& services, blockstore::Store& store, Network network, Duration interval);
  ~Replicas();

  Replicator& replicator() { return replicator_; }
  ReplicaKeeper& keeper() { return keeper_; }
  // Blocks until nothing of it runs. Idempotent.
  void stop();

 private:
  void run();
  void end_leases();

  IoThread& io_;
  Duration interval_;
  ReplicaKeeper keeper_;
  Replicator replicator_;
  std::stop_source stop_;
  IoThread thread_{1, "replicas"};  // Both use all of the above: declared last.
  IoThread leases_{1, "replica-leases"};
};

}  // namespace accel::node
