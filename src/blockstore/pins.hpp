// SPDX-License-Identifier: Apache-2.0
#pragma once
// Pins, and which blocks are hidden by private ones. Private to blockstore. Thread-safe: state is
// in the index. Spec: docs/formats/store.md, "Private roots".

#include "accel/blockstore/options.hpp"
#include "accel/blockstore/reports.hpp"
#include "records.hpp"
#include "store_core.hpp"
#include "tables.hpp"

namespace accel::blockstore {

// What add() and a merging pin() write when the root is pinned already: a private pin stays
// private, a name stays unless a new one is given.
Result<PinRecord> merge_pin(const Txn& txn, PinRecord pin);

// Errors: invalid_argument (too long).
Status check_pin_name(std::string_view name);

Status pin_root(StoreCore& core, const ipld::Cid& root, const PinOptions& options);
Status unpin_root(StoreCore& core, const ipld::Cid& root);
Result<std::vector<PinInfo>> list_pins(const StoreCore& core);

// Shows what public pins reach, hides what only private ones do. Costs nothing without hidden
// blocks. A failure is logged: blocks then stay hidden longer than they need to.
void settle_privacy(StoreCore& core);

std::int64_t now_ns(const StoreCore& core);

}  // namespace accel::blockstore
