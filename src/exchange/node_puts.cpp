// SPDX-License-Identifier: Apache-2.0
#include "node_puts.hpp"

#include <algorithm>
#include <iterator>

namespace accel::exchange {
namespace {

constexpr std::size_t kPutBatch = 512;  // One sync for so many small blocks.

}  // namespace

bool NodePuts::add(Put put) {
  waiting_.push_back(std::move(put));
  ++added_;
  return !std::exchange(working_, true);
}

std::vector<NodePuts::Put> NodePuts::next_batch() {
  const std::size_t count = std::min(waiting_.size(), kPutBatch);
  const auto end = waiting_.begin() + static_cast<std::ptrdiff_t>(count);
  std::vector<Put> batch(std::make_move_iterator(waiting_.begin()), std::make_move_iterator(end));
  waiting_.erase(waiting_.begin(), end);
  if (batch.empty()) working_ = false;
  return batch;
}

}  // namespace accel::exchange
