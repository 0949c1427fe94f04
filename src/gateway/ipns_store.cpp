// SPDX-License-Identifier: Apache-2.0
#include "accel/gateway/ipns_store.hpp"

#include "accel/blockstore/store.hpp"

namespace accel::gateway {

Result<ipld::IpnsRecord> put_ipns_record(blockstore::Store& store, const ipld::IpnsName& name,
                                         ByteView record, WallTime now) {
  ACCEL_TRY(auto offered, ipld::read_ipns_record(name, record));
  ACCEL_CHECK(ipld::check_validity(name, offered, now));
  const std::string key = name.to_string();
  ACCEL_TRY(const auto present, store.kv_get(kIpnsSpace, key));
  if (present) {
    const auto old = ipld::read_ipns_record(name, as_bytes(*present));
    if (old && *present != as_text(record) && !ipld::is_newer(offered, *old)) {
      return fail(Errc::already_exists, "A newer record of {} is kept already (sequence {}).", key,
                  old->sequence);
    }
  }
  ACCEL_CHECK(store.kv_put(kIpnsSpace, key, as_text(record)));
  return offered;
}

Result<KeptRecord> get_ipns_record(const blockstore::Store& store, const ipld::IpnsName& name,
                                   WallTime now) {
  const std::string key = name.to_string();
  auto bytes = store.kv_get(kIpnsSpace, key);
  if (!bytes) {
    return fail(Error{Errc::io, fmt::format("The record of {} cannot be read.", key),
                      bytes.error().to_string()});
  }
  if (!*bytes) return fail(Errc::not_found, "No record of {} is kept here.", key);
  KeptRecord kept{std::move(**bytes), {}};
  ACCEL_TRY(kept.record, ipld::read_ipns_record(name, as_bytes(kept.bytes)));
  ACCEL_CHECK(ipld::check_validity(name, kept.record, now));
  return kept;
}

Result<std::optional<ipld::IpnsRecord>> last_ipns_record(const blockstore::Store& store,
                                                         const ipld::IpnsName& name) {
  ACCEL_TRY(const auto bytes, store.kv_get(kIpnsSpace, name.to_string()));
  if (!bytes) return std::optional<ipld::IpnsRecord>();
  auto record = ipld::read_ipns_record(name, as_bytes(*bytes));
  if (!record) return std::optional<ipld::IpnsRecord>();
  return std::optional(*std::move(record));
}

}  // namespace accel::gateway
