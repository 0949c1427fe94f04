// SPDX-License-Identifier: Apache-2.0
#pragma once
// A method that writes a text, sent while it is written. The answer's head waits for the first
// piece or the end, so that what is refused is refused with its status. Used by ProtocolServer; all
// tasks run on the server's one executor. The client's leaving stops the method, and so does its
// deadline.

#include <functional>
#include <memory>
#include <string>

#include "accel/core/async/offload.hpp"
#include "accel/core/async/task.hpp"
#include "accel/core/async/task_group.hpp"
#include "accel/net/message.hpp"
#include "method_stream.hpp"
#include "protocols/text_queue.hpp"

namespace accel::server {

// How one protocol writes a stream.
struct TextFormat {
  std::string content_type;
  std::string begin = {};
  std::function<std::string(std::string_view text)> piece;
  std::function<std::string(const nlohmann::json& result)> end;
  // After the first piece was sent. Without it the answer is cut, so that the client sees that its
  // end is missing.
  std::function<std::string(const Error& error)> failure;
};

// `jobs` outlives the streams. Errors: those of the method before its first piece.
Task<net::HttpResponse> start_text_stream(OffloadPool& pool, TaskGroup& jobs, TimedCall call,
                                          TextFormat format, std::stop_token stop);

}  // namespace accel::server
