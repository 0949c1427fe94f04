// SPDX-License-Identifier: Apache-2.0
#include "collector.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "leases.hpp"
#include "locks.hpp"
#include "pins.hpp"
#include "quota.hpp"
#include "tables.hpp"
#include "temporary_folder.hpp"

namespace accel::blockstore {
namespace {

Status ignore_block(const Visited&) { return {}; }

// Calls visit for each block with all of its places.
Status each_block(
    const Txn& txn,
    const std::function<Status(const ipld::Multihash&, const std::vector<Place>&)>& visit) {
  Bytes current;
  std::vector<Place> places;
  const auto done = [&]() -> Status {
    if (places.empty()) return {};
    ACCEL_TRY(const ipld::Multihash hash, ipld::Multihash::from_bytes(current));
    ACCEL_CHECK(visit(hash, places));
    places.clear();
    return {};
  };
  const Status listed =
      txn.each(Table::blocks, {}, [&](ByteView key, ByteView value) -> Result<bool> {
        if (!std::ranges::equal(key, current)) {
          ACCEL_CHECK(done());
          current = to_bytes(key);
        }
        ACCEL_TRY(places.emplace_back(), decode_place(value));
        return true;
      });
  ACCEL_CHECK(listed);
  return done();
}

std::int64_t written_at(const std::filesystem::path& path) {
  struct stat info{};
  if (::stat(path.c_str(), &info) != 0) return 0;
  return info.st_mtim.tv_sec * 1'000'000'000 + info.st_mtim.tv_nsec;
}

struct Candidate {
  std::int64_t used = 0;
  Container container;
  std::uint64_t bytes = 0;
};

Result<std::map<std::uint64_t, FileRecord>> all_files(const Txn& txn) {
  std::map<std::uint64_t, FileRecord> files;
  const Status listed =
      txn.each(Table::files, {}, [&](ByteView key, ByteView value) -> Result<bool> {
        ACCEL_TRY(const std::uint64_t id, decode_u64(key));
        ACCEL_TRY(files[id], decode_file(value));
        return true;
      });
  ACCEL_CHECK(listed);
  return files;
}

}  // namespace

Result<GcReport> Collector::run() {
  ACCEL_TRY(const auto lock, try_lock_file(core_.layout.gc_lock(), O_CREAT));
  if (!lock) return fail(Errc::unavailable, "Another gc is running; wait until it is done.");
  ACCEL_CHECK(core_.index->clear_stale_readers());
  flush_uses(core_);
  if (options_.abandoned_partials && !options_.dry_run) {
    report_.partials_freed = remove_abandoned_partials(core_.layout);
  }
  ACCEL_CHECK(mark_pins());
  PackSession packs(*core_.packs);
  Copies copies;
  Plan first;
  const Status looked = core_.index->read([&](const Txn& txn) -> Status {
    ACCEL_CHECK(mark_live(txn));
    ACCEL_TRY(first, plan(txn));
    return {};
  });
  ACCEL_CHECK(looked);
  if (options_.dry_run) {
    report_.kept = first.kept;
    report_.blocks_freed = first.dead_blocks.size();
    report_.blocks_moved = first.moves.size();
    report_.files_freed = first.dead_files.size();
    for (const auto& [id, record] : first.dead_files) {
      if (!record.referenced) report_.bytes_freed += record.stamp.size;
    }
    for (const auto& [pack, bytes] : first.dead_in_packs) report_.bytes_freed += bytes;
    return report_;
  }
  ACCEL_CHECK(copy_moves(first, packs, copies));
  ACCEL_CHECK(sweep(packs, copies));
  ACCEL_CHECK(remove_files());
  core_.packs->close_idle();
  ACCEL_CHECK(compact_packs(core_, options_, report_));
  ACCEL_CHECK(remove_orphans());
  tidy_partials();
  settle_privacy(core_);
  return report_;
}

Status Collector::mark_pins() {
  std::vector<PinRecord> pins;
  const Status looked = core_.index->read([&](const Txn& txn) -> Status {
    snapshot_ = txn.id();
    ACCEL_TRY(pins, all_pins(txn));
    return {};
  });
  ACCEL_CHECK(looked);
  DagWalk walk(core_, find_in(core_), {.stop = options_.stop});
  for (const PinRecord& pin : pins) {
    if (pin.direct) {  // Absent or not: nothing else hangs on it.
      direct_.insert(hash_key(pin.root.hash()));
      continue;
    }
    Status walked = walk.walk(pin.root, ignore_block);
    if (walked) continue;
    Error error = std::move(walked).error();
    if (error.code != Errc::cancelled) {
      // What lies below the damage is unknown, and must not be taken for garbage.
      error.message = fmt::format(
          "Nothing was freed: the pin \"{}\" of {} is not whole. Pull or add it again, or unpin "
          "it. {}",
          pin.name, pin.root, error.message);
    }
    return fail(std::move(error));
  }
  marked_ = walk.take_reached();
  return {};
}

// What may have come since: new pins, and whatever somebody holds or fetches. Inside a transaction,
// so that nothing comes between the mark and the sweep.
Status Collector::mark_live(const Txn& txn) {
  ACCEL_TRY(const auto pins, all_pins(txn));
  ACCEL_TRY(auto leases, live_leases(core_.layout));
  since_ = std::min(snapshot_, leases.since);
  std::vector<ipld::Cid>& roots = leases.roots;
  ACCEL_TRY(const auto partials, partial_roots(core_.layout));
  roots.insert(roots.end(), partials.begin(), partials.end());
  for (const PinRecord& pin : pins) {
    if (pin.direct) {
      direct_.insert(hash_key(pin.root.hash()));
    } else if (!marked_.covers(pin.root)) {
      roots.push_back(pin.root);
    }
  }
  DagWalk walk(core_, find_in(txn), {.allow_missing = true, .stop = options_.stop});
  for (const ipld::Cid& root : roots) ACCEL_CHECK(walk.walk(root, ignore_block));
  marked_.add(walk.reached());
  return {};
}

bool Collector::is_live(const ipld::Multihash& hash) const {
  const std::string key = hash_key(hash);
  return marked_.blocks.contains(key) || direct_.contains(key);
}

Result<Collector::Plan> Collector::plan(const Txn& txn) {
  spared_files_.clear();
  spared_packs_.clear();
  ACCEL_TRY(Plan all, plan_all(txn));
  if (options_.free_bytes == 0) return all;
  ACCEL_CHECK(spare_recent(txn, all));
  return plan_all(txn);
}

// Of what could go only so much as was asked for goes: what was used longest ago.
Status Collector::spare_recent(const Txn& txn, const Plan& all) {
  std::vector<Candidate> candidates;
  for (const auto& [id, record] : all.dead_files) {
    if (record.referenced) continue;  // Frees nothing.
    ACCEL_TRY(const std::int64_t used, last_use(txn, {true, id}));
    candidates.push_back({std::max(used, record.stamp.mtime_ns), {true, id}, record.stamp.size});
  }
  for (const auto& [id, bytes] : all.dead_in_packs) {
    ACCEL_TRY(const std::int64_t used, last_use(txn, {false, id}));
    candidates.push_back({std::max(used, written_at(core_.layout.pack(id))), {false, id}, bytes});
  }
  std::ranges::sort(candidates, {},
                    [](const Candidate& one) { return std::pair(one.used, one.container.id); });
  std::uint64_t freed = 0;
  for (const Candidate& one : candidates) {
    const bool goes = freed < options_.free_bytes;
    if (goes) {
      freed += one.bytes;
    } else {
      (one.container.is_file ? spared_files_ : spared_packs_).insert(one.container.id);
    }
  }
  return {};
}

Result<Collector::Plan> Collector::plan_all(const Txn& txn) const {
  Plan result;
  ACCEL_TRY(const auto files, all_files(txn));
  for (const auto& [id, record] : files) {
    const bool dead = record.born <= since_ && !marked_.covers(record.root);
    if (dead && !revived_.contains(id) && !spared_files_.contains(id))
      result.dead_files.emplace(id, record);
  }
  ACCEL_CHECK(
      each_block(txn, [&](const ipld::Multihash& hash, const std::vector<Place>& places) -> Status {
        return plan_block(hash, places, result);
      }));
  return result;
}

Status Collector::plan_block(const ipld::Multihash& hash, const std::vector<Place>& places,
                             Plan& plan) const {
  if (options_.stop.stop_requested()) return fail(Errc::cancelled, "The gc was stopped.");
  const bool young = std::any_of(places.begin(), places.end(),
                                 [&](const Place& place) { return place.born > since_; });
  const auto in_dead_file = [&](const Place& place) {
    return place.in_file() && plan.dead_files.contains(place.container);
  };
  // A file that stays keeps all of its leaves: who finds it relies on that.
  const bool in_kept_file = std::any_of(places.begin(), places.end(), [&](const Place& place) {
    return place.in_file() && !in_dead_file(place);
  });
  const bool spared = std::any_of(places.begin(), places.end(), [&](const Place& place) {
    return !place.in_file() && spared_packs_.contains(place.container);
  });
  if (!young && !in_kept_file && !spared && !is_live(hash)) {
    plan.dead_blocks.push_back(hash);
    for (const Place& place : places) {
      if (!place.in_file()) plan.dead_in_packs[place.container] += place.slice_bytes;
    }
    return {};
  }
  ++plan.kept;
  if (std::all_of(places.begin(), places.end(), in_dead_file)) {
    plan.moves.push_back({hash, places.front()});
  }
  return {};
}

// Live blocks whose only place is a file that goes: they are copied before anything is freed.
Status Collector::copy_moves(const Plan& plan, PackSession& packs, Copies& copies) {
  for (const DoomedPlace& move : plan.moves) {
    if (options_.stop.stop_requested()) return fail(Errc::cancelled, "The gc was stopped.");
    const auto codec =
        move.place.kind == PlaceKind::wrapped ? ipld::Codec::dag_pb : ipld::Codec::raw;
    const auto block = read_block(core_, ipld::Cid::v1(codec, move.hash));
    if (!block) continue;  // Damaged: its file stays, for verify() to tell.
    ACCEL_TRY(const Place place, packs.append(move.hash, *block));
    copies.emplace(hash_key(move.hash), place);
  }
  return packs.sync();
}

Status Collector::sweep(PackSession& packs, const Copies& copies) {
  const GcReport before = report_;
  const Status written = core_.index->write([&](Txn& txn) -> Status {
    report_ = before;  // A transaction may run twice.
    removed_files_.clear();
    revived_.clear();
    ACCEL_CHECK(mark_live(txn));
    ACCEL_TRY(Plan last, plan(txn));
    // A block that became live after the copying keeps its file until the next gc.
    for (const DoomedPlace& move : last.moves) {
      if (!copies.contains(hash_key(move.hash))) revived_.insert(move.place.container);
    }
    if (!revived_.empty()) {
      ACCEL_TRY(last, plan(txn));
    }
    ACCEL_CHECK(apply(txn, last, copies));
    ACCEL_CHECK(packs.record(txn));
    core_.step("gc.commit");
    return {};
  });
  ACCEL_CHECK(written);
  packs.committed();
  core_.step("gc.committed");
  return {};
}

Status Collector::apply(Txn& txn, const Plan& plan, const Copies& copies) {
  report_.kept = plan.kept;
  for (const ipld::Multihash& hash : plan.dead_blocks) {
    ACCEL_CHECK(txn.erase(Table::blocks, hash.bytes()));
    ACCEL_CHECK(txn.erase(Table::hidden, hash.bytes()));
    ++report_.blocks_freed;
  }
  for (const DoomedPlace& move : plan.moves) {
    const auto copy = copies.find(hash_key(move.hash));
    if (copy == copies.end()) continue;
    ACCEL_CHECK(add_place(txn, move.hash, copy->second));
    ++report_.blocks_moved;
  }
  std::vector<DoomedPlace> doomed;
  ACCEL_CHECK(
      each_block(txn, [&](const ipld::Multihash& hash, const std::vector<Place>& places) -> Status {
        for (const Place& place : places) {
          if (place.in_file() && plan.dead_files.contains(place.container)) {
            doomed.push_back({hash, place});
          }
        }
        return {};
      }));
  for (const DoomedPlace& one : doomed) {
    ACCEL_CHECK(txn.erase_value(Table::blocks, one.hash.bytes(), encode(one.place)));
  }
  for (const auto& [id, record] : plan.dead_files) {
    ACCEL_CHECK(erase_file(txn, id, record.root));
    ACCEL_CHECK(forget_use(txn, {true, id}));
    ++report_.files_freed;
    removed_files_.push_back(record);
  }
  return {};
}

// After the commit, and only if nobody has added the same root again since.
Status Collector::remove_files() {
  if (removed_files_.empty()) return {};
  return core_.index->write([&](Txn& txn) -> Status {
    for (const FileRecord& record : removed_files_) {
      if (record.referenced) continue;
      ACCEL_TRY(const auto stored, files_of_root(txn, record.root));
      const bool named = std::any_of(stored.begin(), stored.end(), [&](const StoredFile& file) {
        return file.record.path == record.path;
      });
      if (named) continue;
      core_.step("gc.unlink");
      if (::unlink((core_.layout.directory / record.path).c_str()) == 0) {
        report_.bytes_freed += record.stamp.size;
      }
    }
    return {};
  });
}

// Files that no index entry names: a crash came between rename and commit, or commit and unlink.
// Inside a write transaction nobody is in between.
Status Collector::remove_orphans() {
  report_.orphans_freed += remove_stale_temporaries(core_.layout);
  return core_.index->write([&](Txn& txn) -> Status {
    ACCEL_TRY(const auto records, all_files(txn));
    HashSet known;
    for (const auto& [id, record] : records) {
      if (!record.referenced) known.insert(record.path);
    }
    ACCEL_TRY(const auto files, files_in(core_.layout.files(), true));
    for (const auto& path : files) {
      const auto name = "files" / path.parent_path().filename() / path.filename();
      if (!known.contains(name.string())) remove_orphan(path);
    }
    ACCEL_TRY(const auto packs, files_in(core_.layout.packs(), false));
    for (const auto& path : packs) {
      const auto id = pack_id_of(path);
      if (!id) continue;
      ACCEL_TRY(const auto row, txn.get(Table::packs, encode_u64(*id)));
      if (row) continue;
      ACCEL_TRY(const bool removed, remove_if_unlocked(path));  // Locked: it is being made.
      report_.orphans_freed += removed ? 1U : 0U;
    }
    return {};
  });
}

// A fetched file that was complete but for its index entry goes back to be taken up.
void Collector::remove_orphan(const std::filesystem::path& path) {
  const auto root = ipld::Cid::parse(path.filename().string());
  const bool was_fetched = root && ::access(core_.layout.part_map(*root).c_str(), F_OK) == 0 &&
                           ::access(core_.layout.part(*root).c_str(), F_OK) != 0;
  if (was_fetched && ::rename(path.c_str(), core_.layout.part(*root).c_str()) == 0) return;
  report_.orphans_freed += ::unlink(path.c_str()) == 0 ? 1U : 0U;
}

// Maps and locks whose file is complete or gone.
void Collector::tidy_partials() {
  const auto files = files_in(core_.layout.partial(), false);
  for (const auto& path : files.value_or(std::vector<std::filesystem::path>{})) {
    const auto root = ipld::Cid::parse(path.stem().string());
    if (!root || path.extension() == ".part") continue;
    const auto lock = try_lock_file(core_.layout.part_lock(*root), O_CREAT);
    if (!lock || !lock->has_value()) continue;  // Somebody fetches it.
    if (::access(core_.layout.part(*root).c_str(), F_OK) != 0) {
      ::unlink(core_.layout.part_map(*root).c_str());
    }
    ::unlink(core_.layout.part_lock(*root).c_str());
  }
}

Result<std::vector<ipld::Cid>> partial_roots(const Layout& layout) {
  std::vector<ipld::Cid> roots;
  ACCEL_TRY(const auto files, files_in(layout.partial(), false));
  for (const auto& path : files) {
    const auto cid = ipld::Cid::parse(path.stem().string());
    if (cid && path.extension() == ".part") roots.push_back(*cid);
  }
  return roots;
}

std::uint64_t remove_abandoned_partials(const Layout& layout) {
  std::uint64_t removed = 0;
  const auto roots = partial_roots(layout);
  for (const ipld::Cid& root : roots.value_or(std::vector<ipld::Cid>{})) {
    const auto lock = try_lock_file(layout.part_lock(root), O_CREAT);
    if (!lock || !lock->has_value()) continue;
    ::unlink(layout.part_map(root).c_str());
    removed += ::unlink(layout.part(root).c_str()) == 0 ? 1U : 0U;
    ::unlink(layout.part_lock(root).c_str());
  }
  return removed;
}

}  // namespace accel::blockstore
