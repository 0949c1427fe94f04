// SPDX-License-Identifier: Apache-2.0
#pragma once
// The bytes of one HTTP/2 response that wait for the client's window: texts and slices of files, in
// order. Filled by the handler's side, emptied frame by frame. No I/O but reading the slices. Used
// by Http2Session and Http2Connection.

#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <variant>

#include "accel/core/result.hpp"
#include "accel/net/message.hpp"

namespace accel::net {

class Http2Body {
 public:
  void push(std::string text);
  void push(FileSlice slice);
  void end() { ended_ = true; }  // Nothing follows.

  // Takes what fits; 0 when nothing waits. Errors: corrupt when a file is shorter than its slice.
  Result<std::size_t> take(std::span<std::uint8_t> out);
  std::uint64_t waiting() const { return waiting_; }  // Bytes that were pushed and not taken.
  bool finished() const { return ended_ && waiting_ == 0; }

 private:
  struct Text {
    std::string bytes;
    std::size_t taken = 0;
  };
  std::deque<std::variant<Text, FileSlice>> pieces_;  // None is empty.
  std::uint64_t waiting_ = 0;
  bool ended_ = false;
};

}  // namespace accel::net
