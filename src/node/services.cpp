// SPDX-License-Identifier: Apache-2.0
#include "services.hpp"

#include <unistd.h>

#include <boost/asio/post.hpp>

#include "accel/core/log.hpp"
#include "accel/core/random.hpp"

namespace accel::node {

Services::Services(Home home, const Config& config, bool is_daemon)
    : home_(std::move(home)),
      config_(config),
      is_daemon_(is_daemon),
      kept_sessions_(
          is_daemon ? static_cast<std::size_t>(config.get<std::int64_t>("models.kept_sessions"))
                    : 0) {}

Services::~Services() = default;

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

Result<gateway::TrustlessGateway*> Services::gateway() {
  ACCEL_TRY(blockstore::Store* const opened, store());
  return &lazily(gateway_, [&] {
    return std::make_unique<gateway::TrustlessGateway>(*opened, pool(), metrics_);
  });
}

exchange::Fetcher& Services::fetcher(blockstore::Store& store) {
  return lazily(fetcher_, [&] {
    client_ = std::make_unique<net::HttpClient>(io().executor());
    return std::make_unique<exchange::Fetcher>(store, *client_, pool(), clock(), metrics_);
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

void Services::refresh_metrics() {
  const std::scoped_lock lock(mutex_);
  if (!store_) return;
  const blockstore::CacheReport cache = store_->cache_report();
  const auto set = [&](const char* name, const char* help, std::uint64_t value) {
    metrics_.gauge(name, help).set(static_cast<double>(value));
  };
  set("accel_store_cache_bytes", "Memory that small blocks take", cache.bytes);
  set("accel_store_cache_limit_bytes", "performance.cache_size", cache.limit_bytes);
  set("accel_store_cache_hits", "Small blocks read from memory since the start", cache.hits);
  set("accel_store_cache_misses", "Small blocks read from disk since the start", cache.misses);
}

void Services::load_early(const std::string& engine) {
  inference::Backend* const wanted = backend(engine);
  const std::scoped_lock lock(mutex_);
  if (wanted == nullptr || early_) return;
  early_ = std::make_unique<IoThread>(1, "load");
  asio::post(early_->executor(), [wanted] { (void)wanted->load(); });
}

}  // namespace accel::node
