// SPDX-License-Identifier: Apache-2.0
#pragma once
// Fetches beforehand, in the background and unpinned, what peers ask for and this node lacks,
// within a budget and only for peers that the configuration names (prefetch.*; by default for
// nobody). Says of everything that is wanted why it is fetched or not. Owned by Services, of a
// daemon that listens; a thread of its own.

#include <map>
#include <mutex>
#include <nlohmann/json_fwd.hpp>
#include <stop_token>

#include "accel/core/async/io.hpp"
#include "accel/exchange/demand.hpp"
#include "services.hpp"

namespace accel::node {

class Prefetcher {
 public:
  struct Network {
    exchange::Bitswap& bitswap;
    Discovery* discovery = nullptr;  // May be null.
  };
  // What it takes outlives it: stop() before the network ends.
  Prefetcher(Services& services, blockstore::Store& store, Network network);
  ~Prefetcher();
  Prefetcher(const Prefetcher&) = delete;
  Prefetcher& operator=(const Prefetcher&) = delete;

  // {on, for, min_peers, max_bytes, used_bytes, wanted[{cid, peers, seconds_ago, fetch, why}],
  // fetched[{cid, bytes, peers, at}], provenance}. Blocks.
  Result<nlohmann::json> list(const std::stop_token& stop);
  // Blocks until nothing of it runs. Idempotent.
  void stop();

 private:
  struct Failure {
    SteadyTime when;
    std::string reason;
  };
  void run();
  void look();
  Result<std::vector<exchange::Demanded>> demand(const std::stop_token& stop);
  std::vector<exchange::PrefetchChoice> choose(const std::vector<exchange::Demanded>& demand);
  std::string known(const ipld::Cid& cid);
  Status fetch(const exchange::PrefetchChoice& choice);
  // What was fetched and is still here; what has gone is forgotten.
  std::map<std::string, nlohmann::json> fetched();
  std::uint64_t used_bytes();

  Services& services_;
  blockstore::Store& store_;
  Network network_;
  exchange::Fetcher& fetcher_;  // Asked for once, as by ReplicaKeeper.
  exchange::PrefetchRules rules_;
  Duration interval_;
  std::mutex mutex_;
  std::map<std::string, Failure> failures_;  // Under mutex_; those of the last while.
  std::stop_source stop_;
  IoThread thread_{1, "prefetch"};  // Uses all of the above: declared last.
};

}  // namespace accel::node
