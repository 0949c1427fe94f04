// SPDX-License-Identifier: Apache-2.0
#pragma once
// An answer while it comes: what the protocols' readers put their findings into, with the limits of
// an answer. Pure.

#include <vector>

#include "accel/core/result.hpp"
#include "accel/endpoints/exchange.hpp"

namespace accel::endpoints {

inline constexpr std::size_t kMaxAnswerBytes = 16U << 20U;  // Words and arguments together.
inline constexpr std::size_t kMaxCalls = 128;
inline constexpr std::size_t kMaxVectors = 1U << 16U;
inline constexpr std::size_t kMaxListed = 4096;

class AnswerState {
 public:
  // Errors: resource_exhausted (more than an answer may have).
  Status add_text(std::string_view text);
  // A part of call `index` in the server's own numbering; parts of one call follow each other or
  // not, and a call begins with its first part.
  Status add_call(std::size_t index, ToolCall part);
  Status add_vector(std::vector<float> vector);
  // The server's word for why it ended, in any protocol: "stop", "length", "max_tokens", …
  void set_finish(std::string_view word);
  // The end as the protocol has it was seen.
  void set_ended() { ended_ = true; }

  bool ended() const { return ended_; }
  bool has_finish() const { return !answer.finish.empty(); }
  // What came since the last time.
  std::vector<Piece> take_pieces() { return std::exchange(pieces_, {}); }

  Answer answer;

 private:
  Status count(std::size_t bytes);

  std::vector<Piece> pieces_;
  std::vector<std::size_t> numbers_;  // Of the calls, as the server has them.
  std::size_t bytes_ = 0;
  bool ended_ = false;
};

}  // namespace accel::endpoints
