// SPDX-License-Identifier: Apache-2.0
#pragma once
// Pins, and which blocks are hidden by private ones. Private to blockstore. Thread-safe: state is
// in the index. Spec: docs/formats/store.md, "Private roots".

#include "accel/blockstore/options.hpp"
#include "accel/blockstore/reports.hpp"
#include "dag_walk.hpp"
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
Result<bool> unpin_root_named(StoreCore& core, const ipld::Cid& root, std::string_view name);
Status move_pin(StoreCore& core, const ipld::Cid& from, const ipld::Cid& to, bool keep_old);
Result<std::vector<PinCheck>> check_all_pins(const StoreCore& core, const std::stop_token& stop);
// Visits what the pin keeps.
Status walk_pin(DagWalk& walk, const PinRecord& pin, const DagWalk::Visit& visit);
Result<std::vector<PinInfo>> list_pins(const StoreCore& core);
Result<std::optional<PinInfo>> find_pin(const StoreCore& core, const ipld::Cid& root);

// Shows what public pins reach, hides what only private ones do. Costs nothing without hidden
// blocks. A failure is logged: blocks then stay hidden longer than they need to.
void settle_privacy(StoreCore& core);

std::int64_t now_ns(const StoreCore& core);

}  // namespace accel::blockstore
