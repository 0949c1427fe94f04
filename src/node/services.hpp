// SPDX-License-Identifier: Apache-2.0
#pragma once
// What the methods of a node share: each service is built when it is first asked for, so that `cid`
// pays for no store and `run` for no network. Thread-safe; lives as long as the node.

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "accel/blockstore/store.hpp"
#include "accel/core/async/io.hpp"
#include "accel/core/async/offload.hpp"
#include "accel/core/config.hpp"
#include "accel/core/metrics.hpp"
#include "accel/db/journal.hpp"
#include "accel/exchange/bitswap.hpp"
#include "accel/exchange/fetcher.hpp"
#include "accel/gateway/gateway.hpp"
#include "accel/gateway/name_resolver.hpp"
#include "accel/inference/backend.hpp"
#include "accel/libp2p/host.hpp"
#include "accel/net/http_client.hpp"
#include "accel/node/home.hpp"
#include "accel/security/gate.hpp"
#include "audit.hpp"
#include "content/scrubber.hpp"
#include "gateway/gateway_routing.hpp"
#include "names/publisher.hpp"
#include "serving/turn.hpp"

namespace accel::node {

class FreshNames;
class Announcer;
class Discovery;
class HttpStreams;
class Prefetcher;
class Replicas;

class Services {
 public:
  Services(Home home, const Config& config, bool is_daemon, std::vector<std::string> swarm = {});
  ~Services();

  const Home& home() const { return home_; }
  const Config& config() const { return config_; }
  bool is_daemon() const { return is_daemon_; }
  const Clock& clock() const { return system_clock(); }
  Metrics& metrics() { return metrics_; }
  Turn& measuring() { return measuring_; }

  // Errors: as opening each of them.
  Result<blockstore::Store*> store();
  Result<db::Journal*> journal();
  Result<gateway::Gateway*> gateway();
  void announce_gateways(const std::vector<std::string>& urls);
  // From mutable names to content, by the configuration of the gateway.
  Result<gateway::NameResolver*> names();
  net::HttpClient& client();
  exchange::Fetcher& fetcher(blockstore::Store& store);
  // The libp2p host: a daemon's listens at listen.swarm, another process's only dials. Errors:
  // as Host::start(), and of the key's file.
  Result<libp2p::Host*> host();
  // Bitswap over it, known to the fetcher; a daemon that listens serves by it.
  Result<exchange::Bitswap*> bitswap();
  // How others are found; null without a swarm.
  Discovery* discovery() { return discovery_.get(); }
  // Copies at other nodes; only of a daemon that listens. Errors: as bitswap().
  Result<Replicas*> replicas();
  // What peers want beforehand; null without a swarm.
  Prefetcher* prefetcher() { return prefetcher_.get(); }
  // Whether this is a daemon that peers can reach: then they are asked without being named.
  bool has_swarm() const;
  IoThread& io();
  OffloadPool& pool();
  // ONNX Runtime and OpenVINO as the configuration allows; nothing is loaded before it is used.
  const std::vector<std::unique_ptr<inference::Backend>>& backends();
  inference::Backend* backend(std::string_view name);
  // What a daemon does by itself; nothing in other processes. Errors are logged.
  void start_background();
  Audit& audit() { return audit_; }
  security::Gate& gate() { return gate_; }
  // Names whose record was asked for everywhere a short while ago.
  FreshNames& fresh_names() { return *fresh_names_; }
  // A publication was made: the publisher looks at it.
  void names_changed();
  // Levels that nobody counts as they change.
  void refresh_metrics();
  // Loads the engine's library on another thread, so that a command in process that will need it
  // does other work meanwhile. An engine that is not here says so when it is used.
  void load_early(const std::string& engine);

 private:
  void start_publisher();
  Status start_discovery();
  void stop_swarm();
  void refresh_swarm_metrics();

  template <class T, class Make>
  T& lazily(std::unique_ptr<T>& slot, Make make) {
    const std::scoped_lock lock(mutex_);
    if (!slot) slot = make();
    return *slot;
  }

  Home home_;
  const Config& config_;
  bool is_daemon_;
  std::vector<std::string> swarm_;  // Where to listen.
  Metrics metrics_;
  Audit audit_{home_, clock()};
  security::Gate gate_{home_.root, clock(), is_daemon_};
  Turn measuring_;
  std::recursive_mutex mutex_;
  std::unique_ptr<blockstore::Store> store_;
  std::unique_ptr<db::Journal> journal_;
  std::unique_ptr<IoThread> io_;  // Outlives what runs on it: declared before.
  std::unique_ptr<OffloadPool> pool_;
  std::unique_ptr<net::HttpClient> client_;
  std::unique_ptr<exchange::Fetcher> fetcher_;
  std::unique_ptr<exchange::Bitswap> bitswap_;  // Outlives the host, whose tasks refer to it.
  std::unique_ptr<HttpStreams> http_streams_;   // So do these handlers.
  // Made in the constructor of the node, before anybody asks; outlives the host, as above.
  std::unique_ptr<Discovery> discovery_;
  std::unique_ptr<Announcer> announcer_;    // Uses discovery_ and store_.
  std::unique_ptr<Replicas> replicas_;      // So do its handlers.
  std::unique_ptr<Prefetcher> prefetcher_;  // Uses all of these, and store_.
  std::unique_ptr<libp2p::Host> host_;
  std::unique_ptr<gateway::NameResolver> names_;
  ServingPeers serving_;  // The gateway asks it: declared before.
  std::unique_ptr<gateway::Gateway> gateway_;
  std::vector<std::unique_ptr<inference::Backend>> backends_;
  std::unique_ptr<IoThread> early_;     // Uses backends_: declared after.
  std::unique_ptr<Scrubber> scrubber_;  // Uses store_.
  std::unique_ptr<FreshNames> fresh_names_;
  std::unique_ptr<Publisher> publisher_;  // Uses store_, client_ and io_.
};

}  // namespace accel::node
