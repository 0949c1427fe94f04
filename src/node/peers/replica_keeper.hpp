// SPDX-License-Identifier: Apache-2.0
#pragma once
// What this node keeps for others: answers /ipfs-accelerate/replicate/1.0.0 by the rules of the
// configuration, pulls what it has promised from whoever is connected and has it, pins it, and lets
// go of it when its lease has ended. Owned by Replicas; used on the host's executor (streams) and
// on the pool (everything that blocks).

#include <map>
#include <mutex>

#include "accel/core/async/task_group.hpp"
#include "accel/exchange/replication.hpp"
#include "services.hpp"

namespace accel::node {

class ReplicaKeeper {
 public:
  // Reads what was promised before the last stop. What it takes outlives it.
  ReplicaKeeper(Services& services, blockstore::Store& store);

  // One stream of a peer: a request, an answer.
  Task<void> serve(std::unique_ptr<libp2p::Stream> stream);
  // Lets go of what nobody has asked to keep any longer. Blocks.
  void expire();
  std::vector<exchange::KeptReplica> kept() const;
  // Nothing of it runs when this returns.
  Task<void> shutdown();

 private:
  struct Kept {
    exchange::KeptReplica replica;
    std::int64_t until_s = 0;
    bool own_pin = false;  // Nobody else had pinned it.
    std::uint64_t have_bytes = 0;
    std::string error;
    std::stop_source stop;
  };

  exchange::ReplicaAnswer answer(const exchange::ReplicaRequest& request, const std::string& asker);
  exchange::ReplicaAnswer hold(const exchange::ReplicaRequest& request, const std::string& asker);
  exchange::ReplicaAnswer status(const exchange::ReplicaRequest& request,
                                 const std::string& asker) const;
  exchange::ReplicaRules rules() const;
  bool is_pinned(const ipld::Cid& root) const;
  Task<void> fetch(exchange::ReplicaRequest request, bool own_pin, std::stop_token stop);
  void fetched(const ipld::Cid& root, bool own_pin, const Result<exchange::PullReport>& report);
  void let_go(const ipld::Cid& root);
  void write(const ipld::Cid& root, const Kept& kept);
  std::int64_t now_s() const;

  Services& services_;
  blockstore::Store& store_;
  // Asked for once: Services may wait for the executor with its lock held.
  exchange::Fetcher& fetcher_;
  OffloadPool& pool_;
  mutable std::mutex mutex_;  // Of kept_; never held while something blocks.
  std::map<std::string, Kept> kept_;
  TaskGroup tasks_;
};

}  // namespace accel::node
