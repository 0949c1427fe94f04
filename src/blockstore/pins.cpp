// SPDX-License-Identifier: Apache-2.0
#include "pins.hpp"

#include "accel/core/log.hpp"
#include "dag_walk.hpp"

namespace accel::blockstore {
namespace {

// Every block below the roots that is here.
Result<Reached> reached_by(const StoreCore& core, const std::vector<PinRecord>& pins,
                           bool is_private) {
  DagWalk walk(core, find_in(core), {.allow_missing = true, .allow_damaged = true});
  for (const PinRecord& pin : pins) {
    if (pin.is_private != is_private) continue;
    ACCEL_CHECK(walk.walk(pin.root, [](const Visited&) -> Status { return {}; }));
  }
  return walk.take_reached();
}

Status settle(StoreCore& core) {
  std::vector<PinRecord> pins;
  std::uint64_t hidden = 0;
  const Status looked = core.index->read([&](const Txn& txn) -> Status {
    ACCEL_TRY(pins, all_pins(txn));
    ACCEL_TRY(hidden, txn.count(Table::hidden));
    return {};
  });
  ACCEL_CHECK(looked);
  bool any_private = false;
  for (const PinRecord& pin : pins) any_private = any_private || pin.is_private;
  if (hidden == 0 && !any_private) return {};
  ACCEL_TRY(const Reached shown, reached_by(core, pins, false));
  ACCEL_TRY(const Reached kept_private, reached_by(core, pins, true));
  // The table knows no codecs. A private folder's block that is public as a raw one only stays
  // hidden: shown, it would be taken for the folder.
  HashSet private_nodes;
  for (const std::string& key : kept_private.nodes) {
    if (shown.nodes.contains(key)) continue;
    ACCEL_TRY(std::string hash, hash_of_cid_key(key));
    private_nodes.insert(std::move(hash));
  }
  const auto stays_hidden = [&](const std::string& hash) {
    return private_nodes.contains(hash) ||
           (kept_private.blocks.contains(hash) && !shown.blocks.contains(hash));
  };
  return core.index->write([&](Txn& txn) -> Status {
    // Pins that came since: leave the work to whoever made them.
    ACCEL_TRY(const auto now, all_pins(txn));
    if (now != pins) return {};
    for (const std::string& hash : kept_private.blocks) {
      if (stays_hidden(hash)) ACCEL_CHECK(txn.put(Table::hidden, as_bytes(hash), {}));
    }
    for (const std::string& hash : shown.blocks) {
      if (!stays_hidden(hash)) ACCEL_CHECK(txn.erase(Table::hidden, as_bytes(hash)));
    }
    return {};
  });
}

}  // namespace

Status check_pin_name(std::string_view name) {
  if (name.size() <= kMaxPinNameBytes) return {};
  return fail(Errc::invalid_argument, "A pin's name has at most {} bytes; this one has {}.",
              kMaxPinNameBytes, name.size());
}

std::int64_t now_ns(const StoreCore& core) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             core.options.clock->wall_now().time_since_epoch())
      .count();
}

Result<PinRecord> merge_pin(const Txn& txn, PinRecord pin) {
  ACCEL_TRY(const auto before, get_pin(txn, pin.root));
  if (!before) return pin;
  pin.is_private = pin.is_private || before->is_private;
  if (pin.name.empty()) pin.name = before->name;
  pin.added_ns = before->added_ns;
  return pin;
}

Status pin_root(StoreCore& core, const ipld::Cid& root, const PinOptions& options) {
  ACCEL_CHECK(check_pin_name(options.name));
  std::uint64_t bytes = 0;
  DagWalk walk(core, find_in(core), {});
  ACCEL_CHECK(walk.walk(root, [&](const Visited& visited) -> Status {
    bytes += visited.bytes();
    return {};
  }));
  const Status written = core.index->write([&](Txn& txn) -> Status {
    PinRecord pin{root, options.name, options.is_private, bytes, now_ns(core)};
    if (options.merge) {
      ACCEL_TRY(pin, merge_pin(txn, std::move(pin)));
    }
    // gc may have been faster than this pin, unless the caller holds a lease.
    for (const std::string& hash : walk.reached().blocks) {
      ACCEL_TRY(const auto there, txn.get(Table::blocks, as_bytes(hash)));
      if (!there) {
        return fail(Errc::not_found, "A block of {} was freed by gc while it was pinned.", root);
      }
      if (pin.is_private) ACCEL_CHECK(txn.put(Table::hidden, as_bytes(hash), {}));
    }
    return put_pin(txn, pin);
  });
  ACCEL_CHECK(written);
  settle_privacy(core);
  return {};
}

Status unpin_root(StoreCore& core, const ipld::Cid& root) {
  const Status written = core.index->write([&](Txn& txn) -> Status {
    ACCEL_TRY(const auto pin, get_pin(txn, root));
    if (!pin) return fail(Errc::not_found, "{} is not pinned.", root);
    return txn.erase(Table::pins, root_key(root));
  });
  ACCEL_CHECK(written);
  settle_privacy(core);
  return {};
}

Result<std::vector<PinInfo>> list_pins(const StoreCore& core) {
  std::vector<PinInfo> result;
  const Status looked = core.index->read([&](const Txn& txn) -> Status {
    ACCEL_TRY(const auto pins, all_pins(txn));
    for (const PinRecord& pin : pins) {
      const WallTime added{
          std::chrono::duration_cast<WallTime::duration>(std::chrono::nanoseconds(pin.added_ns))};
      result.push_back({pin.root, pin.name, pin.is_private, pin.bytes, added});
    }
    return {};
  });
  ACCEL_CHECK(looked);
  return result;
}

void settle_privacy(StoreCore& core) {
  const Status settled = settle(core);
  if (settled) return;
  // What is hidden stays hidden; the next pin, unpin or gc tries again.
  log::warn("blockstore", "Some public blocks stay hidden for now.",
            {log::field("cause", settled.error().message)});
}

}  // namespace accel::blockstore
