// SPDX-License-Identifier: Apache-2.0
#include "pins.hpp"

#include "accel/blockstore/replica_pin.hpp"
#include "accel/core/log.hpp"
#include "dag_walk.hpp"

namespace accel::blockstore {
namespace {

PinInfo info_of(const PinRecord& pin) {
  const WallTime added{
      std::chrono::duration_cast<WallTime::duration>(std::chrono::nanoseconds(pin.added_ns))};
  return {pin.root, pin.name, pin.is_private, pin.bytes, added, pin.direct};
}

// Every block below the roots that is here.
Result<Reached> reached_by(const StoreCore& core, const std::vector<PinRecord>& pins,
                           bool is_private) {
  DagWalk walk(core, find_in(core), {.allow_missing = true, .allow_damaged = true});
  for (const PinRecord& pin : pins) {
    if (pin.is_private != is_private) continue;
    ACCEL_CHECK(walk_pin(walk, pin, [](const Visited&) -> Status { return {}; }));
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
  pin.direct = pin.direct && before->direct;
  const bool for_others = pin.name == kReplicaPinName;
  if (before->name == kReplicaPinName && !for_others) return pin;  // The user's from now on.
  if (pin.name.empty() || for_others) pin.name = before->name;
  pin.added_ns = before->added_ns;
  return pin;
}

Status walk_pin(DagWalk& walk, const PinRecord& pin, const DagWalk::Visit& visit) {
  return pin.direct ? walk.visit_one(pin.root, visit) : walk.walk(pin.root, visit);
}

namespace {

// What a new pin reaches.
struct PinnedDag {
  HashSet blocks;
  std::uint64_t bytes = 0;
};

Result<PinnedDag> walk_new_pin(const StoreCore& core, const ipld::Cid& root, bool direct) {
  PinnedDag dag;
  DagWalk walk(core, find_in(core), {});
  PinRecord pin;
  pin.root = root;
  pin.direct = direct;
  ACCEL_CHECK(walk_pin(walk, pin, [&](const Visited& visited) -> Status {
    dag.bytes += visited.bytes();
    return {};
  }));
  dag.blocks = walk.take_reached().blocks;
  return dag;
}

Result<bool> reaches_hidden(const Txn& txn, const PinnedDag& dag) {
  ACCEL_TRY(const std::uint64_t hidden, txn.count(Table::hidden));
  if (hidden == 0) return false;
  for (const std::string& hash : dag.blocks) {
    ACCEL_TRY(const auto found, txn.get(Table::hidden, as_bytes(hash)));
    if (found) return true;
  }
  return false;
}

Status check_and_put(Txn& txn, const PinRecord& pin, const PinnedDag& dag) {
  // gc may have been faster than this pin, unless the caller holds a lease.
  for (const std::string& hash : dag.blocks) {
    ACCEL_TRY(const auto there, txn.get(Table::blocks, as_bytes(hash)));
    if (!there) {
      return fail(Errc::not_found, "A block of {} was freed by gc while it was pinned.", pin.root);
    }
    if (pin.is_private) ACCEL_CHECK(txn.put(Table::hidden, as_bytes(hash), {}));
  }
  ACCEL_TRY(const auto before, get_pin(txn, pin.root));
  if (before && *before == pin) return {};  // A transaction that changes nothing costs no sync.
  return put_pin(txn, pin);
}

}  // namespace

Status pin_root(StoreCore& core, const ipld::Cid& root, const PinOptions& options) {
  ACCEL_CHECK(check_pin_name(options.name));
  ACCEL_TRY(const PinnedDag dag, walk_new_pin(core, root, options.direct));
  bool made_private = false;
  const Status written = core.index->write([&](Txn& txn) -> Status {
    PinRecord pin{root, options.name, options.is_private, dag.bytes, now_ns(core), options.direct};
    ACCEL_TRY(const auto before, get_pin(txn, root));
    if (options.direct && before && !before->direct && !options.merge) {
      return fail(Errc::already_exists,
                  "{} is pinned already, with all that it links to. Unpin it first.", root);
    }
    if (options.merge) {
      ACCEL_TRY(pin, merge_pin(txn, std::move(pin)));
    }
    if (options.keep_hidden && !pin.is_private) {
      ACCEL_TRY(pin.is_private, reaches_hidden(txn, dag));
      made_private = pin.is_private;
    }
    return check_and_put(txn, pin, dag);
  });
  ACCEL_CHECK(written);
  if (made_private) {
    log::warn("blockstore",
              "It links to what is private here, so it is kept private, too; pin add shows it all.",
              {log::field("root", root.to_string())});
  }
  settle_privacy(core);
  return {};
}

Status move_pin(StoreCore& core, const ipld::Cid& from, const ipld::Cid& to, bool keep_old) {
  ACCEL_TRY(const PinnedDag dag, walk_new_pin(core, to, false));
  const Status written = core.index->write([&](Txn& txn) -> Status {
    ACCEL_TRY(const auto old, get_pin(txn, from));
    if (!old) return fail(Errc::not_found, "{} is not pinned.", from);
    if (old->direct) {
      return fail(Errc::invalid_argument, "The pin of {} keeps one block alone; pin {} instead.",
                  from, to);
    }
    if (root_key(from) == root_key(to)) return {};
    const std::string name = old->name == kReplicaPinName ? std::string() : old->name;
    PinRecord pin{to, name, old->is_private, dag.bytes, now_ns(core), false};
    ACCEL_TRY(pin, merge_pin(txn, std::move(pin)));
    ACCEL_CHECK(check_and_put(txn, pin, dag));
    return keep_old ? Status{} : txn.erase(Table::pins, root_key(from));
  });
  ACCEL_CHECK(written);
  settle_privacy(core);
  return {};
}

Result<std::vector<PinCheck>> check_all_pins(const StoreCore& core, const std::stop_token& stop) {
  ACCEL_TRY(const auto pins, core.index->query([](const Txn& txn) { return all_pins(txn); }));
  std::vector<PinCheck> checks;
  for (const PinRecord& pin : pins) {
    PinCheck check{info_of(pin), 0, {}};
    DagWalk walk(core, find_in(core), {.stop = stop});
    const Status whole = walk_pin(walk, pin, [&](const Visited&) -> Status {
      ++check.blocks;
      return {};
    });
    if (!whole && whole.error().code == Errc::cancelled) return fail(whole.error());
    if (!whole) check.error = whole.error().message;
    checks.push_back(std::move(check));
  }
  return checks;
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

Result<bool> unpin_root_named(StoreCore& core, const ipld::Cid& root, std::string_view name) {
  bool had = false;
  const Status written = core.index->write([&](Txn& txn) -> Status {
    ACCEL_TRY(const auto pin, get_pin(txn, root));
    had = pin && pin->name == name;
    return had ? txn.erase(Table::pins, root_key(root)) : Status{};
  });
  ACCEL_CHECK(written);
  if (had) settle_privacy(core);
  return had;
}

Result<std::optional<PinInfo>> find_pin(const StoreCore& core, const ipld::Cid& root) {
  std::optional<PinInfo> found;
  const Status looked = core.index->read([&](const Txn& txn) -> Status {
    ACCEL_TRY(const auto pin, get_pin(txn, root));
    if (pin) found = info_of(*pin);
    return {};
  });
  ACCEL_CHECK(looked);
  return found;
}

Result<std::vector<PinInfo>> list_pins(const StoreCore& core) {
  std::vector<PinInfo> result;
  const Status looked = core.index->read([&](const Txn& txn) -> Status {
    ACCEL_TRY(const auto pins, all_pins(txn));
    for (const PinRecord& pin : pins) result.push_back(info_of(pin));
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
