// SPDX-License-Identifier: Apache-2.0
// Mutable names: records that are kept, and where names lead.
#include "accel/gateway/ipns_store.hpp"
#include "accel/gateway/name_resolver.hpp"
#include "accel/ipld/multibase.hpp"
#include "context.hpp"

namespace accel::node {
namespace {

using nlohmann::json;

// "/ipns/NAME" or "NAME".
std::string_view without_ipns_prefix(std::string_view text) {
  constexpr std::string_view kPrefix = "/ipns/";
  return text.starts_with(kPrefix) ? text.substr(kPrefix.size()) : text;
}

json json_of(const ipld::IpnsName& name, const ipld::IpnsRecord& record) {
  return {{"name", name.to_string()},
          {"value", record.value},
          {"sequence", record.sequence},
          {"valid_until", to_rfc3339(record.validity)},
          {"ttl_seconds", std::chrono::duration_cast<std::chrono::seconds>(record.ttl).count()}};
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
  const std::string name = context.params.required_text("name");
  ACCEL_CHECK(context.params.finish());
  ACCEL_TRY(gateway::NameResolver* const names, context.services.names());
  ACCEL_TRY(const auto found, names->resolve(without_ipns_prefix(name)));
  std::string path = "/ipfs/" + found.root.to_string();
  for (const std::string& part : found.path) path += "/" + part;
  return json{{"path", std::move(path)}, {"ttl_seconds", found.ttl.count()}};
}

}  // namespace accel::node
