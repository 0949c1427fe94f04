// SPDX-License-Identifier: Apache-2.0
#include "peers/prefetcher.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <nlohmann/json.hpp>

#include "accel/core/async/sync_wait.hpp"
#include "accel/core/async/with_timeout.hpp"
#include "accel/core/lock_wait.hpp"
#include "accel/core/log.hpp"
#include "peers/discovery.hpp"
#include "peers/source_book.hpp"

namespace accel::node {
namespace {

using exchange::Demanded;
using exchange::PrefetchChoice;
using nlohmann::json;

constexpr std::string_view kSpace = "prefetched";
constexpr Duration kTryAgain = std::chrono::minutes(10);
constexpr std::size_t kMaxSources = 10;  // Peers that the DHT names.
constexpr std::size_t kMaxShown = 100;
constexpr Duration kLongestFetch = std::chrono::hours(1);  // Of one; others wait behind it.

exchange::PrefetchRules rules_of(const Config& config) {
  exchange::PrefetchRules rules;
  rules.peers = config.get<ConfigList>("prefetch.for");
  rules.anybody = std::ranges::find(rules.peers, "any") != rules.peers.end();
  rules.min_peers = static_cast<std::size_t>(config.get<std::int64_t>("prefetch.min_peers"));
  rules.max_bytes = static_cast<std::uint64_t>(config.get<std::int64_t>("prefetch.max_bytes"));
  return rules;
}

}  // namespace

Prefetcher::Prefetcher(Services& services, blockstore::Store& store, Network network)
    : services_(services),
      store_(store),
      network_(network),
      fetcher_(services.fetcher(store)),
      rules_(rules_of(services.config())),
      interval_(services.config().get<std::chrono::milliseconds>("prefetch.interval")) {
  if (rules_.is_on()) asio::post(thread_.executor(), [this] { run(); });
}

Prefetcher::~Prefetcher() { stop(); }

void Prefetcher::stop() {
  if (stop_.request_stop()) thread_.stop();
}

void Prefetcher::run() {
  while (pause_for(interval_, stop_.get_token())) look();
}

// The first that fits; each changes what is left for the next.
void Prefetcher::look() {
  const auto wanted = demand(stop_.get_token());
  if (!wanted) return;
  while (!stop_.stop_requested()) {
    const auto choices = choose(*wanted);
    const auto next = std::ranges::find(choices, true, &PrefetchChoice::fetch);
    if (next == choices.end()) return;
    const Status done = fetch(*next);
    if (stop_.stop_requested()) return;
    if (!done) {
      log::info(
          "node", "What peers want could not be fetched beforehand.",
          {log::field("cid", next->cid.to_string()), log::field("cause", done.error().message)});
      const std::scoped_lock lock(mutex_);
      failures_[next->cid.to_string()] = {services_.clock().now(), done.error().message};
    }
  }
}

Result<std::vector<Demanded>> Prefetcher::demand(const std::stop_token& stop) {
  const auto read = [](exchange::Bitswap* from) -> Task<std::vector<Demanded>> {
    co_return from->demand();
  };
  auto reading = read(&network_.bitswap);
  return sync_wait(services_.io().executor(), std::move(reading), stop);
}

std::vector<PrefetchChoice> Prefetcher::choose(const std::vector<Demanded>& demand) {
  return exchange::choose_prefetch(demand, rules_, used_bytes(),
                                   [this](const ipld::Cid& cid) { return known(cid); });
}

std::string Prefetcher::known(const ipld::Cid& cid) {
  const auto hidden = store_.is_private(cid);
  if (!hidden || *hidden) return "it is private here";
  const auto here = store_.has(cid);
  if (!here || *here) return "it is here";
  const std::scoped_lock lock(mutex_);
  const SteadyTime now = services_.clock().now();
  std::erase_if(failures_, [&](const auto& item) { return now - item.second.when >= kTryAgain; });
  const auto found = failures_.find(cid.to_string());
  return found == failures_.end() ? std::string() : "it failed lately: " + found->second.reason;
}

std::map<std::string, json> Prefetcher::fetched() {
  std::map<std::string, json> rows;
  const auto kept = store_.kv_list(kSpace);
  if (!kept) return rows;
  for (const auto& [text, value] : *kept) {
    const auto cid = ipld::Cid::parse(text);
    const json row = json::parse(value, nullptr, false);
    const auto here = cid ? store_.has(*cid) : Result<bool>(false);
    if (here && *here && row.is_object()) {
      rows.emplace(text, row);
    } else if (here) {
      (void)store_.kv_erase(kSpace, text);
    }
  }
  return rows;
}

std::uint64_t Prefetcher::used_bytes() {
  std::uint64_t sum = 0;
  for (const auto& [cid, row] : fetched()) sum += row.value("bytes", std::uint64_t{0});
  return sum;
}

// From whoever is connected and has it, whom the DHT names, and the gateways that pulls ask.
Status Prefetcher::fetch(const PrefetchChoice& choice) {
  const Config& config = services_.config();
  const auto limit = config.get<std::chrono::milliseconds>("ipfs.timeout");
  exchange::PullOptions options;
  options.sources = config.get<ConfigList>("ipfs.gateway");
  options.ask_connected_peers = true;
  options.known = known_sources(store_);
  options.pin = false;
  options.urgency = exchange::Urgency::background;
  options.stop = stop_.get_token();
  options.limits.stall_timeout = limit;
  options.limits.max_total_bytes = rules_.max_bytes - used_bytes();
  if (network_.discovery != nullptr && network_.discovery->has_dht()) {
    auto reaching = network_.discovery->reach_providers(choice.cid.hash(), kMaxSources, limit,
                                                        stop_.get_token());
    ACCEL_TRY(const auto reached,
              sync_wait(services_.io().executor(), std::move(reaching), stop_.get_token()));
    for (const ipld::Multiaddr& address : reached) options.peers.push_back(address.to_string());
  }
  std::uint64_t came = 0;
  options.on_progress = [&came](const exchange::PullProgress& step) { came = step.bytes_done; };
  auto pulling = with_timeout(fetcher_.pull(choice.cid, std::move(options)), kLongestFetch);
  const auto report = sync_wait(services_.io().executor(), std::move(pulling), stop_.get_token());
  note_pull(services_, store_, report);
  const auto keep = [&](std::uint64_t bytes) {
    const json row{{"bytes", bytes},
                   {"peers", choice.peers},
                   {"at", to_rfc3339(services_.clock().wall_now())}};
    return store_.kv_put(kSpace, choice.cid.to_string(), row.dump());
  };
  if (!report) {  // What came of it lies here and counts.
    ACCEL_CHECK(keep(came + exchange::PullLimits{}.max_in_flight_bytes));
    return fail(Error(report.error()));
  }
  log::info("node", "What peers want was fetched beforehand.",
            {log::field("cid", choice.cid.to_string()), log::field("bytes", report->bytes_total),
             log::field("why", choice.why)});
  return keep(report->bytes_total);
}

Result<json> Prefetcher::list(const std::stop_token& stop) {
  ACCEL_TRY(std::vector<Demanded> wanted, demand(stop));
  std::erase_if(wanted, [this](const Demanded& one) {
    const auto hidden = store_.is_private(one.cid);
    return !hidden || *hidden;
  });
  if (wanted.size() > kMaxShown) wanted.resize(kMaxShown);
  const SteadyTime now = services_.clock().now();
  json rows = json::array();
  const std::vector<PrefetchChoice> choices = choose(wanted);
  for (std::size_t i = 0; i < choices.size(); ++i) {
    rows.push_back({{"cid", choices[i].cid.to_string()},
                    {"peers", wanted[i].peers.size()},
                    {"seconds_ago", to_ms(now - wanted[i].last) / 1000},
                    {"fetch", choices[i].fetch},
                    {"why", choices[i].why}});
  }
  json here = json::array();
  std::uint64_t used = 0;
  for (auto& [cid, row] : fetched()) {
    used += row.value("bytes", std::uint64_t{0});
    here.push_back(row);
    here.back()["cid"] = cid;
  }
  return json{
      {"on", rules_.is_on()},          {"for", rules_.peers},     {"min_peers", rules_.min_peers},
      {"max_bytes", rules_.max_bytes}, {"used_bytes", used},      {"wanted", std::move(rows)},
      {"fetched", std::move(here)},    {"provenance", "measured"}};
}

}  // namespace accel::node
