// SPDX-License-Identifier: Apache-2.0
// Packs only grow; gc rewrites those that are mostly garbage.
#include <fcntl.h>
#include <unistd.h>

#include <map>

#include "block_reader.hpp"
#include "collector.hpp"
#include "locks.hpp"
#include "pack_format.hpp"
#include "pack_writer.hpp"
#include "quota.hpp"
#include "tables.hpp"

namespace accel::blockstore {
namespace {

constexpr std::size_t kMaxRewrites = 64;  // By one gc: each holds a descriptor.

struct PackedBlock {
  ipld::Multihash hash;
  Place place;
};

struct PackState {
  std::uint64_t end = 0;
  std::uint64_t live_bytes = 0;
  std::vector<PackedBlock> blocks;

  // Less than half of it is alive: what is read and written again frees at least as much.
  bool worth_rewriting() const { return 2 * live_bytes < end - kPackHeaderBytes; }
};

Result<std::map<std::uint64_t, PackState>> survey(const StoreCore& core) {
  std::map<std::uint64_t, PackState> packs;
  const Status looked = core.index->read([&](const Txn& txn) -> Status {
    const Status listed =
        txn.each(Table::packs, {}, [&](ByteView key, ByteView value) -> Result<bool> {
          ACCEL_TRY(const std::uint64_t id, decode_u64(key));
          ACCEL_TRY(packs[id].end, decode_u64(value));
          return true;
        });
    ACCEL_CHECK(listed);
    return txn.each(Table::blocks, {}, [&](ByteView key, ByteView value) -> Result<bool> {
      ACCEL_TRY(const Place place, decode_place(value));
      const auto pack = packs.find(place.container);
      if (place.in_file() || pack == packs.end()) return true;
      ACCEL_TRY(ipld::Multihash hash, ipld::Multihash::from_bytes(key));
      pack->second.live_bytes += record_header_bytes(hash) + place.slice_bytes;
      pack->second.blocks.push_back({std::move(hash), place});
      return true;
    });
  });
  ACCEL_CHECK(looked);
  return packs;
}

// Moves what is alive into other packs and removes this one, which the caller has locked.
Status rewrite(StoreCore& core, std::uint64_t id, const PackState& state) {
  PackSession packs(*core.packs);
  std::vector<Place> copies;
  for (const PackedBlock& block : state.blocks) {
    const ipld::Cid cid = ipld::Cid::v1(ipld::Codec::raw, block.hash);
    ACCEL_TRY(const Bytes bytes, read_place(core, cid, {block.place, std::nullopt}, true));
    ACCEL_TRY(copies.emplace_back(), packs.append(block.hash, bytes));
  }
  ACCEL_CHECK(packs.sync());
  const Status written = core.index->write([&](Txn& txn) -> Status {
    for (std::size_t i = 0; i < copies.size(); ++i) {
      const ipld::Multihash& hash = state.blocks[i].hash;
      ACCEL_CHECK(txn.erase_value(Table::blocks, hash.bytes(), encode(state.blocks[i].place)));
      ACCEL_CHECK(add_place(txn, hash, copies[i]));
    }
    ACCEL_CHECK(packs.record(txn));
    ACCEL_CHECK(txn.erase(Table::packs, encode_u64(id)));
    ACCEL_CHECK(forget_use(txn, {false, id}));
    core.step("compact.commit");
    return {};
  });
  ACCEL_CHECK(written);
  packs.committed();
  core.step("compact.unlink");
  ::unlink(core.layout.pack(id).c_str());
  return {};
}

}  // namespace

Status compact_packs(StoreCore& core, const GcOptions& options, GcReport& report) {
  std::map<std::uint64_t, UniqueFd> locked;
  ACCEL_TRY(const auto before, survey(core));
  for (const auto& [id, state] : before) {
    if (!state.worth_rewriting() || locked.size() >= kMaxRewrites) continue;
    auto lock = try_lock_file(core.layout.pack(id), 0);
    if (lock && lock->has_value()) locked.emplace(id, std::move(**lock));
  }
  if (locked.empty()) return {};
  ACCEL_TRY(const auto now, survey(core));  // They may have grown before they were locked.
  for (const auto& [id, state] : now) {
    if (options.stop.stop_requested()) return fail(Errc::cancelled, "The gc was stopped.");
    if (!locked.contains(id) || !state.worth_rewriting()) continue;
    const Status done = rewrite(core, id, state);
    if (!done && done.error().code == Errc::corrupt) continue;  // verify() tells.
    ACCEL_CHECK(done);
    ++report.packs_freed;
    report.bytes_freed += state.end - state.live_bytes;
  }
  return {};
}

}  // namespace accel::blockstore
