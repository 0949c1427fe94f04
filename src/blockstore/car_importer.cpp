// SPDX-License-Identifier: Apache-2.0
#include "car_importer.hpp"

#include <unistd.h>

#include <cerrno>

namespace accel::blockstore {
namespace {

constexpr std::size_t kBatchBytes = 16U << 20U;
constexpr std::size_t kMaxBatchBlocks = 50'000;

}  // namespace

ByteSource read_from(int fd) {
  return [fd](std::span<std::uint8_t> out) -> Result<std::size_t> {
    for (;;) {
      const ssize_t got = ::read(fd, out.data(), out.size());
      if (got >= 0) return static_cast<std::size_t>(got);
      if (errno == EINTR) continue;
      return fail_errno(errc_from_errno(errno), errno, "Cannot read the archive.");
    }
  };
}

Result<CarImportReport> CarImporter::run(const ByteSource& source) {
  Batch current;
  Batch before;  // Hashed, and not written yet.
  Status done;
  while (done && !ended_) {
    done = read_batch(source, current);
    // What came before an error of the archive is good as it is.
    Status hashed = hash_and_write(current, before);
    if (!hashed) done = std::move(hashed);
    std::swap(current, before);
    report_progress();
  }
  const Status written = write(before);
  const Status committed = writer_.commit();
  ACCEL_CHECK(done);
  ACCEL_CHECK(written);
  ACCEL_CHECK(committed);
  report_.blocks_new = writer_.blocks_new();
  report_.bytes_new = writer_.bytes_new();
  return report_;
}

void CarImporter::report_progress() const {
  if (options_.on_progress) options_.on_progress({report_.archive_bytes, report_.blocks});
}

// Fills the batch; ended_ when the archive has no more.
Status CarImporter::read_batch(const ByteSource& source, Batch& batch) {
  batch.blocks.clear();
  batch.offsets.clear();
  std::size_t got = 0;
  const std::span<std::uint8_t> room = reader_.room(kBatchBytes);
  while (got < kBatchBytes && !ended_) {
    if (options_.stop.stop_requested()) return fail(Errc::cancelled, "The import was stopped.");
    ACCEL_TRY(const std::size_t piece, source(room.subspan(got, kBatchBytes - got)));
    got += piece;
    ended_ = piece == 0;
  }
  reader_.filled(got);
  report_.archive_bytes += got;
  if (ended_) reader_.finish();
  Status taken = take_blocks(batch);
  batch.memory = reader_.exchange(std::move(batch.memory));
  if (reader_.done()) ended_ = true;  // What follows the data of a CARv2 is its index.
  return taken;
}

Status CarImporter::take_blocks(Batch& batch) {
  for (;;) {
    ACCEL_TRY(const auto block, reader_.next());
    if (!block) break;
    batch.blocks.push_back({block->cid, block->data});
    batch.offsets.push_back(block->offset);
    ++report_.blocks;
    report_.bytes += block->data.size();
  }
  ACCEL_TRY(const auto header, reader_.header());
  if (!header) return {};
  report_.roots = header->roots;
  report_.version = header->v2 ? 2 : 1;
  data_offset_ = header->v2 ? header->v2->data_offset : 0;
  return {};
}

Error CarImporter::describe(const Batch& batch, std::size_t index, Error error) const {
  error.message =
      fmt::format("Block {} of the archive, in the section at byte {}, is refused. {}",
                  batch.blocks[index].cid, data_offset_ + batch.offsets[index], error.message);
  return error;
}

// Writes `before` and hashes `batch`, of which what is not good is dropped.
Status CarImporter::hash_and_write(Batch& batch, Batch& before) {
  BlockCheck check(*core_.hashing, batch.blocks);
  Status written;
  const HashPool::Body body = [&](std::size_t, std::size_t piece) -> Status {
    if (piece == 0) {
      written = write(before);
    } else {
      check.verify_piece(piece - 1);
    }
    return {};
  };
  ACCEL_CHECK(core_.hashing->for_each(check.pieces() + 1, body, {}));
  before.blocks.clear();
  const std::size_t good = check.good();
  if (good < batch.blocks.size()) {
    Error error = describe(batch, good, check.error());
    batch.blocks.resize(good);
    ACCEL_CHECK(written);
    return fail(std::move(error));
  }
  return written;
}

Status CarImporter::write(Batch& batch) {
  const std::span<const BlockRef> blocks = batch.blocks;
  for (std::size_t at = 0; at < blocks.size(); at += kMaxBatchBlocks) {
    ACCEL_CHECK(writer_.write(blocks.subspan(at, std::min(kMaxBatchBlocks, blocks.size() - at))));
    if (writer_.is_due()) ACCEL_CHECK(writer_.commit());
  }
  return {};
}

}  // namespace accel::blockstore
