// SPDX-License-Identifier: Apache-2.0
#include "block_batch.hpp"

#include <algorithm>
#include <array>

#include "accel/crypto/sha256_many.hpp"
#include "accel/ipld/dag_pb.hpp"
#include "block_reader.hpp"
#include "dag_walk.hpp"
#include "quota.hpp"
#include "tables.hpp"

namespace accel::blockstore {
namespace {

constexpr std::size_t kNoneBad = SIZE_MAX;
constexpr std::size_t kMaxPieceBlocks = 256;  // Small blocks: a piece is worth a thread's while.
constexpr std::uint64_t kMinParallelBytes = 1U << 20U;  // Less is hashed sooner than threads wake.
constexpr std::size_t kMaxPendingBlocks = 50'000;
constexpr std::uint64_t kMaxPendingBytes = 64ULL << 20U;

bool fits_lanes(const ipld::Multihash& hash) {
  return hash.code() == ipld::HashCode::sha2_256 && hash.digest().size() == crypto::kSha256Bytes;
}

// Whether the store has these bytes and would serve them. Owned files are believed as readers
// believe them; what lies in packs and referenced files is read and hashed.
bool is_whole(const StoreCore& core, const ipld::Cid& cid, const std::vector<FoundPlace>& places) {
  const bool believed = std::ranges::any_of(places, [&](const FoundPlace& found) {
    if (!found.file || found.file->referenced) return false;
    const auto file = open_stored(core.layout, *found.file);
    return file && file->trusted;
  });
  return believed || read_any_place(core, cid, places).has_value();
}

// gc leaves alone what is born after it began.
Status renew_places(Txn& txn, const ipld::Multihash& hash, std::vector<Place> places) {
  for (Place& place : places) {
    ACCEL_CHECK(txn.erase_value(Table::blocks, hash.bytes(), encode(place)));
    place.born = txn.id();
    ACCEL_CHECK(txn.put(Table::blocks, hash.bytes(), encode(place)));
  }
  return {};
}

}  // namespace

std::size_t first_bad_block(std::span<const BlockRef> blocks) {
  std::vector<ByteView> messages;
  std::vector<std::size_t> of;
  std::size_t bad = kNoneBad;
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    if (fits_lanes(blocks[i].cid.hash())) {
      messages.push_back(blocks[i].data);
      of.push_back(i);
    } else if (bad == kNoneBad && !ipld::verify_block(blocks[i].cid, blocks[i].data)) {
      bad = i;
    }
  }
  std::vector<crypto::Sha256Digest> digests(messages.size());
  crypto::sha256_many(messages, digests);
  for (std::size_t i = 0; i < digests.size(); ++i) {
    if (of[i] >= bad) break;
    if (!std::ranges::equal(digests[i], blocks[of[i]].cid.hash().digest())) return of[i];
  }
  return bad;
}

BlockCheck::BlockCheck(HashPool& pool, std::span<const BlockRef> blocks) : blocks_(blocks) {
  // Full lanes, unless that would leave workers without any.
  const std::size_t share = blocks.size() / (2 * pool.workers());
  const std::size_t width = crypto::sha256_many_width();
  a_piece_ = std::clamp<std::size_t>(share, 1, std::max(width, kMaxPieceBlocks));
  bad_.assign((blocks.size() + a_piece_ - 1) / a_piece_, kNoneBad);
}

std::size_t BlockCheck::pieces() const { return bad_.size(); }

void BlockCheck::verify_piece(std::size_t piece) {
  const std::size_t first = piece * a_piece_;
  const auto blocks = blocks_.subspan(first, std::min(a_piece_, blocks_.size() - first));
  const std::size_t bad = first_bad_block(blocks);
  if (bad != kNoneBad) bad_[piece] = first + bad;
}

std::size_t BlockCheck::good() const {
  if (bad_.empty()) return blocks_.size();
  return std::min(blocks_.size(), *std::ranges::min_element(bad_));
}

Error BlockCheck::error() const {
  const BlockRef& block = blocks_[good()];
  return ipld::verify_block(block.cid, block.data).error();
}

Status verify_blocks(HashPool& pool, std::span<const BlockRef> blocks,
                     const std::stop_token& stop) {
  std::uint64_t bytes = 0;
  for (const BlockRef& block : blocks) bytes += block.data.size();
  if (bytes < kMinParallelBytes) {
    const std::size_t bad = first_bad_block(blocks);
    return bad == kNoneBad ? Status{} : ipld::verify_block(blocks[bad].cid, blocks[bad].data);
  }
  BlockCheck check(pool, blocks);
  const HashPool::Body body = [&](std::size_t, std::size_t piece) -> Status {
    check.verify_piece(piece);
    return {};
  };
  ACCEL_CHECK(pool.for_each(check.pieces(), body, stop));
  if (check.good() < blocks.size()) return fail(check.error());
  return {};
}

