// SPDX-License-Identifier: Apache-2.0
#include "protocols/text_queue.hpp"

#include <utility>

namespace accel::server {

void TextQueue::put(std::string_view text, const std::stop_token& stop) {
  {
    std::unique_lock lock(mutex_);
    const auto has_room = [this] { return text_.size() < kMaxWaitingBytes || abandoned_; };
    if (!room_.wait(lock, stop, has_room) || abandoned_ || end_) return;
    text_ += text;
  }
  wake_reader();
}

void TextQueue::finish(Result<nlohmann::json> end) {
  {
    const std::scoped_lock lock(mutex_);
    if (!end_) end_ = std::move(end);
  }
  wake_reader();
}

TextQueue::Next TextQueue::next() {
  const std::scoped_lock lock(mutex_);
  more_.reset();
  if (text_.empty() && !end_) {
    more_.emplace();
    return {{}, std::nullopt, more_};
  }
  room_.notify_all();
  return {std::exchange(text_, {}), end_, std::nullopt};
}

void TextQueue::abandon() {
  const std::scoped_lock lock(mutex_);
  abandoned_ = true;
  text_.clear();
  room_.notify_all();
}

void TextQueue::wake_reader() {
  std::optional<Event> more;
  {
    const std::scoped_lock lock(mutex_);
    more = more_;
  }
  if (more) more->set();
}

}  // namespace accel::server
