// SPDX-License-Identifier: Apache-2.0
#pragma once
// From the executor to the caller's thread: pieces of an answer, then its end. What waits in it is
// bounded by the limit of an answer. Thread-safe: one side puts, one side takes.

#include <condition_variable>
#include <mutex>
#include <optional>
#include <vector>

#include "accel/endpoints/multiplexer.hpp"

namespace accel::endpoints {

class PieceQueue {
 public:
  struct Next {
    std::vector<Piece> pieces;
    std::optional<Result<Reply>> end;
  };

  void put(std::vector<Piece> pieces);
  void finish(Result<Reply> end);  // The first one counts.
  Next next();                     // Blocks until there is something.

 private:
  std::mutex mutex_;
  std::condition_variable ready_;
  std::vector<Piece> pieces_;
  std::optional<Result<Reply>> end_;
};

}  // namespace accel::endpoints
