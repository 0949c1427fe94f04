// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a token adds to the answer: bytes become whole UTF-8 characters, and text that may be the
// beginning of a stop word waits until it is known to be none. Pure; one per answer.

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace accel::inference::llama {

class TextStream {
 public:
  explicit TextStream(std::vector<std::string> stop) : stop_(std::move(stop)) {}

  // The text that may be shown now. Nothing comes after a stop word.
  std::string push(std::string_view bytes);
  // What still waits, once no more comes; bytes that are no character become U+FFFD.
  std::string finish();
  bool stopped() const { return stopped_; }

 private:
  std::size_t held_back() const;

  std::vector<std::string> stop_;
  std::string bytes_;  // Not yet whole characters.
  std::string text_;   // Whole characters that may begin a stop word.
  bool stopped_ = false;
};

// What `write` writes into the room it is given. Like llama.cpp it returns the size, or, when the
// room is too small, the size that it needs as a negative number.
std::string written_text(const std::function<std::int32_t(char* into, std::int32_t room)>& write);
// How many bytes of `bytes` are whole characters or certainly none: the rest may become one.
std::size_t decided_utf8(std::string_view bytes);
// The same text with U+FFFD for each maximal part that is no UTF-8.
std::string valid_utf8(std::string_view bytes);

}  // namespace accel::inference::llama
