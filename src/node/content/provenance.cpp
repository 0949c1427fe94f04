// SPDX-License-Identifier: Apache-2.0
#include "content/provenance.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "accel/crypto/sha256.hpp"
#include "names/names.hpp"

namespace accel::node {
namespace {

using nlohmann::json;

constexpr std::string_view kProvenanceSpace = "provenance";
constexpr std::string_view kOriginSpace = "origins";
constexpr std::size_t kShortVersion = 8;

// Origins may be longer than a key of the store.
std::string origin_key(const std::string& origin) {
  return to_hex(crypto::sha256(as_bytes(origin)));
}

}  // namespace

Status record_provenance(Context& context, blockstore::Store& store, const ipld::Cid& root,
                         const std::string& origin, json provenance) {
  provenance["recorded_at"] = to_rfc3339(context.services.clock().wall_now());
  std::string text = provenance.dump(-1, ' ', false, json::error_handler_t::replace);
  if (text.size() > blockstore::kMaxKvValueBytes) {
    provenance.erase("files");  // Of a snapshot of many thousands: the version still names them.
    text = provenance.dump(-1, ' ', false, json::error_handler_t::replace);
  }
  ACCEL_CHECK(store.kv_put(kProvenanceSpace, root.to_string(), text));
  return store.kv_put(kOriginSpace, origin_key(origin), root.to_string());
}

std::optional<json> provenance_of(const blockstore::Store& store, const ipld::Cid& root) {
  const auto text = store.kv_get(kProvenanceSpace, root.to_string());
  if (!text || !*text) return std::nullopt;
  json value = json::parse(**text, nullptr, false);
  return value.is_object() ? std::optional(std::move(value)) : std::nullopt;
}

std::optional<ipld::Cid> root_of_origin(const blockstore::Store& store, const std::string& origin) {
  const auto text = store.kv_get(kOriginSpace, origin_key(origin));
  if (!text || !*text) return std::nullopt;
  const auto root = ipld::Cid::parse(**text);
  if (!root) return std::nullopt;
  const auto pin = store.pin_of(*root);
  return pin && *pin ? std::optional(*root) : std::nullopt;
}

Result<std::string> give_free_name(blockstore::Store& store, const std::string& name,
                                   const std::string& version, const ipld::Cid& root) {
  for (const std::string& tried : {name, name + "-" + version.substr(0, kShortVersion)}) {
    if (!check_name(tried) || ipld::Cid::parse(tried)) continue;
    const Status given = give_name(store, tried, root);
    if (given) return tried;
    if (given.error().code != Errc::already_exists) return fail(given.error());
  }
  return std::string();
}

}  // namespace accel::node
