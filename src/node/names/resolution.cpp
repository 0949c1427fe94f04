// SPDX-License-Identifier: Apache-2.0
#include "names/resolution.hpp"

#include <algorithm>
#include <set>

#include "accel/core/async/sync_wait.hpp"
#include "accel/gateway/ipns_store.hpp"
#include "accel/ipld/peer_id.hpp"
#include "peers/discovery.hpp"

namespace accel::node {
namespace {

using nlohmann::json;
using std::chrono::seconds;

constexpr std::size_t kMaxFreshNames = 4096;
constexpr std::size_t kMaxNamesOnTheWay = 8;
// Of a put: 20 peers are looked for and told.
constexpr seconds kDhtPutLimit{60};
constexpr seconds kLongestFresh = std::chrono::hours(1);  // Whatever a record asks for.

// "/ipns/NAME/…" as NAME.
std::string first_name(std::string_view path) {
  constexpr std::string_view kPrefix = "/ipns/";
  if (!path.starts_with(kPrefix)) return {};
  path.remove_prefix(kPrefix.size());
  return std::string(path.substr(0, path.find('/')));
}

// Asks all places for a name's record and keeps the best one, if it is newer than what is kept.
Result<std::string> refresh(Context& context, blockstore::Store& store, const ipld::IpnsName& name,
                            const NameQuery& query, NameAnswer& answer) {
  Services& services = context.services;
  const SteadyTime now = services.clock().now();
  if (query.offline || (!query.no_cache && services.fresh_names().has(name, now))) return "store";
  auto places = record_places(services, query.routers, "routing.delegated", context.stop);
  if (places.empty()) return "store";
  auto searching = find_best(std::move(places), name, place_limit(services), services.clock());
  ACCEL_TRY(RecordSearch search,
            sync_wait(services.io().executor(), std::move(searching), context.stop));
  std::ranges::move(search.outcomes, std::back_inserter(answer.outcomes));
  if (!search.best) return "store";
  const FoundRecord& best = *search.best;
  const auto fresh =
      std::clamp(std::chrono::duration_cast<seconds>(best.record.ttl), seconds(0), kLongestFresh);
  services.fresh_names().note(name, now + fresh);
  ACCEL_TRY(const auto kept, gateway::last_ipns_record(store, name));
  if (kept && !ipld::is_newer(best.record, *kept))
    return *kept == best.record ? best.place : "store";
  const Status put = keep_published(store, name, best.bytes, services.clock().wall_now());
  if (!put && put.error().code != Errc::already_exists) return fail(put.error());
  return best.place;
}

// Whoever did not answer may have had it. A place that has no record is no trouble.
Error with_troubles(Error error, const std::vector<PlaceOutcome>& outcomes) {
  for (const PlaceOutcome& outcome : outcomes) {
    if (!outcome.error || outcome.error->code == Errc::not_found) continue;
    if (!error.cause.empty()) error.cause += "\n";
    error.cause += fmt::format("{}: {}", outcome.place, outcome.error->message);
  }
  return error;
}

Bytes dht_key(const ipld::IpnsName& name) {
  Bytes key = to_bytes(libp2p::kIpnsKeyPrefix);
  const Bytes id = name.hash().bytes();
  key.insert(key.end(), id.begin(), id.end());
  return key;
}

Task<void> put_in_dht(Discovery& discovery, ipld::IpnsName name, Bytes record,
                      std::stop_token stop) {
  auto putting = discovery.put_value(dht_key(name), std::move(record), std::move(stop));
  const auto report = co_await std::move(putting);
  if (!report) co_return fail(Error(report.error()));
  if (report->stored > 0) co_return Status{};
  co_return fail(Errc::unavailable, "None of the {} closest peers of the DHT took the record.",
                 report->closest);
}

Task<Bytes> get_from_dht(Discovery& discovery, ipld::IpnsName name, std::stop_token stop) {
  auto getting = discovery.get_value(dht_key(name), std::move(stop));
  auto found = co_await std::move(getting);
  if (!found) co_return fail(Error(found.error()));
  if (*found) co_return **std::move(found);
  co_return fail(Errc::not_found, "Nobody in the DHT has a record of {}.", name.to_string());
}

RecordPlace dht_place(Discovery& discovery, const std::stop_token& stop) {
  RecordPlace place;
  place.name = "DHT";
  place.put_limit = kDhtPutLimit;
  place.put = [&discovery, stop](ipld::IpnsName name, Bytes record) {
    return put_in_dht(discovery, std::move(name), std::move(record), stop);
  };
  place.get = [&discovery, stop](ipld::IpnsName name) {
    return get_from_dht(discovery, std::move(name), stop);
  };
  return place;
}

}  // namespace

bool FreshNames::has(const ipld::IpnsName& name, SteadyTime now) {
  const std::scoped_lock lock(mutex_);
  const auto found = until_.find(name.to_string());
  return found != until_.end() && found->second > now;
}

void FreshNames::note(const ipld::IpnsName& name, SteadyTime until) {
  const std::scoped_lock lock(mutex_);
  if (until_.size() >= kMaxFreshNames) until_.clear();
  until_[name.to_string()] = until;
}

std::string NameAnswer::text() const {
  std::string text = "/ipfs/" + root.to_string();
  for (const std::string& part : path) text += "/" + part;
  return text;
}

std::vector<RecordPlace> record_places(Services& services, std::vector<std::string> routers,
                                       std::string_view key, const std::stop_token& stop) {
  if (routers.empty()) routers = services.config().get<ConfigList>(key);
  if (routers.empty()) routers = services.config().get<ConfigList>("routing.delegated");
  auto places = router_places(services.client(), routers, place_limit(services), stop);
  Discovery* const discovery = services.discovery();
  if (discovery != nullptr && discovery->has_dht()) places.push_back(dht_place(*discovery, stop));
  return places;
}

Duration place_limit(const Services& services) {
  return services.config().get<std::chrono::milliseconds>("ipfs.timeout");
}

std::optional<std::string> ipns_text(std::string_view text) {
  for (const std::string_view prefix : {"/ipns/", "ipns://"}) {
    if (text.starts_with(prefix)) return std::string(text.substr(prefix.size()));
  }
  return std::nullopt;
}

Result<NameAnswer> resolve_name(Context& context, const NameQuery& query) {
  ACCEL_TRY(blockstore::Store* const store, context.services.store());
  NameAnswer answer;
  answer.signers = json::array();
  std::string at = query.name.substr(0, query.name.find('/'));
  std::set<std::string> seen;
  while (!at.empty() && seen.size() < kMaxNamesOnTheWay && seen.insert(at).second) {
    const auto name = ipld::IpnsName::parse(at);
    if (!name) break;  // A domain: the resolver follows it from here.
    ACCEL_TRY(const std::string from, refresh(context, *store, *name, query, answer));
    const auto kept = gateway::get_ipns_record(*store, *name, context.services.clock().wall_now());
    if (!kept) break;  // The resolver says why.
    json row = json_of(*name, kept->record);
    row["from"] = from;
    answer.signers.push_back(std::move(row));
    at = first_name(kept->record.value);
  }
  ACCEL_TRY(gateway::NameResolver* const names, context.services.names());
  auto found = names->resolve(query.name.substr(0, query.name.find('/')));
  if (!found) return fail(with_troubles(std::move(found).error(), answer.outcomes));
  answer.root = std::move(found->root);
  answer.path = std::move(found->path);
  answer.ttl = found->ttl;
  std::string_view below = query.name;
  below.remove_prefix(std::min(below.find('/'), below.size()));
  while (!below.empty()) {
    below.remove_prefix(1);
    const std::string_view part = below.substr(0, below.find('/'));
    if (!part.empty()) answer.path.emplace_back(part);
    below.remove_prefix(part.size());
  }
  return answer;
}

json json_of(const std::vector<PlaceOutcome>& outcomes) {
  json rows = json::array();
  for (const PlaceOutcome& outcome : outcomes) {
    json row{{"place", outcome.place}, {"ok", !outcome.error.has_value()}};
    if (outcome.error) row["error"] = outcome.error->message;
    if (outcome.error) row["code"] = errc_name(outcome.error->code);
    rows.push_back(std::move(row));
  }
  return rows;
}

json json_of(const ipld::IpnsName& name, const ipld::IpnsRecord& record) {
  const auto peer = ipld::PeerId::from_bytes(name.hash().bytes());
  return {{"name", name.to_string()},
          {"signer", peer ? peer->to_string() : std::string()},
          {"value", record.value},
          {"sequence", record.sequence},
          {"valid_until", to_rfc3339(record.validity)},
          {"ttl_seconds", std::chrono::duration_cast<seconds>(record.ttl).count()}};
}

}  // namespace accel::node
