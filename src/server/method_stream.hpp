// SPDX-License-Identifier: Apache-2.0
#pragma once
// Runs one method on a pool and streams what it makes to one client as frames (api_frames.hpp).
// Used by ApiServer. The frames are written by a task of their own on the connection's strand, so
// that no thread of the node ever waits for a client but the method's own worker, and that one only
// for content:
//   progress   is lossy: while a frame is on its way the newest step replaces the one that waits;
//   content    is not: one frame waits, the next one blocks its worker until there is room;
//   the result comes last, behind the last step.
// The first frame that can't be sent stops the method; what it makes from then on is dropped.

#include <condition_variable>
#include <functional>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <stop_token>
#include <string>

#include "accel/core/async/event.hpp"
#include "accel/core/async/offload.hpp"
#include "accel/core/async/task.hpp"
#include "accel/net/message.hpp"
#include "accel/node/node.hpp"
#include "deadline.hpp"

namespace accel::server {

// What the frames say: by default, what api_frames.hpp does.
struct FrameWords {
  std::function<std::string(const nlohmann::json& progress)> progress;
  std::function<std::string(const nlohmann::json& result)> result;
  std::function<std::string(const Error& error)> error;
};
FrameWords api_frame_words();

// Returns when the method has come to rest and its frames are written, also when it is cancelled.
// `stop` stops the method; so do its deadline and a client that takes no frame. Errors: those of
// writing a frame: the stream has no end then.
Task<void> stream_method(OffloadPool& pool, TimedCall call, std::stop_token stop,
                         net::BodyWriter& writer, FrameWords words = api_frame_words());

// What waits between the method's threads and the writer's strand. Thread-safe.
class FrameQueue {
 public:
  explicit FrameQueue(FrameWords words = api_frame_words()) : words_(std::move(words)) {}

  // From any thread. Progress never blocks; content blocks while a frame of it waits, until the
  // token is stopped: then it is lost, and the end says so.
  void put(const node::Event& event, const std::stop_token& stop);
  // The end, once, after the last put().
  void finish(const Result<nlohmann::json>& result);

  struct Next {
    std::optional<std::string> frame;
    std::optional<Event> more;  // Set when there is more, while there is no frame.
  };
  // For the one writer: content, then progress, then the end; neither frame nor event after that.
  Next next();
  // The writer gives up: nobody waits for it any more, and what comes is dropped.
  void abandon();

 private:
  void put_content(std::string frame, const std::stop_token& stop);
  void wake_writer();

  const FrameWords words_;
  std::mutex mutex_;
  std::condition_variable_any room_;
  std::optional<std::string> content_;
  std::optional<std::string> progress_;
  std::optional<std::string> end_;
  std::optional<Event> more_;
  bool lost_content_ = false;
  bool ended_ = false;  // finish() was called.
  bool abandoned_ = false;
};

}  // namespace accel::server
