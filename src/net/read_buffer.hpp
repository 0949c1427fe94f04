// SPDX-License-Identifier: Apache-2.0
#pragma once
// Bytes that arrived and are not parsed yet, in one piece. Used by both ends.

#include <cstddef>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>

namespace accel::net {

class ReadBuffer {
 public:
  explicit ReadBuffer(std::size_t size)
      : bytes_(std::make_unique_for_overwrite<char[]>(size)), size_(size) {}

  std::string_view view() const { return {bytes_.get() + begin_, end_ - begin_}; }
  bool empty() const { return begin_ == end_; }
  void consume(std::size_t count) { begin_ += count; }
  void filled(std::size_t count) { end_ += count; }
  void clear() { begin_ = end_ = 0; }

  // Free space behind the bytes, after moving them to the front; empty when the buffer is full.
  std::span<char> space() {
    if (begin_ == end_) clear();
    if (end_ == size_ && begin_ > 0) {
      std::memmove(bytes_.get(), bytes_.get() + begin_, end_ - begin_);
      end_ -= begin_;
      begin_ = 0;
    }
    return {bytes_.get() + end_, size_ - end_};
  }

 private:
  std::unique_ptr<char[]> bytes_;  // Not zeroed: there is one for each call of the client.
  std::size_t size_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

}  // namespace accel::net
