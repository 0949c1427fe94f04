// SPDX-License-Identifier: Apache-2.0
#pragma once
// A store with a limit: before more is stored, what nothing keeps goes, longest unused first.
// Private to blockstore. Thread-safe. Spec: docs/formats/store.md, "Limit".

#include "store_core.hpp"
#include "tables.hpp"

namespace accel::blockstore {

// Nothing to do without a limit. Errors: resource_exhausted (what is kept fills the store; the
// message says what to do), those of gc.
Status make_room(StoreCore& core, std::uint64_t bytes);

// Writes last uses to the index; a failure only makes the next choice less good.
void flush_uses(StoreCore& core);
// Nanoseconds since 1970; 0: never since uses are noted.
Result<std::int64_t> last_use(const Txn& txn, Container container);
Status forget_use(Txn& txn, Container container);

}  // namespace accel::blockstore
