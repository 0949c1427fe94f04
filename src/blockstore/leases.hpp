// SPDX-License-Identifier: Apache-2.0
#pragma once
// Leases of all processes. Private to blockstore. Spec: docs/formats/store.md, "Leases".

#include <vector>

#include "accel/blockstore/lease.hpp"
#include "store_core.hpp"

namespace accel::blockstore {

// On return no gc is at work that does not know of it.
Result<Lease> take_lease(const StoreCore& core, const ipld::Cid& root);
// The roots that somebody holds; removes what dead processes left. Called inside gc's write
// transaction. Errors: corrupt, io.
Result<std::vector<ipld::Cid>> live_leases(const Layout& layout);

}  // namespace accel::blockstore
