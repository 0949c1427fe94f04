// SPDX-License-Identifier: Apache-2.0
#pragma once
// How a stream of an answer is cut into events: server-sent events (WHATWG HTML section 9.2.6; of
// the fields only "data" is read) or one JSON text a line. Pure; the bytes come in any pieces.

#include <functional>
#include <string>
#include <string_view>

#include "accel/core/result.hpp"

namespace accel::endpoints {

enum class Framing { events, lines };

inline constexpr std::size_t kMaxEventBytes = 4U << 20U;

class EventReader {
 public:
  using Sink = std::function<Status(std::string_view data)>;
  EventReader(Framing framing, Sink sink) : framing_(framing), sink_(std::move(sink)) {}

  // Errors: resource_exhausted (an event beyond the limit), and the sink's.
  Status push(std::string_view bytes);
  // What stands behind the last line's end.
  Status finish();

 private:
  Status take_line(std::string_view line);

  Framing framing_;
  Sink sink_;
  std::string line_;  // Begun, not ended.
  std::string data_;  // Of the event that comes.
  bool has_data_ = false;
};

}  // namespace accel::endpoints