BlockWriter::BlockWriter(StoreCore& core, WriteOptions options)
    : core_(core), options_(options), packs_(std::make_unique<PackSession>(*core.packs)) {}

BlockWriter::~BlockWriter() = default;

Result<std::vector<BlockWriter::Found>> BlockWriter::look_up(std::span<const BlockRef> blocks) {
  std::vector<std::vector<FoundPlace>> places(blocks.size());
  const Status looked = core_.index->read([&](const Txn& txn) -> Status {
    for (std::size_t i = 0; i < blocks.size(); ++i) {
      ACCEL_TRY(places[i], find_places(txn, blocks[i].cid));
    }
    return {};
  });
  ACCEL_CHECK(looked);
  std::vector<Found> found(blocks.size(), Found::absent);
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    const ipld::Cid& cid = blocks[i].cid;
    if (cid.is_identity() || !pending_.insert(hash_key(cid.hash())).second) {
      found[i] = Found::pending;  // Nothing to write; or written by us, or twice in this batch.
    } else if (!places[i].empty()) {
      found[i] = is_whole(core_, cid, places[i]) ? Found::whole : Found::damaged;
    }
  }
  return found;
}

// What is here already, but perhaps kept by nobody, must outlive a gc that runs now.
Status BlockWriter::keep_whole(std::span<const BlockRef> blocks, std::vector<Found>& found) {
  if (std::ranges::find(found, Found::whole) == found.end()) return {};
  return core_.index->write([&](Txn& txn) -> Status {
    for (std::size_t i = 0; i < blocks.size(); ++i) {
      if (found[i] != Found::whole) continue;
      const ipld::Multihash& hash = blocks[i].cid.hash();
      ACCEL_TRY(auto places, get_places(txn, hash));
      if (places.empty()) found[i] = Found::absent;  // gc was faster.
      ACCEL_CHECK(renew_places(txn, hash, std::move(places)));
      if (options_.is_private) ACCEL_CHECK(txn.put(Table::hidden, hash.bytes(), {}));
    }
    core_.step("index.renew");
    return {};
  });
}

Status BlockWriter::write(std::span<const BlockRef> blocks) {
  if (broken_) broken_ = write_new(blocks);
  return broken_;
}

Status BlockWriter::write_new(std::span<const BlockRef> blocks) {
  for (const BlockRef& block : blocks) {
    if (block.data.size() > ipld::kMaxBlockBytes) {
      return fail(Errc::resource_exhausted, "Block {} has {} bytes; at most {} are stored.",
                  block.cid, block.data.size(), ipld::kMaxBlockBytes);
    }
  }
  std::uint64_t bytes = 0;
  for (const BlockRef& block : blocks) bytes += block.data.size();
  ACCEL_CHECK(make_room(core_, bytes));
  ACCEL_TRY(std::vector<Found> found, look_up(blocks));
  if (options_.renew) ACCEL_CHECK(keep_whole(blocks, found));
  std::vector<PackSession::Record> records;
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    if (found[i] == Found::whole || found[i] == Found::pending) continue;
    const BlockRef& block = blocks[i];
    ACCEL_TRY(const Place place, packs_->reserve(block.cid.hash(), block.data.size()));
    records.push_back({&block.cid.hash(), block.data, place});
    added_.push_back({block.cid.hash(), place, found[i] == Found::damaged});
    pending_bytes_ += block.data.size();
    bytes_new_ += block.data.size();
  }
  blocks_new_ += records.size();
  return packs_->write_reserved(records);
}

bool BlockWriter::is_due() const {
  return pending_bytes_ >= kMaxPendingBytes || pending_.size() >= kMaxPendingBlocks;
}

Status BlockWriter::write_index(Txn& txn) {
  for (const NewBlock& block : added_) {
    ACCEL_TRY(const bool there, has_block(txn, block.hash));
    if (there && !block.mends) continue;  // Another thread or process was faster.
    ACCEL_CHECK(add_place(txn, block.hash, block.place));
    if (options_.is_private) ACCEL_CHECK(txn.put(Table::hidden, block.hash.bytes(), {}));
  }
  ACCEL_CHECK(packs_->record(txn));
  core_.step("index.commit");
  return {};
}

Status BlockWriter::commit() {
  if (broken_) broken_ = commit_new();
  return broken_;
}

Status BlockWriter::commit_new() {
  pending_.clear();
  pending_bytes_ = 0;
  if (added_.empty()) return {};
  ACCEL_CHECK(packs_->sync());
  ACCEL_CHECK(core_.index->write([&](Txn& txn) { return write_index(txn); }));
  packs_->committed();
  core_.step("index.committed");
  added_.clear();
  // Full packs are let go, so that their number does not grow with what is written.
  packs_ = std::make_unique<PackSession>(*core_.packs);
  return {};
}

}  // namespace accel::blockstore
