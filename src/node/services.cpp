// SPDX-License-Identifier: Apache-2.0
#include "services.hpp"

#include <unistd.h>

#include <algorithm>
#include <boost/asio/post.hpp>

#include "accel/core/async/sync_wait.hpp"
#include "accel/core/log.hpp"
#include "accel/core/random.hpp"
#include "accel/libp2p/perf.hpp"
#include "accel/net/txt_lookup.hpp"
#include "names/resolution.hpp"
#include "peers/announcer.hpp"
#include "peers/discovery.hpp"
#include "peers/http_streams.hpp"
#include "peers/prefetcher.hpp"
#include "peers/replicas.hpp"
#include "peers/swarm.hpp"

namespace accel::node {
namespace {

Result<gateway::GatewayOptions> gateway_options(const Config& config) {
  gateway::GatewayOptions options;
  options.hosts.clear();
  for (const std::string& text : config.get<ConfigList>("gateway.hosts")) {
    ACCEL_TRY(auto host, gateway::parse_known_host(text));
    options.hosts.push_back(std::move(host));
  }
  ACCEL_TRY(options.dnslinks, gateway::parse_dnslinks(config.get<ConfigList>("gateway.dnslink")));
  options.limits.max_requests_per_client =
      static_cast<std::size_t>(config.get<std::int64_t>("gateway.max_requests_per_client"));
  if (config.get<bool>("gateway.dns_lookup")) {
    options.lookup_txt = [](const std::string& domain) { return net::look_up_txt(domain); };
  }
  return options;
}

Task<std::vector<std::string>> look_up_txt(OffloadPool* pool, std::string domain) {
  auto job = [&domain](std::stop_token) { return net::look_up_txt(domain); };
  auto looking = pool->run(job);
  co_return co_await std::move(looking);
}

}  // namespace

Services::Services(Home home, const Config& config, bool is_daemon, std::vector<std::string> swarm)
    : home_(std::move(home)),
      config_(config),
      is_daemon_(is_daemon),
      swarm_(swarm.empty() ? config.get<ConfigList>("listen.swarm") : std::move(swarm)),
      fresh_names_(std::make_unique<FreshNames>()) {}

Services::~Services() {
  publisher_.reset();
  stop_swarm();
}

// Streams end before what they speak to.
void Services::stop_swarm() {
  if (prefetcher_) prefetcher_->stop();
  if (announcer_) {
    auto ending = announcer_->shutdown();
    (void)sync_wait(io_->executor(), std::move(ending));
  }
  if (discovery_) {
    auto ending = discovery_->shutdown();
    (void)sync_wait(io_->executor(), std::move(ending));
  }
  if (replicas_) replicas_->stop();
  if (bitswap_) {
    auto ending = bitswap_->shutdown();
    (void)sync_wait(io_->executor(), std::move(ending));
  }
  if (host_) {
    auto ending = host_->shutdown();
    (void)sync_wait(io_->executor(), std::move(ending));
    host_.reset();
  }
}

Status Services::start_discovery() {
  ACCEL_TRY(libp2p::Host* const network, host());
  ACCEL_TRY(blockstore::Store* const opened, store());
  ACCEL_TRY(discovery_, Discovery::start(io().executor(), *network, config_, metrics_, clock()));
  const auto interval = config_.get<std::chrono::milliseconds>("routing.provide_interval");
  if (interval.count() == 0 || !discovery_->has_dht()) return {};
  announcer_ = std::make_unique<Announcer>(
      io().executor(), Announcer::Context{*opened, pool(), *discovery_, clock(), metrics_},
      interval);
  return {};
}

bool Services::has_swarm() const { return is_daemon_ && !swarm_.empty(); }

Result<libp2p::Host*> Services::host() {
  const std::scoped_lock lock(mutex_);
  if (!host_) {
    ACCEL_TRY(auto options, swarm_options(home_, config_));
    if (has_swarm()) {
      ACCEL_TRY(options.listen, swarm_addresses(swarm_));
    }
    options.lookup_txt = [work = &pool()](std::string domain) {
      return look_up_txt(work, std::move(domain));
    };
    ACCEL_TRY(host_, libp2p::Host::start(io().executor(), std::move(options)));
  }
  return host_.get();
}

Result<exchange::Bitswap*> Services::bitswap() {
  const std::scoped_lock lock(mutex_);
  if (bitswap_) return bitswap_.get();
  ACCEL_TRY(blockstore::Store* const opened, store());
  ACCEL_TRY(libp2p::Host* const network, host());
  exchange::BitswapOptions options;
  options.serve = has_swarm();
  options.max_upload_rate =
      static_cast<std::uint64_t>(config_.get<std::int64_t>("swarm.max_upload_rate"));
  bitswap_ = std::make_unique<exchange::Bitswap>(
      io().executor(), exchange::Bitswap::Context{*opened, pool(), clock(), metrics_},
      exchange::wire_of(*network), options);
  fetcher(*opened).use(*bitswap_);
  const bool measures = has_swarm() && config_.get<bool>("swarm.perf");
  if (has_swarm() && config_.get<bool>("gateway.libp2p")) {
    http_streams_ = std::make_unique<HttpStreams>(*opened, pool(), metrics_);
  }
  // Handlers are the executor's own.
  const auto attach = [](exchange::Bitswap* bitswap, HttpStreams* http, libp2p::Host* peers,
                         bool answers_perf) -> Task<void> {
    bitswap->attach(*peers);
    if (http != nullptr) http->attach(*peers);
    if (answers_perf) peers->handle(std::string(libp2p::kPerfProtocol), libp2p::answer_perf);
    co_return Status{};
  };
  auto attaching = attach(bitswap_.get(), http_streams_.get(), network, measures);
  ACCEL_CHECK(sync_wait(io().executor(), std::move(attaching)));
  return bitswap_.get();
}

Result<Replicas*> Services::replicas() {
  const std::scoped_lock lock(mutex_);
  if (!replicas_) {
    ACCEL_TRY(exchange::Bitswap* const blocks, bitswap());
    replicas_ = std::make_unique<Replicas>(
        *this, *store_, Replicas::Network{*host_, *blocks},
        config_.get<std::chrono::milliseconds>("replication.check_interval"));
  }
  return replicas_.get();
}

Result<blockstore::Store*> Services::store() {
  const std::scoped_lock lock(mutex_);
  if (!store_) {
    blockstore::StoreOptions options;
    options.directory = home_.store();
    // A home that may only be read still lists, reads and runs what it holds.
    options.read_only = ::access(home_.root.c_str(), W_OK) != 0;
    options.max_bytes = static_cast<std::uint64_t>(config_.get<std::int64_t>("store.max_bytes"));
    options.cache_bytes =
        static_cast<std::uint64_t>(config_.get<std::int64_t>("performance.cache_size"));
    ACCEL_TRY(store_, blockstore::Store::open(options));
  }
  return store_.get();
}

Result<db::Journal*> Services::journal() {
  const std::scoped_lock lock(mutex_);
  if (!journal_) {
    ACCEL_TRY(journal_, db::Journal::open(home_.journal(), clock(), system_random()));
  }
  return journal_.get();
}

Result<gateway::Gateway*> Services::gateway() {
  ACCEL_TRY(blockstore::Store* const opened, store());
  ACCEL_TRY(auto options, gateway_options(config_));
  const auto mode = config_.get<std::string>("gateway.routing");
  options.routing.enabled = mode != "off";
  options.routing.providers = [this] { return serving_.get(); };
  if (mode == "write") {
    options.routing.put_record = [this, opened](const ipld::IpnsName& name, ByteView record) {
      return keep_published(*opened, name, record, clock().wall_now());
    };
  }
  return &lazily(gateway_, [&] {
    return std::make_unique<gateway::Gateway>(*opened, pool(), metrics_, std::move(options));
  });
}

void Services::announce_gateways(const std::vector<std::string>& urls) {
  if (config_.get<std::string>("gateway.routing") == "off" || urls.empty()) return;
  auto record = gateway_record(home_, config_, urls);
  if (!record) {
    return log::warn("node", "the gateway names itself to nobody who asks for providers",
                     {log::field("cause", record.error().to_string())});
  }
  serving_.set({*std::move(record)});
}

Result<gateway::NameResolver*> Services::names() {
  ACCEL_TRY(blockstore::Store* const opened, store());
  ACCEL_TRY(auto options, gateway_options(config_));
  return &lazily(names_, [&] {
    return std::make_unique<gateway::NameResolver>(
        *opened, gateway::NameRules{std::move(options.dnslinks), std::move(options.lookup_txt),
                                    options.limits.max_name_steps, &clock()});
  });
}

net::HttpClient& Services::client() {
  return lazily(client_, [&] { return std::make_unique<net::HttpClient>(io().executor()); });
}

exchange::Fetcher& Services::fetcher(blockstore::Store& store) {
  return lazily(fetcher_, [&] {
    auto made = std::make_unique<exchange::Fetcher>(store, client(), pool(), clock(), metrics_);
    made->limit(static_cast<std::uint64_t>(config_.get<std::int64_t>("ipfs.max_download_rate")));
    return made;
  });
}

IoThread& Services::io() {
  return lazily(io_, [] { return std::make_unique<IoThread>(1, "io"); });
}

OffloadPool& Services::pool() {
  return lazily(pool_, [] { return std::make_unique<OffloadPool>(); });
}

const std::vector<std::unique_ptr<inference::Backend>>& Services::backends() {
  const std::scoped_lock lock(mutex_);
  if (backends_.empty()) {
    backends_.push_back(inference::make_onnxruntime_backend());
    if (config_.get<bool>("hardware.allow_openvino"))
      backends_.push_back(inference::make_openvino_backend());
  }
  return backends_;
}

inference::Backend* Services::backend(std::string_view name) {
  for (const auto& backend : backends()) {
    if (backend->name() == name) return backend.get();
  }
  return nullptr;
}

void Services::start_background() {
  if (has_swarm()) {
    const auto serving = replicas();
    if (!serving) {
      log::error("node", "The swarm does not start.",
                 {log::field("cause", serving.error().message)});
    }
    const Status finding = start_discovery();
    if (!finding) {
      log::error("node", "Peers are not looked for.",
                 {log::field("cause", finding.error().message)});
    }
    if (serving) {
      prefetcher_ = std::make_unique<Prefetcher>(*this, *store_,
                                                 Prefetcher::Network{*bitswap_, discovery_.get()});
    }
  }
  if (is_daemon_) start_publisher();
  const auto interval = config_.get<std::chrono::milliseconds>("store.scrub_interval");
  if (!is_daemon_ || interval.count() == 0) return;
  const auto opened = store();
  if (!opened)
    return log::warn("node", "The store is not scrubbed, for it does not open.",
                     {log::field("cause", opened.error().message)});
  const ScrubPlan plan{interval,
                       static_cast<std::uint64_t>(config_.get<std::int64_t>("store.scrub_rate"))};
  const std::scoped_lock lock(mutex_);
  if (!scrubber_) scrubber_ = std::make_unique<Scrubber>(**opened, metrics_, clock(), plan);
}

void Services::start_publisher() {
  const auto interval = config_.get<std::chrono::milliseconds>("names.republish_interval");
  const auto opened = store();
  if (interval.count() == 0 || !opened) return;
  const auto put = [this](const ipld::IpnsName& name, const Bytes& record, std::stop_token stop) {
    auto places = record_places(*this, {}, "routing.publishers", stop);
    if (places.empty()) return std::size_t{0};
    auto putting = put_everywhere(std::move(places), name, record, place_limit(*this));
    const auto outcomes = sync_wait(io().executor(), std::move(putting), std::move(stop));
    if (!outcomes) return std::size_t{0};
    return static_cast<std::size_t>(std::ranges::count_if(
        *outcomes, [](const PlaceOutcome& outcome) { return !outcome.error; }));
  };
  const std::scoped_lock lock(mutex_);
  if (publisher_) return;
  publisher_ =
      std::make_unique<Publisher>(home_, **opened, metrics_, clock(), PublisherPlan{interval, put});
}

void Services::names_changed() {
  const std::scoped_lock lock(mutex_);
  if (publisher_) publisher_->look_again();
}

void Services::refresh_metrics() {
  refresh_swarm_metrics();
  const blockstore::Store* const store = [this] {
    const std::scoped_lock lock(mutex_);
    return store_.get();
  }();
  if (store == nullptr) return;
  const blockstore::CacheReport cache = store->cache_report();
  const auto set = [&](const char* name, const char* help, std::uint64_t value) {
    metrics_.gauge(name, help).set(static_cast<double>(value));
  };
  set("accel_store_cache_bytes", "Memory that small blocks take", cache.bytes);
  set("accel_store_cache_limit_bytes", "performance.cache_size", cache.limit_bytes);
  set("accel_store_cache_hits", "Small blocks read from memory since the start", cache.hits);
  set("accel_store_cache_misses", "Small blocks read from disk since the start", cache.misses);
}

// These stay until the end once they are made: nobody waits for the I/O thread under the lock.
void Services::refresh_swarm_metrics() {
  std::unique_lock lock(mutex_);
  libp2p::Host* const network = host_.get();
  const Discovery* const finding = discovery_.get();
  lock.unlock();
  if (network == nullptr) return;
  auto looking = look_at(*network);
  const auto seen = sync_wait(io().executor(), std::move(looking));
  if (seen) export_swarm(*seen, metrics_);
  if (finding == nullptr) return;
  auto asking = finding->look();
  const auto networks = sync_wait(io().executor(), std::move(asking));
  if (networks) export_discovery(*networks, metrics_);
}

void Services::load_early(const std::string& engine) {
  inference::Backend* const wanted = backend(engine);
  const std::scoped_lock lock(mutex_);
  if (wanted == nullptr || early_) return;
  early_ = std::make_unique<IoThread>(1, "load");
  asio::post(early_->executor(), [wanted] { (void)wanted->load(); });
}

}  // namespace accel::node
