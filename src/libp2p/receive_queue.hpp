// SPDX-License-Identifier: Apache-2.0
#pragma once
// Bytes of a stream between the connection and its reader. Small frames share a chunk, so that a
// peer that sends single bytes costs no more memory than one that sends them together. Private to
// libp2p.

#include <algorithm>
#include <deque>

#include "accel/core/raw_buffer.hpp"

namespace accel::libp2p {

class ReceiveQueue {
 public:
  std::size_t size() const { return size_; }

  void push(ByteView bytes) {
    size_ += bytes.size();
    if (!chunks_.empty()) {
      const ByteView part = bytes.first(std::min(bytes.size(), chunks_.back().room()));
      chunks_.back().append(part);
      bytes = bytes.subspan(part.size());
    }
    if (bytes.empty()) return;
    chunks_.emplace_back(std::max(bytes.size(), kChunkBytes));
    chunks_.back().append(bytes);
  }

  std::size_t pop(std::span<std::byte> into) {
    std::size_t done = 0;
    while (done < into.size() && size_ > 0) {
      RawBuffer& front = chunks_.front();
      const std::size_t part = std::min(into.size() - done, front.size());
      std::memcpy(into.data() + done, front.data(), part);
      front.consume(part);
      done += part;
      size_ -= part;
      // The last chunk stays for what comes next, unless it is a large one.
      if (front.empty() && (chunks_.size() > 1 || size_ == 0)) recycle();
    }
    return done;
  }

 private:
  static constexpr std::size_t kChunkBytes = std::size_t{64} << 10U;

  void recycle() {
    if (chunks_.size() == 1 && chunks_.front().room() == kChunkBytes) return;
    chunks_.pop_front();
  }

  std::deque<RawBuffer> chunks_;
  std::size_t size_ = 0;
};

}  // namespace accel::libp2p
