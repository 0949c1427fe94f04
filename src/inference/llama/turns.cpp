// SPDX-License-Identifier: Apache-2.0
#include "llama/turns.hpp"

namespace accel::inference::llama {

std::size_t Turns::waiting() const {
  const std::scoped_lock lock(mutex_);
  return line_.empty() ? 0 : line_.size() - 1;
}

Turns::Caller::Caller(Turns& turns) : turns_(turns) {
  const std::scoped_lock lock(turns_.mutex_);
  admitted_ = turns_.callers_ < turns_.max_callers_;
  if (admitted_) ++turns_.callers_;
}

Turns::Caller::~Caller() {
  const std::scoped_lock lock(turns_.mutex_);
  if (admitted_) --turns_.callers_;
}

Turns::Turn::Turn(Turns& turns, const std::stop_token& stop) : turns_(turns) {
  std::unique_lock lock(turns_.mutex_);
  ticket_ = turns_.next_ticket_++;
  turns_.line_.push_back(ticket_);
  came_ = turns_.news_.wait(lock, stop, [this] { return turns_.line_.front() == ticket_; });
}

Turns::Turn::~Turn() {
  const std::scoped_lock lock(turns_.mutex_);
  std::erase(turns_.line_, ticket_);
  turns_.news_.notify_all();
}

}  // namespace accel::inference::llama
