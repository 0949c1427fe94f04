// SPDX-License-Identifier: Apache-2.0
#include "piece_queue.hpp"

#include <iterator>
#include <utility>

namespace accel::endpoints {

void PieceQueue::put(std::vector<Piece> pieces) {
  const std::scoped_lock lock(mutex_);
  pieces_.insert(pieces_.end(), std::make_move_iterator(pieces.begin()),
                 std::make_move_iterator(pieces.end()));
  ready_.notify_one();
}

void PieceQueue::finish(Result<Reply> end) {
  const std::scoped_lock lock(mutex_);
  if (!end_) end_ = std::move(end);
  ready_.notify_one();
}

PieceQueue::Next PieceQueue::next() {
  std::unique_lock lock(mutex_);
  ready_.wait(lock, [&] { return !pieces_.empty() || end_; });
  // The end goes with what came before it, in one turn.
  return {std::exchange(pieces_, {}), std::exchange(end_, std::nullopt)};
}

}  // namespace accel::endpoints
