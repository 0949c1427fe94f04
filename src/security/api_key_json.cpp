// SPDX-License-Identifier: Apache-2.0
// The document of home/api_keys.json. It is read strictly: what is not
// understood is refused, so that no limit is lost by a slip of the pen.
#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <set>

#include "accel/core/json.hpp"
#include "accel/security/api_key.hpp"

namespace accel::security {
namespace {

using nlohmann::json;

constexpr std::int64_t kVersion = 1;
constexpr std::size_t kMaxDepth = 8;

tl::unexpected<Error> bad(const std::string& place, std::string_view what) {
  return fail(Errc::corrupt, "The file of API keys can't be used: {} {}.", place, what);
}

Result<std::string> text_at(const json& object, const char* name, const std::string& place) {
  const auto found = object.find(name);
  if (found == object.end() || !found->is_string())
    return bad(place, fmt::format("has no text \"{}\"", name));
  return found->get<std::string>();
}

Result<KeyLimits> limits_of(const json& object, const std::string& place) {
  KeyLimits limits;
  if (!object.is_object()) return bad(place + ".limits", "is no object");
  for (const auto& [name, value] : object.items()) {
    const auto* const known = std::ranges::find_if(
        kLimitNames, [&](const LimitName& limit) { return limit.name == name; });
    if (known == kLimitNames.end()) return bad(place + ".limits", "has a member that is not known");
    if (!value.is_number_unsigned()) return bad(place + ".limits", "has a value that is no number");
    limits.*(known->member) = value.get<std::uint64_t>();
  }
  return limits;
}

Status check_members(const json& object, const std::string& place) {
  constexpr std::array kKnown{"id",      "label",   "role",   "hash",
                              "created", "expires", "limits", "models"};
  for (const auto& [name, value] : object.items()) {
    if (std::ranges::find(kKnown, name) == kKnown.end())
      return bad(place, "has a member that is not known");
  }
  return {};
}

Status read_rest(const json& object, const std::string& place, ApiKey& key) {
  ACCEL_TRY(const std::string created, text_at(object, "created", place));
  auto time = parse_time(created);
  if (!time) return bad(place + ".created", "is no time");
  key.created = *time;
  if (object.contains("expires")) {
    ACCEL_TRY(const std::string expires, text_at(object, "expires", place));
    time = parse_time(expires);
    if (!time) return bad(place + ".expires", "is no time");
    key.expires = *time;
  }
  if (object.contains("limits")) {
    ACCEL_TRY(key.limits, limits_of(object.at("limits"), place));
  }
  const json models = object.value("models", json::array());
  if (!models.is_array()) return bad(place + ".models", "is no list");
  for (const json& model : models) {
    if (!model.is_string()) return bad(place + ".models", "has an item that is no text");
    key.models.push_back(model.get<std::string>());
  }
  const Status checked = check_api_key(key);
  if (!checked) return bad(place, "is no key: " + checked.error().message);
  return {};
}

Result<ApiKey> key_of(const json& object, const std::string& place) {
  if (!object.is_object()) return bad(place, "is no object");
  ACCEL_CHECK(check_members(object, place));
  ApiKey key;
  ACCEL_TRY(key.id, text_at(object, "id", place));
  if (!id_of_key(key.id + "_" + std::string(64, '0'))) return bad(place + ".id", "names no key");
  ACCEL_TRY(key.label, text_at(object, "label", place));
  ACCEL_TRY(const std::string role, text_at(object, "role", place));
  const auto known = role_from_name(role);
  if (!known) return bad(place + ".role", "is not known");
  key.role = *known;
  ACCEL_TRY(const std::string hash, text_at(object, "hash", place));
  const auto digest = from_hex(hash);
  if (!digest || digest->size() != key.hash.size()) return bad(place + ".hash", "is no SHA-256");
  std::ranges::copy(*digest, key.hash.begin());
  ACCEL_CHECK(read_rest(object, place, key));
  return key;
}

json json_of(const ApiKey& key) {
  json object{{"id", key.id},
              {"label", key.label},
              {"role", role_name(key.role)},
              {"hash", to_hex(key.hash)},
              {"created", to_rfc3339(key.created)}};
  if (key.expires) object["expires"] = to_rfc3339(*key.expires);
  for (const LimitName& limit : kLimitNames) {
    if (key.limits.*(limit.member) > 0) object["limits"][limit.name] = key.limits.*(limit.member);
  }
  if (!key.models.empty()) object["models"] = key.models;
  return object;
}

}  // namespace

Result<std::vector<ApiKey>> read_api_keys(std::string_view text) {
  auto parsed = parse_bounded_json(text, "It", {.depth = kMaxDepth});
  if (!parsed) return bad("it", "is no JSON that can be read");
  if (!parsed->is_object() || !parsed->contains("keys") || !parsed->at("keys").is_array())
    return bad("it", "has no list \"keys\"");
  const json version = parsed->value("version", json());
  if (!version.is_number_integer() || version.get<std::int64_t>() < 1)
    return bad("it", "has no version");
  if (version.get<std::int64_t>() > kVersion) {
    return fail(Errc::unsupported,
                "The file of API keys was written by a "
                "newer version of ipfs-accelerate.");
  }
  const json& list = parsed->at("keys");
  if (list.size() > kMaxApiKeys) return bad("it", "has too many keys");
  std::vector<ApiKey> keys;
  std::set<std::string, std::less<>> ids;
  for (const json& object : list) {
    const std::string place = fmt::format("keys[{}]", keys.size());
    ACCEL_TRY(ApiKey key, key_of(object, place));
    if (!ids.insert(key.id).second) return bad(place, "is there twice");
    keys.push_back(std::move(key));
  }
  return keys;
}

std::string write_api_keys(const std::vector<ApiKey>& keys) {
  json list = json::array();
  for (const ApiKey& key : keys) list.push_back(json_of(key));
  return json{{"version", kVersion}, {"keys", std::move(list)}}.dump(
             1, ' ', false, json::error_handler_t::replace) +
         "\n";
}

}  // namespace accel::security
