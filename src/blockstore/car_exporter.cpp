// SPDX-License-Identifier: Apache-2.0
#include "car_exporter.hpp"

#include <fcntl.h>

#include <algorithm>

#include "accel/core/file.hpp"
#include "block_batch.hpp"
#include "clone.hpp"

namespace accel::blockstore {
namespace {

// Pieces that go out at a time: large enough for the hashing lanes of all CPUs.
constexpr std::size_t kWindowBytes = 16U << 20U;
// Without anything to hash: what the CPU's cache holds between read and write. (sendfile() from
// file to file, which moves 64 KiB at a time, takes half as long again.)
constexpr std::size_t kBelievedBytes = 2U << 20U;

Error not_whole(Error error) {
  if (error.code != Errc::not_found) return error;
  error.message += " The DAG is not here as a whole: pull it, or leave out what is missing.";
  return error;
}

// From whichever place has it whole; its length was told already.
Result<Bytes> read_checked(const StoreCore& core, const ipld::Cid& cid, std::uint64_t bytes) {
  ACCEL_TRY(Bytes block, read_block(core, cid));
  if (block.size() == bytes) return block;
  return fail(Errc::corrupt, "The index says that block {} has {} bytes; it has {}.", cid, bytes,
              block.size());
}

}  // namespace

Result<CarExportReport> CarExporter::run(const std::vector<ipld::Cid>& roots,
                                         const CarTarget& target) {
  target_ = target;
  ipld::CarV2Header v2;
  if (options_.version == 2) {
    ACCEL_CHECK(measure(roots, v2));
    ACCEL_CHECK(append(ipld::car_v2_head(v2)));
    writer_ = ipld::CarWriter(true);
  }
  ACCEL_CHECK(begin(roots));
  ACCEL_CHECK(walk(roots, [&](const Visited& visited) { return add(visited); }));
  if (options_.version == 2) {
    if (writer_.size_bytes() != v2.data_size) {
      return fail(Errc::unavailable, "The DAG changed while it was written. Export it again.");
    }
    ACCEL_CHECK(append(writer_.index()));
  }
  ACCEL_CHECK(flush());
  return report_;
}

Status CarExporter::walk(const std::vector<ipld::Cid>& roots, const DagWalk::Visit& visit) const {
  DagWalk walk(core_, find_in(core_),
               {.allow_missing = options_.partial, .by_cid = true, .stop = options_.stop});
  for (const ipld::Cid& root : roots) {
    if (Status walked = walk.walk(root, visit); !walked) return fail(not_whole(walked.error()));
  }
  return {};
}

Status CarExporter::begin(const std::vector<ipld::Cid>& roots) {
  ACCEL_CHECK(writer_.start(roots, head_));
  return append(head_);
}

// What a CARv2 says in front of its data.
Status CarExporter::measure(const std::vector<ipld::Cid>& roots, ipld::CarV2Header& header) const {
  ipld::CarWriter sizes;
  Bytes start;
  ACCEL_CHECK(sizes.start(roots, start));
  header.data_offset = ipld::kCarV2HeadBytes;
  header.data_size = start.size();
  ACCEL_CHECK(walk(roots, [&](const Visited& visited) -> Status {
    header.data_size += ipld::CarWriter::section_bytes(visited.cid, visited.bytes());
    return {};
  }));
  header.index_offset = header.data_offset + header.data_size;
  return {};
}

Status CarExporter::add(const Visited& visited) {
  const std::uint64_t bytes = visited.block != nullptr ? visited.block->size() : visited.bytes();
  ++report_.blocks;
  report_.bytes += bytes;
  head_.clear();
  writer_.begin_block(visited.cid, bytes, head_);
  ACCEL_CHECK(append(head_));
  if (visited.block != nullptr) return append(*visited.block);
  const FoundPlace& found = visited.places.front();
  const bool is_slice = found.place.kind != PlaceKind::wrapped;
  const bool is_referenced = found.file && found.file->referenced;
  if (is_slice && !is_referenced) return add_slice(visited, found);
  return append_checked(visited.cid, bytes);
}

// Reads and hashes it by itself, from whichever place has it whole.
Status CarExporter::append_checked(const ipld::Cid& cid, std::uint64_t bytes) {
  ACCEL_TRY(const Bytes block, read_checked(core_, cid, bytes));
  return append(block);
}

Status CarExporter::add_slice(const Visited& visited, const FoundPlace& found) {
  auto opened = open_container(found);
  if (!opened)
    return append_checked(visited.cid, visited.bytes());  // Moved by gc, or gone: says the reader.
  const OpenedFile& file = **opened;
  const std::uint64_t bytes = found.place.slice_bytes;
  ACCEL_CHECK(reserve(bytes));
  const std::span<std::uint8_t> out = extend(bytes);
  const Status read = pread_all(file.fd.get(), out, found.place.offset);
  // What cannot be read is zeros here, which the hash finds out.
  if (!read) std::ranges::fill(out, std::uint8_t{0});
  if (!read || !file.trusted) unverified_.push_back({visited.cid, end_ - bytes, bytes});
  return {};
}

// Packs are never believed.
Result<const OpenedFile*> CarExporter::open_container(const FoundPlace& found) {
  const bool is_file = found.file.has_value();
  if (open_ && open_->is_file == is_file && open_->id == found.place.container) {
    return &open_->file;
  }
  core_.uses->touch(found.place);
  OpenedFile file;
  if (is_file) {
    ACCEL_TRY(file, open_stored(core_.layout, *found.file));
  } else {
    ACCEL_TRY(file.fd, open_file(core_.layout.pack(found.place.container), O_RDONLY));
  }
  open_.emplace(OpenContainer{is_file, found.place.container, std::move(file)});
  return &open_->file;
}

// Sends what is there if so much more would be too much.
Status CarExporter::reserve(std::size_t bytes) {
  const std::size_t most = unverified_.empty() ? kBelievedBytes : kWindowBytes;
  return end_ + bytes > most ? flush() : Status{};
}

std::span<std::uint8_t> CarExporter::extend(std::size_t bytes) {
  if (window_.size() < end_ + bytes) window_.resize(end_ + bytes);
  end_ += bytes;
  return std::span(window_).subspan(end_ - bytes, bytes);
}

Status CarExporter::append(ByteView bytes) {
  ACCEL_CHECK(reserve(bytes.size()));
  std::ranges::copy(bytes, extend(bytes.size()).begin());
  return {};
}

Status CarExporter::flush() {
  if (end_ == 0) return {};
  ACCEL_CHECK(verify_window());
  const ByteView bytes(window_.data(), end_);
  end_ = 0;
  ACCEL_CHECK(send(bytes));
  report_.archive_bytes += bytes.size();
  if (options_.on_progress) options_.on_progress({report_.archive_bytes, report_.blocks});
  return {};
}

Status CarExporter::verify_window() {
  std::vector<BlockRef> blocks;
  blocks.reserve(unverified_.size());
  for (const Unverified& block : unverified_) {
    blocks.push_back({block.cid, ByteView(window_).subspan(block.at, block.bytes)});
  }
  if (!verify_blocks(*core_.hashing, blocks, options_.stop)) {
    if (options_.stop.stop_requested()) return fail(Errc::cancelled, "The export was stopped.");
    for (const Unverified& block : unverified_) {
      const std::span<std::uint8_t> bytes = std::span(window_).subspan(block.at, block.bytes);
      if (ipld::verify_block(block.cid, bytes)) continue;
      ACCEL_TRY(const Bytes good, read_checked(core_, block.cid, block.bytes));
      std::ranges::copy(good, bytes.begin());
    }
  }
  unverified_.clear();
  return {};
}

Status CarExporter::send(ByteView bytes) {
  return target_.file < 0 ? target_.sink(bytes) : write_all(target_.file, bytes);
}

Result<DagStat> count_dag(const StoreCore& core, const std::vector<ipld::Cid>& roots,
                          const std::stop_token& stop) {
  DagStat stat;
  DagWalk walk(core, find_in(core), {.stop = stop});
  for (const ipld::Cid& root : roots) {
    Status walked = walk.walk(root, [&](const Visited& visited) -> Status {
      ++stat.blocks;
      stat.bytes += visited.bytes();
      return {};
    });
    if (!walked) return fail(not_whole(std::move(walked).error()));
  }
  return stat;
}

}  // namespace accel::blockstore
