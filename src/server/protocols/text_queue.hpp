// SPDX-License-Identifier: Apache-2.0
#pragma once
// What waits between the thread that makes a text and the connection that sends it. Thread-safe.
// While the client reads slowly, pieces join; beyond kMaxWaitingBytes the maker waits, until it is
// stopped or the client is gone.

#include <condition_variable>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "accel/core/async/event.hpp"
#include "accel/core/result.hpp"

namespace accel::server {

class TextQueue {
 public:
  static constexpr std::size_t kMaxWaitingBytes = 64U << 10U;

  // From the maker's thread.
  void put(std::string_view text, const std::stop_token& stop);
  // The end, once, after the last put().
  void finish(Result<nlohmann::json> end);

  struct Next {
    std::string text;
    std::optional<Result<nlohmann::json>> end;  // Set when nothing comes after `text`.
    std::optional<Event> more;                  // Set when there is neither: wait for it.
  };
  // For the one reader.
  Next next();
  // The reader gives up: what comes is dropped, and nobody waits for it any more.
  void abandon();

 private:
  void wake_reader();

  std::mutex mutex_;
  std::condition_variable_any room_;
  std::string text_;
  std::optional<Result<nlohmann::json>> end_;
  std::optional<Event> more_;
  bool abandoned_ = false;
};

}  // namespace accel::server
