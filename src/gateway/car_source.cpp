// SPDX-License-Identifier: Apache-2.0
#include "car_source.hpp"

namespace accel::gateway {
namespace {

// Below this, copying costs less than a system call of its own.
constexpr std::uint64_t kSmallestSlice = 64U << 10U;
constexpr std::size_t kMaxPieces = 16;  // Open files of one lot.

}  // namespace

CarSource::CarSource(const blockstore::Store& store, blockstore::DagCursor cursor,
                     std::uint64_t piece_bytes)
    : store_(store), cursor_(std::move(cursor)), piece_bytes_(piece_bytes) {}

Result<Pieces> CarSource::next() {
  made_ = 0;
  pieces_.clear();
  if (!std::exchange(started_, true)) {
    ACCEL_CHECK(writer_.start({&cursor_.end().cid, 1}, text_));
  }
  while (made_ + text_.size() < piece_bytes_ && pieces_.size() < kMaxPieces) {
    ACCEL_TRY(const auto block, cursor_.next());
    if (!block) break;
    ACCEL_CHECK(add(*block));
  }
  flush();
  return std::move(pieces_);
}

Status CarSource::add(const blockstore::SelectedBlock& block) {
  if (block.bytes) {
    writer_.add_block(block.cid, *block.bytes, text_);
    return {};
  }
  // Slices are not hashed: whoever asks for a CAR verifies its blocks.
  auto place = store_.locate(block.cid);
  if (place && place->length >= kSmallestSlice) {
    writer_.begin_block(block.cid, place->length, text_);
    flush();
    made_ += place->length;
    auto fd = std::make_shared<const UniqueFd>(std::move(place->fd));
    pieces_.emplace_back(net::FileSlice{std::move(fd), place->offset, place->length});
    return {};
  }
  ACCEL_TRY(const Bytes bytes, store_.get(block.cid));
  writer_.add_block(block.cid, bytes, text_);
  return {};
}

void CarSource::flush() {
  if (text_.empty()) return;
  made_ += text_.size();
  pieces_.emplace_back(std::string(as_text(text_)));
  text_.clear();
}

}  // namespace accel::gateway
