// SPDX-License-Identifier: Apache-2.0
#pragma once
// Big-endian fields one after the other, for records on disk. The reader never reads beyond its
// bytes: a short record gives zeros and ok() == false, which the caller checks once at the end.

#include <concepts>
#include <cstdint>
#include <string_view>

#include "accel/core/bytes.hpp"

namespace accel::blockstore {

class FieldWriter {
 public:
  template <std::unsigned_integral T>
  FieldWriter& put(T value) {
    for (std::size_t i = sizeof(T); i-- > 0;) {
      out_.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
    }
    return *this;
  }
  FieldWriter& put(ByteView bytes) {
    out_.insert(out_.end(), bytes.begin(), bytes.end());
    return *this;
  }
  // Length (u16), then the bytes.
  FieldWriter& put_sized(ByteView bytes) {
    return put(static_cast<std::uint16_t>(bytes.size())).put(bytes);
  }
  Bytes take() { return std::move(out_); }

 private:
  Bytes out_;
};

class FieldReader {
 public:
  explicit FieldReader(ByteView bytes) : rest_(bytes) {}

  template <std::unsigned_integral T>
  T get() {
    const ByteView field = take(sizeof(T));
    std::uint64_t value = 0;
    for (const std::uint8_t byte : field) value = (value << 8U) | byte;
    return static_cast<T>(value);
  }
  ByteView take(std::size_t count) {
    if (count > rest_.size()) {
      ok_ = false;
      rest_ = {};
      return {};
    }
    const ByteView field = rest_.first(count);
    rest_ = rest_.subspan(count);
    return field;
  }
  ByteView take_sized() { return take(get<std::uint16_t>()); }
  bool ok() const { return ok_; }
  bool at_end() const { return ok_ && rest_.empty(); }

 private:
  ByteView rest_;
  bool ok_ = true;
};

}  // namespace accel::blockstore
