// SPDX-License-Identifier: Apache-2.0
#include "peers/discovery.hpp"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "accel/core/async/with_timeout.hpp"
#include "accel/core/log.hpp"

namespace accel::node {
namespace {

using libp2p::Kad;
using libp2p::KadNetwork;
using libp2p::KadPeer;
using libp2p::KadReport;

constexpr Duration kLookAgain = std::chrono::seconds(15);  // Whether a kept peer is still there.
constexpr Duration kFirstBackOff = std::chrono::seconds(5);
constexpr Duration kLongestBackOff = std::chrono::minutes(10);
constexpr Duration kBootstrapEvery = std::chrono::minutes(1);
constexpr Duration kLastDials = std::chrono::seconds(1);  // To who is found at the limit.
constexpr std::size_t kEnoughPeers = 4;  // Below, the bootstrap peers are asked again.

// Whether a node can be reached from this machine only.
bool is_on_loopback_only(const std::vector<ipld::Multiaddr>& addresses) {
  return std::ranges::all_of(addresses, [](const ipld::Multiaddr& address) {
    const std::string text = address.to_string();
    return text.starts_with("/ip4/127.") || text.starts_with("/ip6/::1/");
  });
}

// An address that is none costs itself alone: the others are still met.
std::vector<ipld::Multiaddr> peers_named(const Config& config, const char* key) {
  std::vector<ipld::Multiaddr> peers;
  for (const std::string& text : config.get<ConfigList>(key)) {
    auto address = ipld::Multiaddr::parse(text);
    if (address && address->peer_id()) {
      peers.push_back(std::move(*address));
      continue;
    }
    const std::string why =
        address ? "It names no peer; it should end in /p2p/ID." : address.error().message;
    log::warn("node", "An address of the configuration is left out.",
              {log::field("key", key), log::field("address", text), log::field("cause", why)});
  }
  return peers;
}

// Errors that say nothing more than that this network does not know.
bool is_mere_absence(const Error& error) {
  return error.code == Errc::unavailable || error.code == Errc::not_found ||
         error.code == Errc::timeout;
}

}  // namespace

Discovery::Discovery(Executor executor, libp2p::Host& host)
    : host_(host), tasks_(std::move(executor), "discovery") {}

Discovery::~Discovery() = default;

Result<std::unique_ptr<Discovery>> Discovery::start(Executor executor, libp2p::Host& host,
                                                    const Config& config, Metrics& metrics,
                                                    const Clock& clock) {
  auto bootstrap = peers_named(config, "swarm.bootstrap");
  const auto peering = peers_named(config, "swarm.peering");
  std::unique_ptr<Discovery> made(
      new Discovery(executor, host));  // tidy: raw-new: private constructor
  const auto mode = config.get<std::string>("routing.dht");
  const auto add = [&](const char* name, KadNetwork network) {
    libp2p::KadOptions options;
    options.network = network;
    options.loopback =
        config.get<bool>("routing.loopback_addresses") || is_on_loopback_only(host.addresses());
    made->dhts_.push_back({name, std::make_unique<Kad>(executor, host, clock, metrics, options)});
    made->dhts_.back().kad->attach();
  };
  if (mode != "off") add("lan", KadNetwork::lan);
  if (mode == "auto") add("wan", KadNetwork::wan);
  made->start_mdns(executor, config, metrics);
  for (const ipld::Multiaddr& address : peering) {
    made->tasks_.spawn(made->keep_connected(address));
  }
  if (!bootstrap.empty()) made->tasks_.spawn(made->keep_bootstrapped(std::move(bootstrap)));
  return made;
}

// A node that only this machine reaches has nothing to tell its network, unless it is to meet
// others of this machine.
void Discovery::start_mdns(const Executor& executor, const Config& config, Metrics& metrics) {
  const auto mode = config.get<std::string>("discovery.mdns");
  const bool loopback = mode == "loopback";
  if (mode == "off" || (!loopback && is_on_loopback_only(host_.addresses()))) return;
  libp2p::MdnsOptions options;
  options.interfaces = libp2p::mdns_interfaces(loopback);
  auto started = libp2p::Mdns::start(executor, host_, metrics, std::move(options));
  if (!started) {
    return log::warn("node", "Peers of this network are not looked for by mDNS.",
                     {log::field("cause", started.error().to_string())});
  }
  mdns_ = std::move(*started);
}

tl::unexpected<Error> Discovery::no_dht() const {
  return fail(Errc::unavailable, "There is no DHT here: routing.dht is off.");
}

Task<void> Discovery::keep_connected(ipld::Multiaddr address) {
  Duration back_off = kFirstBackOff;
  for (;;) {
    const auto connected = co_await host_.connect(address);  // At once when it is there.
    const Duration pause = connected ? kLookAgain : back_off;
    if (!connected) {
      log::debug("node", "A peer of swarm.peering is not reached.",
                 {log::field("address", address.to_string()),
                  log::field("cause", connected.error().message)});
    }
    back_off = connected ? kFirstBackOff : std::min(2 * back_off, kLongestBackOff);
    const Status waited = co_await delay(pause);
    ACCEL_CO_CHECK(waited);
  }
}

Task<void> Discovery::keep_bootstrapped(std::vector<ipld::Multiaddr> addresses) {
  for (;;) {
    std::size_t known = 0;
    for (const Dht& dht : dhts_) known += dht.kad->stat().peers;
    if (known < kEnoughPeers) {
      for (const ipld::Multiaddr& address : addresses) {
        const auto connected = co_await host_.connect(address);
        if (connected) continue;
        log::debug("node", "A peer of swarm.bootstrap is not reached.",
                   {log::field("address", address.to_string()),
                    log::field("cause", connected.error().message)});
      }
    }
    const Status waited = co_await delay(kBootstrapEvery);
    ACCEL_CO_CHECK(waited);
  }
}

Task<KadPeer> Discovery::find_peer(ipld::PeerId peer, std::stop_token stop) {
  if (dhts_.empty()) co_return no_dht();
  std::optional<Error> last;
  for (const Dht& dht : dhts_) {
    auto finding = dht.kad->find_peer(peer, stop);
    auto found = co_await std::move(finding);
    if (found) co_return std::move(*found);
    if (!is_mere_absence(found.error())) co_return fail(std::move(found.error()));
    if (!last || found.error().code == Errc::not_found) last = std::move(found.error());
  }
  co_return fail(std::move(*last));
}

Task<std::size_t> Discovery::find_providers(ipld::Multihash key, std::size_t count,
                                            Kad::OnProvider on_provider, std::stop_token stop) {
  if (dhts_.empty()) co_return no_dht();
  std::vector<ipld::PeerId> told;
  bool enough = false;
  const Kad::OnProvider once = [&](const KadPeer& provider) {
    if (std::ranges::find(told, provider.id) != told.end()) return true;
    told.push_back(provider.id);
    enough = !on_provider(provider) || (count > 0 && told.size() >= count);
    return !enough;
  };
  std::optional<Error> last;
  for (const Dht& dht : dhts_) {
    auto finding = dht.kad->find_providers(key, 0, once, stop);
    const auto found = co_await std::move(finding);
    if (!found && !is_mere_absence(found.error())) co_return fail(Error(found.error()));
    if (!found) last = found.error();
    if (enough) break;
  }
  if (told.empty() && last) co_return fail(std::move(*last));
  co_return told.size();
}

// One DHT that takes it is enough.
Task<KadReport> Discovery::tell_all(std::function<Task<KadReport>(Kad&)> tell) {
  if (dhts_.empty()) co_return no_dht();
  KadReport sum;
  std::optional<Error> last;
  for (const Dht& dht : dhts_) {
    auto telling = tell(*dht.kad);
    const auto report = co_await std::move(telling);
    if (!report) {
      if (!last) last = report.error();
      continue;
    }
    sum.closest += report->closest;
    sum.stored += report->stored;
    sum.asked += report->asked;
  }
  if (sum.stored == 0 && last) co_return fail(std::move(*last));
  co_return sum;
}

Task<KadReport> Discovery::provide(ipld::Multihash key, std::stop_token stop) {
  return tell_all(
      [key = std::move(key), stop = std::move(stop)](Kad& kad) { return kad.provide(key, stop); });
}

Task<KadReport> Discovery::put_value(Bytes key, Bytes value, std::stop_token stop) {
  return tell_all([key = std::move(key), value = std::move(value),
                   stop = std::move(stop)](Kad& kad) { return kad.put_value(key, value, stop); });
}

Task<std::optional<Bytes>> Discovery::get_value(Bytes key, std::stop_token stop) {
  if (dhts_.empty()) co_return no_dht();
  std::optional<Error> last;
  for (const Dht& dht : dhts_) {
    auto getting = dht.kad->get_value(key, stop);
    auto got = co_await std::move(getting);
    if (got && *got) co_return std::move(*got);
    if (!got && !is_mere_absence(got.error())) co_return fail(std::move(got.error()));
    if (!got) last = std::move(got.error());
  }
  if (last) co_return fail(std::move(*last));
  co_return std::nullopt;
}

Task<void> Discovery::reach(ipld::PeerId peer, std::stop_token stop) {
  std::vector<ipld::Multiaddr> none;
  const Status known = co_await host_.reach(peer, std::move(none));
  if (known || dhts_.empty()) co_return known;
  auto finding = find_peer(peer, stop);
  auto found = co_await std::move(finding);
  if (!found) co_return fail(std::move(found.error()));
  auto reaching = host_.reach(peer, std::move(found->addresses));
  co_return co_await with_stop(std::move(reaching), std::move(stop));
}

struct Discovery::Reaching {
  explicit Reaching(const Executor& on) : over(on) {}
  std::vector<ipld::Multiaddr> reached;
  std::size_t left = 0;
  asio::steady_timer over;
};

Task<void> Discovery::reach_one(std::shared_ptr<Reaching> all, KadPeer provider) {
  struct Leave {
    Reaching& of;
    ~Leave() {
      if (--of.left == 0) of.over.cancel();
    }
  };
  const Leave leave{*all};
  const ipld::PeerId id = provider.id;
  if (provider.addresses.empty()) {
    auto finding = find_peer(id, {});
    const auto found = co_await std::move(finding);
    if (found) provider.addresses = found->addresses;
  }
  const Status there = co_await host_.reach(id, std::move(provider.addresses));
  const auto remote = host_.remote_of(id);
  if (there && remote) all->reached.push_back(remote->with_peer(id));
  co_return Status{};
}

Task<std::vector<ipld::Multiaddr>> Discovery::reach_providers(ipld::Multihash key,
                                                              std::size_t count, Duration limit,
                                                              std::stop_token stop) {
  const Executor executor = co_await asio::this_coro::executor;
  // Owners: this, and the dials, which may go on after the limit.
  const auto all = std::make_shared<Reaching>(executor);
  const Kad::OnProvider dial = [this, all](const KadPeer& provider) {
    ++all->left;
    tasks_.spawn(reach_one(all, provider));
    return true;
  };
  const SteadyTime began = system_clock().now();
  auto finding = find_providers(key, count, dial, std::move(stop));
  const auto found = co_await with_timeout(std::move(finding), limit);
  if (!found) log::debug("node", found.error().to_string());
  if (all->left > 0) {
    all->over.expires_at(began + limit + kLastDials);
    const auto waited = co_await all->over.async_wait(asio::as_tuple(asio::use_awaitable));
    static_cast<void>(waited);  // Who was reached in time counts.
  }
  co_return all->reached;
}

Task<std::vector<Discovery::Network>> Discovery::look() const {
  std::vector<Network> networks;
  for (const Dht& dht : dhts_) networks.push_back({dht.name, dht.kad->stat()});
  co_return networks;
}

Task<void> Discovery::shutdown() {
  tasks_.cancel();
  const Status joined = co_await tasks_.join();
  static_cast<void>(joined);
  if (mdns_) {
    const Status ended = co_await mdns_->shutdown();
    static_cast<void>(ended);
  }
  for (const Dht& dht : dhts_) {
    const Status ended = co_await dht.kad->shutdown();
    static_cast<void>(ended);
  }
  co_return Status{};
}

void export_discovery(const std::vector<Discovery::Network>& networks, Metrics& metrics) {
  for (const Discovery::Network& network : networks) {
    const Labels labels{{"network", network.name}};
    const auto set = [&](const char* name, const char* help, std::size_t value) {
      metrics.gauge(name, help, labels).set(static_cast<double>(value));
    };
    set("accel_kad_peers", "Peers in the routing table of the DHT", network.stat.peers);
    set("accel_kad_peers_refused", "Peers kept out of it by the limits on networks and buckets",
        network.stat.refused);
    set("accel_kad_provider_records", "Records of providers kept for others",
        network.stat.provider_records);
    set("accel_kad_values", "Signed values kept for others", network.stat.values);
  }
}

}  // namespace accel::node
