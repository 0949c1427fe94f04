// SPDX-License-Identifier: Apache-2.0
#include "peers/replicas.hpp"

#include <boost/asio/post.hpp>

#include "accel/core/async/sync_wait.hpp"
#include "accel/core/lock_wait.hpp"

namespace accel::node {
namespace {

// Handlers are the executor's own.
Task<void> attach(libp2p::Host* host, ReplicaKeeper* keeper) {
  const auto handler = [keeper](std::unique_ptr<libp2p::Stream> stream) {
    return keeper->serve(std::move(stream));
  };
  host->handle(std::string(exchange::kReplicateProtocol), handler);
  co_return Status{};
}

}  // namespace

Replicas::Replicas(Services& services, blockstore::Store& store, Network network, Duration interval)
    : io_(services.io()),
      interval_(interval),
      keeper_(services, store),
      replicator_(services, store, network.host, network.bitswap) {
  auto attaching = attach(&network.host, &keeper_);
  (void)sync_wait(io_.executor(), std::move(attaching));
  asio::post(thread_.executor(), [this] { run(); });
  asio::post(leases_.executor(), [this] { end_leases(); });
}

Replicas::~Replicas() { stop(); }

void Replicas::stop() {
  if (!stop_.request_stop()) return;
  thread_.stop();
  leases_.stop();
  auto ending = keeper_.shutdown();
  (void)sync_wait(io_.executor(), std::move(ending));
}

void Replicas::run() {
  const std::stop_token stop = stop_.get_token();
  while (pause_for(interval_, stop)) replicator_.look_after(stop);
}

// On a thread of its own: a peer that answers slowly holds up no lease's end.
void Replicas::end_leases() {
  const std::stop_token stop = stop_.get_token();
  while (pause_for(interval_, stop)) keeper_.expire();
}

}  // namespace accel::node
