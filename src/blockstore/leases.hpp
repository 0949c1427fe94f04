// SPDX-License-Identifier: Apache-2.0
#pragma once
// Leases of all processes. Private to blockstore. Spec: docs/formats/store.md, "Leases".

#include <vector>

#include "accel/blockstore/lease.hpp"
#include "store_core.hpp"

namespace accel::blockstore {

// On return no gc is at work that does not know of it.
Result<Lease> take_lease(const StoreCore& core, const ipld::Cid& root);
// The same for everything that is put from now on, by whomever.
Result<Lease> take_new_blocks_lease(const StoreCore& core);

struct LiveLeases {
  std::vector<ipld::Cid> roots;
  std::uint64_t since = UINT64_MAX;  // What was born after this transaction stays.
};
// What somebody holds; removes what dead processes left. Called inside gc's write transaction.
// Errors: corrupt, io.
Result<LiveLeases> live_leases(const Layout& layout);

}  // namespace accel::blockstore
