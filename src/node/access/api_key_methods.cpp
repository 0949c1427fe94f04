// SPDX-License-Identifier: Apache-2.0
// api_keys.*: who may call over TCP besides the token's owner.
#include "accel/core/random.hpp"
#include "accel/security/gate.hpp"
#include "context.hpp"

namespace accel::node {
namespace {

using nlohmann::json;
using security::ApiKey;
using security::kLimitNames;
using security::LimitName;

constexpr std::int64_t kMaxLimit = std::int64_t{1} << 53U;  // What all readers of JSON can tell.
constexpr std::int64_t kMaxDays = 36'500;

json json_of(const ApiKey& key) {
  json row{{"id", key.id},
           {"label", key.label},
           {"role", security::role_name(key.role)},
           {"created", to_rfc3339(key.created)},
           {"expires", key.expires ? json(to_rfc3339(*key.expires)) : json()},
           {"models", key.models},
           {"limits", json::object()}};
  for (const LimitName& limit : kLimitNames) {
    if (key.limits.*(limit.member) > 0) row["limits"][limit.name] = key.limits.*(limit.member);
  }
  return row;
}

Result<ApiKey> wanted_key(Context& context) {
  Params& params = context.params;
  ApiKey key;
  const std::string role = params.required_text("role");
  key.label = params.text("label", {});
  key.models = params.texts("models");
  for (const LimitName& limit : kLimitNames) {
    key.limits.*(limit.member) =
        static_cast<std::uint64_t>(params.integer_in(limit.name, 0, 0, kMaxLimit));
  }
  const std::int64_t seconds = params.integer_in("expires_seconds", 0, 0, kMaxDays * 24 * 60 * 60);
  if (seconds > 0)
    key.expires = context.services.clock().wall_now() + std::chrono::seconds(seconds);
  ACCEL_CHECK(params.finish());
  ACCEL_TRY(key.role, security::role_from_name(role));
  return key;
}

}  // namespace

Result<json> api_keys_create(Context& context) {
  ACCEL_TRY(ApiKey key, wanted_key(context));
  ACCEL_TRY(const security::NewKey made,
            context.services.gate().create(std::move(key), system_random()));
  json result = json_of(made.key);
  result["key"] = made.secret;
  return result;
}

Result<json> api_keys_list(Context& context) {
  ACCEL_CHECK(context.params.finish());
  ACCEL_TRY(const auto rows, context.services.gate().list());
  const WallTime now = context.services.clock().wall_now();
  json keys = json::array();
  for (const auto& row : rows) {
    json& added = keys.emplace_back(json_of(row.key));
    added["last_used"] = row.last_used ? json(to_rfc3339(*row.last_used)) : json();
    added["expired"] = row.key.expires && *row.key.expires <= now;
  }
  return json{{"keys", std::move(keys)}};
}

Result<json> api_keys_revoke(Context& context) {
  const std::string name = context.params.required_text("key");
  ACCEL_CHECK(context.params.finish());
  ACCEL_TRY(const ApiKey revoked, context.services.gate().revoke(name));
  return json_of(revoked);
}

}  // namespace accel::node
