// SPDX-License-Identifier: Apache-2.0
#pragma once
// The stream that answers POST /api/v1/<method> (docs/api.md): JSON lines, and raw bytes behind the
// line that announces them.
//   {"progress":{…}}\n           any number
//   {"bytes":N}\n<N raw bytes>   any number (`cat`)
//   {"result":…}\n               the last line, or
//   {"error":{"code","message","cause"}}\n
// Used by the API server (writes) and the CLI (reads). Plain values; a FrameReader is used by one
// thread at a time.

#include <functional>
#include <nlohmann/json.hpp>
#include <string>

#include "accel/core/bytes.hpp"
#include "accel/core/result.hpp"

namespace accel::server {

constexpr std::size_t kMaxFrameLineBytes = 64U << 20U;  // A result with many embeddings is long.
constexpr std::uint64_t kMaxFrameBytes = 16U << 20U;    // One piece of content.

std::string progress_frame(const nlohmann::json& progress);
std::string bytes_frame(ByteView bytes);
std::string result_frame(const nlohmann::json& result);
std::string error_frame(const Error& error);

// Reads the stream as it arrives, in pieces of any size.
class FrameReader {
 public:
  struct Handlers {
    std::function<void(const nlohmann::json&)> on_progress;
    std::function<Status(ByteView)> on_bytes;  // May be called several times for one frame.
  };
  explicit FrameReader(Handlers handlers) : handlers_(std::move(handlers)) {}

  // Errors: protocol (not this format, or beyond a limit), and whatever on_bytes returned.
  Status feed(ByteView piece);
  // The last line's result, or the error it carried. Errors: protocol when the stream ended before
  // it.
  Result<nlohmann::json> finish() const;

 private:
  Status take_line(std::string_view line);

  Handlers handlers_;
  std::string line_;
  std::uint64_t raw_left_ = 0;
  bool finished_ = false;
  Result<nlohmann::json> outcome_ = fail(Errc::protocol, "The daemon's answer ended too early.");
};

}  // namespace accel::server
