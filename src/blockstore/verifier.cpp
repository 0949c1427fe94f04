// SPDX-License-Identifier: Apache-2.0
#include "verifier.hpp"

#include <sys/stat.h>

#include <algorithm>

#include "accel/core/random.hpp"
#include "accel/crypto/sha256_many.hpp"
#include "pins.hpp"
#include "tables.hpp"

namespace accel::blockstore {
namespace {

constexpr std::size_t kBatchBlocks = 512;  // Between two looks at the index.

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

}  // namespace

Result<VerifyReport> Verifier::run() {
  ACCEL_TRY(auto total,
            core_.index->query([&](const Txn& txn) { return txn.count(Table::blocks); }));
  if (options_.sample_blocks > 0) {
    one_in_ = std::max<std::uint64_t>(1, total / options_.sample_blocks);
  }
  ACCEL_CHECK(verify_blocks());
  ACCEL_CHECK(verify_pins());
  return report_;
}

Status Verifier::verify_blocks() {
  Bytes last;
  for (;;) {
    std::vector<ipld::Multihash> batch;
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
    if (one_in_ > 1) {
      std::erase_if(batch, [&](const auto&) { return system_random().below(one_in_) != 0; });
    }
    ACCEL_CHECK(verify_batch(batch));
    if (!more) return {};
  }
}

Status Verifier::verify_batch(const std::vector<ipld::Multihash>& batch) {
  // Full lanes, unless that would leave workers without any.
  const std::size_t width = std::clamp<std::size_t>(batch.size() / core_.hashing->workers(), 1,
                                                    crypto::sha256_many_width());
  const HashPool::Body body = [&](std::size_t worker, std::size_t index) {
    const auto rest = std::span(batch).subspan(index * width);
    return verify_group(rest.first(std::min(width, rest.size())), buffers_[worker]);
  };
  ACCEL_CHECK(core_.hashing->for_each((batch.size() + width - 1) / width, body, options_.stop));
  const std::scoped_lock lock(mutex_);
  if (options_.on_progress) options_.on_progress(report_.blocks, report_.bytes);
  return {};
}

Status Verifier::verify_group(std::span<const ipld::Multihash> group, GroupBuffers& buffers) {
  std::vector<const ipld::Multihash*> hashes;
  std::vector<ByteView> blocks;
  buffers.resize(std::max(buffers.size(), group.size()));
  for (const ipld::Multihash& hash : group) {
    ACCEL_TRY(const auto places, find_places(core_, ipld::Cid::v1(ipld::Codec::raw, hash)));
    Bytes& block = buffers[blocks.size()];
    const bool plain = places.size() == 1 && hash.code() == ipld::HashCode::sha2_256 &&
                       hash.digest().size() == crypto::kSha256Bytes &&
                       read_unhashed(core_, cid_of(hash, places.front()), places.front(), block);
    if (!plain) {
      ACCEL_CHECK(verify_block(hash));
      continue;
    }
    hashes.push_back(&hash);
    blocks.emplace_back(block);
  }
  std::vector<crypto::Sha256Digest> digests(blocks.size());
  crypto::sha256_many(blocks, digests);
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    if (!std::ranges::equal(digests[i], hashes[i]->digest())) {
      ACCEL_CHECK(verify_block(*hashes[i]));
      continue;
    }
    const std::scoped_lock lock(mutex_);
    ++report_.blocks;
    report_.bytes += blocks[i].size();
  }
  return {};
}

Status Verifier::verify_block(const ipld::Multihash& hash) {
  const ipld::Cid name = ipld::Cid::v1(ipld::Codec::raw, hash);
  ACCEL_TRY(const auto places, find_places(core_, name));
  std::uint64_t bytes = 0;
  for (const FoundPlace& found : places) {
    const auto block = read_place(core_, cid_of(hash, found), found, true);
    if (block) {
      bytes += block->size();
      continue;
    }
    // gc or a new put() may have moved it while we looked.
    ACCEL_TRY(const auto again, find_places(core_, name));
    const bool still = std::any_of(again.begin(), again.end(), [&](const FoundPlace& other) {
      return other.place == found.place;
    });
    if (still) add_bad(name.to_string(), found.describe(core_.layout), block.error().message);
  }
  const std::scoped_lock lock(mutex_);
  ++report_.blocks;
  report_.bytes += bytes;
  return {};
}

Status Verifier::verify_pins() {
  ACCEL_TRY(auto pins, core_.index->query([&](const Txn& txn) { return all_pins(txn); }));
  for (const PinRecord& pin : pins) {
    DagWalk walk(core_, find_in(core_), {.allow_missing = false, .stop = options_.stop});
    const Status whole = walk.walk(pin.root, [](const auto&, const auto&) -> Status { return {}; });
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
    Bytes last;
    const Status counted = txn.each(Table::blocks, {}, [&](ByteView key, ByteView) -> Result<bool> {
      if (std::ranges::equal(key, last)) return true;  // Another place of the same block.
      last = to_bytes(key);
      ++report.blocks;
      return true;
    });
    ACCEL_CHECK(counted);
    const Status listed = txn.each(Table::files, {}, [&](ByteView, ByteView value) -> Result<bool> {
      ACCEL_TRY(const FileRecord record, decode_file(value));
      if (record.referenced) report.referenced_bytes += record.stamp.size;
      return true;
    });
    ACCEL_CHECK(listed);
    return {};
  });
  ACCEL_CHECK(looked);
  ACCEL_TRY(report.roots, list_pins(core));
  return report;
}

}  // namespace accel::blockstore
