// SPDX-License-Identifier: Apache-2.0
#include "verifier.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <map>

#include "accel/core/lock_wait.hpp"
#include "accel/core/random.hpp"
#include "accel/crypto/sha256_many.hpp"
#include "block_batch.hpp"
#include "pins.hpp"
#include "tables.hpp"

namespace accel::blockstore {
namespace {

constexpr std::size_t kBatchBlocks = 512;   // Between two looks at the index.
constexpr std::size_t kMinPieceBlocks = 4;  // Read and hashed together by one thread.
constexpr std::uint64_t kSampleScale = 1'000'000;
constexpr std::int64_t kDistrusted = INT64_MIN;  // No file has this time.

// Reading a block by its hash alone: as what its place makes of it.
ipld::Cid cid_of(const ipld::Multihash& hash, const FoundPlace& found) {
  const bool wrapped = found.place.kind == PlaceKind::wrapped;
  return ipld::Cid::v1(wrapped ? ipld::Codec::dag_pb : ipld::Codec::raw, hash);
}

std::uint64_t bytes_on_disk(const std::filesystem::path& directory, bool recursive) {
  std::uint64_t bytes = 0;
  const auto files = files_in(directory, recursive);
  for (const auto& path : files.value_or(std::vector<std::filesystem::path>{})) {
    struct stat info{};
    if (::lstat(path.c_str(), &info) == 0)
      bytes += static_cast<std::uint64_t>(info.st_blocks) * 512;
  }
  return bytes;
}

Status count_blocks(const Txn& txn, UsageReport& report) {
  std::map<std::uint64_t, PackUsage> packs;
  ACCEL_CHECK(txn.each(Table::packs, {}, [&](ByteView key, ByteView value) -> Result<bool> {
    ACCEL_TRY(const std::uint64_t id, decode_u64(key));
    ACCEL_TRY(const std::uint64_t end, decode_u64(value));
    packs[id] = {id, end, 0};
    return true;
  }));
  Bytes last;
  ACCEL_CHECK(txn.each(Table::blocks, {}, [&](ByteView key, ByteView value) -> Result<bool> {
    ACCEL_TRY(const Place place, decode_place(value));
    const auto pack = packs.find(place.container);
    if (!place.in_file() && pack != packs.end()) pack->second.live_bytes += place.slice_bytes;
    if (std::ranges::equal(key, last)) return true;  // Another place of the same block.
    last = to_bytes(key);
    ++report.blocks;
    report.unique_bytes += place.block_bytes;
    return true;
  }));
  for (const auto& [id, pack] : packs) report.packs.push_back(pack);
  return {};
}

}  // namespace

Result<VerifyReport> Verifier::run() {
  ACCEL_TRY(auto total,
            core_.index->query([&](const Txn& txn) { return txn.count(Table::blocks); }));
  if (options_.sample_blocks > 0 && options_.sample_blocks < total) {
    share_ = static_cast<double>(options_.sample_blocks) / static_cast<double>(total);
  }
  if (options_.sample_percent > 0) share_ = std::min(share_, options_.sample_percent / 100.0);
  started_ = core_.options.clock->now();
  if (options_.root) {
    ACCEL_CHECK(verify_dag(*options_.root));
    return report_;
  }
  ACCEL_CHECK(verify_all());
  ACCEL_CHECK(verify_pins());
  return report_;
}

Status Verifier::verify_all() {
  Bytes last;
  for (;;) {
    Batch batch;
    bool more = false;
    const Status looked = core_.index->read([&](const Txn& txn) -> Status {
      return txn.each(Table::blocks, last, [&](ByteView key, ByteView) -> Result<bool> {
        if (std::ranges::equal(key, last)) return true;  // Another place, or where we stopped.
        more = batch.size() == kBatchBlocks;
        if (more) return false;
        last = to_bytes(key);
        ACCEL_TRY(batch.emplace_back(), ipld::Multihash::from_bytes(key));
        return true;
      });
    });
    ACCEL_CHECK(looked);
    take_sample(batch);
    ACCEL_CHECK(verify_batch(batch));
    if (!more) return {};
  }
}

// What the root reaches; what is missing is damage, too.
Status Verifier::verify_dag(const ipld::Cid& root) {
  Batch batch;
  DagWalk walk(core_, find_in(core_), {.allow_damaged = true, .stop = options_.stop});
  const Status whole = walk.walk(root, [&](const Visited& visited) -> Status {
    batch.push_back(visited.cid.hash());
    if (batch.size() < kBatchBlocks) return {};
    take_sample(batch);
    ACCEL_CHECK(verify_batch(batch));
    batch.clear();
    return {};
  });
  if (!whole && whole.error().code != Errc::not_found) return whole;
  if (!whole) add_bad(root.to_string(), "its DAG", whole.error().message);
  take_sample(batch);
  return verify_batch(batch);
}

void Verifier::take_sample(Batch& batch) const {
  if (share_ >= 1) return;
  const auto limit = static_cast<std::uint64_t>(share_ * static_cast<double>(kSampleScale));
  std::erase_if(batch, [&](const auto&) { return system_random().below(kSampleScale) >= limit; });
}

Status Verifier::verify_batch(const Batch& batch) {
  const std::size_t a_piece = std::max(crypto::sha256_many_width(), kMinPieceBlocks);
  const std::size_t pieces = (batch.size() + a_piece - 1) / a_piece;
  const HashPool::Body body = [&](std::size_t, std::size_t i) -> Status {
    const std::span<const ipld::Multihash> all = batch;
    return verify_piece(all.subspan(i * a_piece, std::min(a_piece, batch.size() - i * a_piece)));
  };
  if (options_.bytes_per_second == 0) {
    ACCEL_CHECK(core_.hashing->for_each(pieces, body, options_.stop));
  } else {  // In the background: one thread, and pauses.
    for (std::size_t i = 0; i < pieces; ++i) {
      ACCEL_CHECK(body(0, i));
      ACCEL_CHECK(keep_pace());
    }
  }
  const std::scoped_lock lock(mutex_);
  if (options_.on_progress) options_.on_progress(report_.blocks, report_.bytes);
  return {};
}

Status Verifier::keep_pace() {
  const auto due = std::chrono::duration<double>(static_cast<double>(report_.bytes) /
                                                 static_cast<double>(options_.bytes_per_second));
  const Duration ahead =
      std::chrono::duration_cast<Duration>(due) - (core_.options.clock->now() - started_);
  if (ahead > Duration::zero()) return pause_for(ahead, options_.stop);
  return options_.stop.stop_requested() ? Status(fail(Errc::cancelled, "Stopped on request."))
                                        : Status{};
}

Status Verifier::verify_piece(std::span<const ipld::Multihash> piece) {
  std::vector<Loaded> loaded;
  for (const ipld::Multihash& hash : piece) ACCEL_CHECK(load(hash, loaded));
  ACCEL_CHECK(hash(loaded));
  const std::scoped_lock lock(mutex_);
  report_.blocks += piece.size();
  for (const Loaded& block : loaded) report_.bytes += block.block.size();
  return {};
}

// The bytes at each place of a block, not hashed.
Status Verifier::load(const ipld::Multihash& hash, std::vector<Loaded>& loaded) {
  const ipld::Cid name = ipld::Cid::v1(ipld::Codec::raw, hash);
  ACCEL_TRY(auto places, find_places(core_, name));
  for (FoundPlace& found : places) {
    auto block = load_place(core_, cid_of(hash, found), found);
    if (block) {
      loaded.push_back({hash, std::move(found), std::move(block->bytes)});
    } else {
      ACCEL_CHECK(tell({hash, std::move(found), std::move(block).error()}));
    }
  }
  return {};
}

Status Verifier::hash(std::vector<Loaded>& loaded) {
  std::vector<BlockRef> blocks;
  for (const Loaded& one : loaded) {
    blocks.push_back({ipld::Cid::v1(ipld::Codec::raw, one.hash), one.block});
  }
  for (std::size_t at = 0; at < blocks.size();) {
    const std::size_t bad = first_bad_block(std::span<const BlockRef>(blocks).subspan(at));
    if (bad >= blocks.size() - at) return {};
    at += bad;
    Error error = ipld::verify_block(blocks[at].cid, blocks[at].data).error();
    ACCEL_CHECK(tell({loaded[at].hash, loaded[at].found, std::move(error)}));
    ++at;
  }
  return {};
}

// gc or a new put() may have moved it while we looked.
Status Verifier::tell(const Damage& damage) {
  const ipld::Cid name = ipld::Cid::v1(ipld::Codec::raw, damage.hash);
  ACCEL_TRY(const auto again, find_places(core_, name));
  const bool still = std::any_of(again.begin(), again.end(), [&](const FoundPlace& other) {
    return other.place == damage.found.place;
  });
  if (!still) return {};
  add_bad(name.to_string(), damage.found.describe(core_.layout), damage.error.message);
  const bool is_certain =
      damage.error.code == Errc::corrupt || damage.error.code == Errc::not_found;
  const bool may_write = !core_.options.read_only;
  return options_.distrust && is_certain && may_write ? distrust(damage) : Status{};
}

// The index forgets the place, so that nobody is given what lies there; a file of ours is hashed
// from now on whenever it is read, until it is written again.
Status Verifier::distrust(const Damage& damage) {
  return core_.index->write([&](Txn& txn) -> Status {
    const Place& place = damage.found.place;
    if (damage.found.file && damage.found.file->referenced) return {};  // Always hashed.
    ACCEL_CHECK(txn.erase_value(Table::blocks, damage.hash.bytes(), encode(place)));
    if (!place.in_file()) return {};
    ACCEL_TRY(auto record, get_file(txn, place.container));
    if (!record) return {};
    record->stamp.mtime_ns = kDistrusted;
    return txn.put(Table::files, encode_u64(place.container), encode(*record));
  });
}

Status Verifier::verify_pins() {
  ACCEL_TRY(auto pins, core_.index->query([&](const Txn& txn) { return all_pins(txn); }));
  for (const PinRecord& pin : pins) {
    DagWalk walk(core_, find_in(core_), {.allow_missing = false, .stop = options_.stop});
    const Status whole = walk_pin(walk, pin, [](const Visited&) -> Status { return {}; });
    if (!whole && whole.error().code == Errc::cancelled) return whole;
    if (!whole) add_bad(pin.root.to_string(), "pin \"" + pin.name + "\"", whole.error().message);
    ++report_.pins;
  }
  return {};
}

void Verifier::add_bad(std::string cid, std::string place, std::string message) {
  const std::scoped_lock lock(mutex_);
  ++report_.bad_total;
  if (report_.bad.size() < kMaxBadBlocks) {
    report_.bad.push_back({std::move(cid), std::move(place), std::move(message)});
  }
}

Result<UsageReport> measure_usage(const StoreCore& core) {
  UsageReport report;
  report.files_bytes = bytes_on_disk(core.layout.files(), true);
  report.packs_bytes = bytes_on_disk(core.layout.packs(), false);
  report.partial_bytes = bytes_on_disk(core.layout.partial(), false);
  report.temporary_bytes = bytes_on_disk(core.layout.temporary(), true);
  report.index_bytes = bytes_on_disk(core.layout.index(), false);
  const Status looked = core.index->read([&](const Txn& txn) -> Status {
    ACCEL_CHECK(count_blocks(txn, report));
    const Status listed = txn.each(Table::files, {}, [&](ByteView, ByteView value) -> Result<bool> {
      ACCEL_TRY(const FileRecord record, decode_file(value));
      if (record.referenced) report.referenced_bytes += record.stamp.size;
      report.files.push_back({record.root, record.stamp.size, record.referenced});
      return true;
    });
    return listed;
  });
  ACCEL_CHECK(looked);
  ACCEL_TRY(report.roots, list_pins(core));
  for (const PinInfo& root : report.roots) report.pinned_bytes += root.bytes;
  return report;
}

}  // namespace accel::blockstore
