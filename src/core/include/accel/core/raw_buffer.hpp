// SPDX-License-Identifier: Apache-2.0
#pragma once
// A buffer that grows without writing zeros first and gives away its front without moving the rest.
// For what comes from and goes to sockets.

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <utility>

#include "accel/core/bytes.hpp"

namespace accel {

class RawBuffer {
 public:
  RawBuffer() = default;
  explicit RawBuffer(std::size_t capacity) { reserve(capacity); }
  RawBuffer(RawBuffer&& other) noexcept { swap(other); }
  RawBuffer& operator=(RawBuffer&& other) noexcept {
    RawBuffer(std::move(other)).swap(*this);
    return *this;
  }

  std::size_t size() const { return end_ - begin_; }
  bool empty() const { return begin_ == end_; }
  std::uint8_t* data() { return bytes_.get() + begin_; }
  std::span<std::uint8_t> writable() { return {data(), size()}; }
  ByteView view() const { return {bytes_.get() + begin_, size()}; }
  // Bytes that can be appended before anything moves.
  std::size_t room() const { return capacity_ - end_; }

  // Room for `more` bytes behind the content; the content may move.
  void reserve(std::size_t more) {
    if (room() >= more) return;
    if (capacity_ - size() >= more && begin_ >= size()) {
      if (size() > 0) std::memcpy(bytes_.get(), data(), size());
      end_ = size();
      begin_ = 0;
      return;
    }
    const std::size_t wanted = std::max(size() + more, 2 * size());
    auto grown = std::make_unique_for_overwrite<std::uint8_t[]>(wanted);
    if (size() > 0) std::memcpy(grown.get(), data(), size());
    bytes_ = std::move(grown);
    capacity_ = wanted;
    end_ = size();
    begin_ = 0;
  }
  // Appends bytes that the caller writes.
  std::uint8_t* extend(std::size_t count) {
    reserve(count);
    end_ += count;
    return bytes_.get() + end_ - count;
  }
  void append(ByteView bytes) {
    if (!bytes.empty()) std::memcpy(extend(bytes.size()), bytes.data(), bytes.size());
  }
  void consume(std::size_t count) {
    begin_ += count;
    if (begin_ == end_) begin_ = end_ = 0;
  }
  void drop_back(std::size_t count) { end_ -= count; }
  void clear() { begin_ = end_ = 0; }
  void swap(RawBuffer& other) noexcept {
    std::swap(bytes_, other.bytes_);
    std::swap(capacity_, other.capacity_);
    std::swap(begin_, other.begin_);
    std::swap(end_, other.end_);
  }

 private:
  std::unique_ptr<std::uint8_t[]> bytes_;
  std::size_t capacity_ = 0;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

}  // namespace accel
