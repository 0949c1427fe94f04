// SPDX-License-Identifier: Apache-2.0
#pragma once
// IPNS records that this node keeps, in the store's small values. Used by the gateway and by node's
// name methods. Every call blocks; safe from any thread. A record is checked when it is put and
// again when it is read.

#include <optional>
#include <string>

#include "accel/core/clock.hpp"
#include "accel/ipld/ipns_record.hpp"

namespace accel::blockstore {
class Store;
}

namespace accel::gateway {

inline constexpr std::string_view kIpnsSpace = "ipns";  // Canonical name -> record.

// Errors: corrupt (not signed by the name's key; the message says what is wrong), unavailable
// (expired), already_exists (a newer record is kept; the same one again is no error).
Result<ipld::IpnsRecord> put_ipns_record(blockstore::Store& store, const ipld::IpnsName& name,
                                         ByteView record, WallTime now);

struct KeptRecord {
  std::string bytes = {};
  ipld::IpnsRecord record = {};
};
// Errors: not_found, unavailable (expired), corrupt, io.
Result<KeptRecord> get_ipns_record(const blockstore::Store& store, const ipld::IpnsName& name,
                                   WallTime now);

// What is kept of a name, expired or not: whose sequence the next one must not go below. Nothing
// when there is none that can be read. Errors: io.
Result<std::optional<ipld::IpnsRecord>> last_ipns_record(const blockstore::Store& store,
                                                         const ipld::IpnsName& name);

}  // namespace accel::gateway
