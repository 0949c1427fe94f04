// SPDX-License-Identifier: Apache-2.0
// Mutable names: records that are kept, where names lead, and what this node says under its own.
#include <algorithm>

#include "accel/core/async/sync_wait.hpp"
#include "accel/gateway/ipns_store.hpp"
#include "accel/ipld/multibase.hpp"
#include "content/pulling.hpp"
#include "context.hpp"
#include "names/keys.hpp"
#include "names/names.hpp"
#include "names/publications.hpp"
#include "names/resolution.hpp"

namespace accel::node {
namespace {

using nlohmann::json;
using std::chrono::seconds;

std::string without_ipns_prefix(std::string_view text) {
  return ipns_text(text).value_or(std::string(text));
}

struct PublishRequest {
  std::string key;
  Publication publication;
  std::optional<std::uint64_t> sequence;
  std::vector<std::string> routers;
  bool offline = false;
};

PublishRequest publish_request(Params& params, std::string_view default_key) {
  PublishRequest request;
  request.key = params.text("key", std::string(default_key));
  request.publication.lifetime =
      seconds(params.integer_in("lifetime_seconds", kRecordLifetime.count(), kLeastLifetime.count(),
                                kLongestLifetime.count()));
  request.publication.ttl = seconds(
      params.integer_in("ttl_seconds", std::min(kRecordTtl, request.publication.lifetime).count(),
                        0, kLongestLifetime.count()));
  if (params.given("sequence")) {
    request.sequence = static_cast<std::uint64_t>(
        params.integer_in("sequence", 0, 0, std::numeric_limits<std::int64_t>::max()));
  }
  request.routers = params.texts("routers");
  request.offline = params.flag("offline");
  return request;
}

// "/ipfs/CID/path" of a CID, a path or a local name; "/ipns/…" stays. What is private is told to
// nobody.
Result<std::string> value_of(Context& context, const std::string& text) {
  if (const auto below = ipns_text(text)) return "/ipns/" + *below;
  ACCEL_TRY(blockstore::Store* const store, context.services.store());
  ACCEL_TRY(const FileTarget target, file_target(*store, text));
  ACCEL_TRY(const bool is_private, store->is_private(target.root));
  if (is_private) {
    return fail(Errc::permission_denied,
                "{} is private here; publishing it would tell everybody its CID.", target.root);
  }
  std::string value = "/ipfs/" + target.root.to_string();
  if (!target.path.empty()) value += "/" + target.path;
  return value;
}

Result<json> publish(Context& context, const crypto::Ed25519Key& key, PublishRequest request) {
  Services& services = context.services;
  ACCEL_TRY(blockstore::Store* const store, services.store());
  const ipld::IpnsName name = ipld::ipns_name_of(key);
  std::vector<RecordPlace> places;
  if (!request.offline)
    places = record_places(services, request.routers, "routing.publishers", context.stop);
  SignRequest sign{std::move(request.publication), request.sequence, {}};
  if (!places.empty()) {
    // The same key may have published elsewhere.
    auto searching = find_best(places, name, place_limit(services), services.clock());
    ACCEL_TRY(RecordSearch search,
              sync_wait(services.io().executor(), std::move(searching), context.stop));
    if (search.best) sign.seen = std::move(search.best->record);
  }
  sign.publication.signed_at = services.clock().wall_now();
  ACCEL_TRY(const SignedRecord made, sign_and_keep(services.home(), *store, key, sign));
  services.names_changed();
  std::vector<PlaceOutcome> outcomes;
  if (!places.empty()) {
    auto putting = put_everywhere(std::move(places), name, made.bytes, place_limit(services));
    ACCEL_TRY(outcomes, sync_wait(services.io().executor(), std::move(putting), context.stop));
  }
  json result = json_of(name, made.record);
  result["key"] = request.key;
  result["places"] = json_of(outcomes);
  return result;
}

}  // namespace

Result<json> routing_put(Context& context) {
  const std::string key = context.params.required_text("key");
  const std::string text = context.params.required_text("record");
  ACCEL_CHECK(context.params.finish());
  ACCEL_TRY(const auto name, ipld::IpnsName::parse(without_ipns_prefix(key)));
  ACCEL_TRY(const Bytes record, ipld::multibase_decode(text));
  ACCEL_TRY(blockstore::Store* const store, context.services.store());
  const WallTime now = context.services.clock().wall_now();
  ACCEL_TRY(const auto kept, gateway::put_ipns_record(*store, name, record, now));
  return json_of(name, kept);
}

Result<json> routing_get(Context& context) {
  const std::string key = context.params.required_text("key");
  ACCEL_CHECK(context.params.finish());
  ACCEL_TRY(const auto name, ipld::IpnsName::parse(without_ipns_prefix(key)));
  ACCEL_TRY(blockstore::Store* const store, context.services.store());
  const WallTime now = context.services.clock().wall_now();
  ACCEL_TRY(const auto kept, gateway::get_ipns_record(*store, name, now));
  json result = json_of(name, kept.record);
  result["record"] = ipld::multibase_encode(ipld::Multibase::base64url, as_bytes(kept.bytes));
  return result;
}

Result<json> name_resolve(Context& context) {
  NameQuery query;
  query.name = without_ipns_prefix(context.params.required_text("name"));
  query.routers = context.params.texts("routers");
  query.offline = context.params.flag("offline");
  query.no_cache = context.params.flag("no_cache");
  ACCEL_CHECK(context.params.finish());
  ACCEL_TRY(const NameAnswer answer, resolve_name(context, query));
  return json{{"path", answer.text()},
              {"ttl_seconds", answer.ttl.count()},
              {"signers", answer.signers},
              {"places", json_of(answer.outcomes)}};
}

Result<json> name_publish(Context& context) {
  const std::string path = context.params.required_text("path");
  PublishRequest request = publish_request(context.params, kSelfKey);
  ACCEL_CHECK(context.params.finish());
  ACCEL_TRY(request.publication.value, value_of(context, path));
  ACCEL_TRY(const auto key, Keys(context.services.home()).find(request.key));
  return publish(context, key, std::move(request));
}

// A model by its name, under a key of the same name, which is made when there is none.
Result<json> models_publish(Context& context) {
  const std::string model = context.params.required_text("model");
  PublishRequest request = publish_request(context.params, model);
  ACCEL_CHECK(context.params.finish());
  ACCEL_TRY(request.publication.value, value_of(context, model));
  Keys keys(context.services.home());
  std::replace(request.key.begin(), request.key.end(), ':', '-');
  auto key = keys.find(request.key);
  if (!key && key.error().code == Errc::not_found) {
    ACCEL_CHECK(keys.generate(request.key, system_random()));
    key = keys.find(request.key);
  }
  if (!key) return fail(std::move(key).error());
  ACCEL_TRY(json result, publish(context, *key, std::move(request)));
  result["model"] = model;
  return result;
}

Result<json> name_published(Context& context) {
  ACCEL_CHECK(context.params.finish());
  ACCEL_TRY(blockstore::Store* const store, context.services.store());
  ACCEL_TRY(const auto all, publications(*store));
  ACCEL_TRY(const auto keys, Keys(context.services.home()).list());
  json rows = json::array();
  for (const auto& [name, publication] : all) {
    ACCEL_TRY(const auto record, gateway::last_ipns_record(*store, name));
    json row = record ? json_of(name, *record) : json{{"name", name.to_string()}};
    const auto key = std::ranges::find(keys, name, &NamedKey::id);
    row["key"] = key == keys.end() ? std::string() : key->name;
    row["signed_at"] = to_rfc3339(publication.signed_at);
    rows.push_back(std::move(row));
  }
  return json{{"names", std::move(rows)}};
}

}  // namespace accel::node
