// SPDX-License-Identifier: Apache-2.0
#pragma once
// The copies that this node wants at others: asks peers, waits until they have pulled, checks
// random leaves of each copy, and keeps looking after them. What is wanted lies in the home. Every
// call blocks; any thread but the host's. Owned by Replicas.

#include <functional>
#include <mutex>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <set>
#include <stop_token>

#include "accel/exchange/replication.hpp"
#include "services.hpp"

namespace accel::node {

class Replicator {
 public:
  Replicator(Services& services, blockstore::Store& store, libp2p::Host& host,
             exchange::Bitswap& bitswap);

  using OnStep = std::function<void(const nlohmann::json&)>;
  // Brings a root to `copies` other nodes and remembers that so many are wanted. Fewer are no
  // error: "complete" says so, "asked" why, and the daemon goes on trying. Errors: not_found (not
  // all of it is here), permission_denied (it is private), unavailable (nobody can be asked;
  // another call is at work on it), cancelled.
  Result<nlohmann::json> add(const ipld::Cid& root, std::size_t copies, const std::stop_token& stop,
                             const OnStep& on_step);
  Result<nlohmann::json> list() const;
  // Tells the holders that they need not keep it. Errors: not_found.
  Result<nlohmann::json> remove(const ipld::Cid& root, const std::stop_token& stop);
  // Checks every copy, and brings new ones where one is gone.
  void look_after(const std::stop_token& stop);

 private:
  struct Holder {
    std::string peer;
    std::vector<std::string> addresses;  // Where it listens by its word.
    std::int64_t verified_s = 0;
    std::uint32_t failures = 0;  // Checks in a row.
  };
  struct Wanted {
    ipld::Cid root;
    std::size_t copies = 0;
    std::uint64_t bytes = 0;
    std::vector<Holder> holders;
  };
  struct Round;
  class Busy;

  Status bring(Wanted& wanted, Round& round);
  std::vector<Holder> candidates(const Wanted& wanted, Round& round,
                                 std::vector<exchange::ReplicaCandidate>& judged);
  void ask_to_hold(Wanted& wanted, std::vector<Holder> chosen, Round& round);
  Result<exchange::ReplicaAnswer> ask(const std::string& peer, exchange::ReplicaRequest request,
                                      const std::stop_token& stop);
  Status wait_until_held(const Wanted& wanted, const Holder& holder, Round& round);
  Status verify(const Wanted& wanted, Holder& holder, std::size_t leaves,
                const std::stop_token& stop);
  Status check(const Wanted& wanted, Holder& holder, const std::stop_token& stop);
  void check_all(Wanted& wanted, const std::stop_token& stop);
  void reconnect(const Holder& holder, const std::stop_token& stop);
  exchange::ReplicaRequest request_of(const Wanted& wanted,
                                      exchange::ReplicaRequest::Kind kind) const;
  Status write(const Wanted& wanted);
  std::vector<Wanted> read() const;
  std::optional<Wanted> find(const ipld::Cid& root) const;
  nlohmann::json json_of(const Wanted& wanted) const;

  Services& services_;
  blockstore::Store& store_;
  libp2p::Host& host_;
  exchange::Bitswap& bitswap_;
  std::mutex mutex_;
  std::set<std::string> busy_;  // Roots that a call is at work on.
};

}  // namespace accel::node
