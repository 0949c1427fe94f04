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
  // By the rules alone; to ask again is harmless. Blocks.
  exchange::ReplicaAnswer answer(const exchange::ReplicaRequest& request, const std::string& asker);
  // Lets go of what nobody has asked to keep any longer. Blocks.
  void expire();
  std::vector<exchange::KeptReplica> kept() const;
  // Nothing of it runs when this returns.
  Task<void> shutdown();

 private:
  struct Kept {
    ipld::Cid root;
    std::uint64_t bytes = 0;  // While it is fetched: the most that it may take.
    exchange::ReplicaAnswer::State state = exchange::ReplicaAnswer::State::fetching;
    std::map<std::string, std::int64_t> until_s;  // By asker: each has a lease of its own.
    std::uint64_t fetch = 0;                      // Tells a fetch from an earlier one of this root.
    std::uint64_t have_bytes = 0;
    std::string error;
    std::stop_source stop;
  };

  Task<exchange::ReplicaAnswer> answer_on_pool(exchange::ReplicaRequest request, std::string asker);
  exchange::ReplicaAnswer admitted(const exchange::ReplicaRequest& request,
                                   const std::string& asker);
  exchange::ReplicaAnswer hold(const exchange::ReplicaRequest& request, const std::string& asker);
  exchange::ReplicaAnswer status(const exchange::ReplicaRequest& request, const std::string& asker);
  exchange::ReplicaRules rules() const;
  bool is_pinned(const ipld::Cid& root) const;
  using Left = std::map<std::string, std::uint64_t>;
  Left uncollected() const;
  void leave(const ipld::Cid& root, std::uint64_t bytes);
  void forget_collected();
  Task<void> fetch(Kept kept);
  void fetched(const Kept& kept, const Result<exchange::PullReport>& report);
  void release(const ipld::Cid& root, const std::string& asker);
  void let_go(const ipld::Cid& root);
  void drop_pin(const ipld::Cid& root);
  void count_as_left(const Kept& gone);
  void note_lost(const ipld::Cid& root);
  void write(const Kept& kept);

  Services& services_;
  blockstore::Store& store_;
  // Asked for once: Services may wait for the executor with its lock held.
  exchange::Fetcher& fetcher_;
  OffloadPool& pool_;
  // Of every change, from the look at the rules to the pin; taken before mutex_, and never on the
  // executor.
  std::mutex changing_;
  std::uint64_t fetches_ = 0;  // So far; of changing_.
  mutable std::mutex mutex_;   // Of kept_ and left_; never held while something blocks.
  std::map<std::string, Kept> kept_;
  Left left_;  // Bytes by root: let go, and in the store until gc.
  TaskGroup tasks_;
};

}  // namespace accel::node
