// SPDX-License-Identifier: Apache-2.0
#include "method_stream.hpp"

#include <utility>

#include "accel/core/async/task_group.hpp"
#include "accel/server/api_frames.hpp"

namespace accel::server {
namespace {

// However the writer ends, whoever waits for it learns of it, and a method that still runs stops.
class WriterEnd {
 public:
  WriterEnd(FrameQueue& queue, std::stop_source& stop) : queue_(queue), stop_(stop) {}
  ~WriterEnd() {
    queue_.abandon();
    if (!wrote_all_) stop_.request_stop();
  }
  WriterEnd(const WriterEnd&) = delete;
  WriterEnd& operator=(const WriterEnd&) = delete;
  void wrote_all() { wrote_all_ = true; }

 private:
  FrameQueue& queue_;
  std::stop_source& stop_;
  bool wrote_all_ = false;
};

Task<void> write_frames(FrameQueue& queue, std::stop_source& stop, net::BodyWriter& writer,
                        Status& outcome) {
  WriterEnd end(queue, stop);
  while (true) {
    FrameQueue::Next next = queue.next();
    if (next.frame) {
      auto writing = writer.write(std::move(*next.frame));
      const Status written = co_await std::move(writing);
      if (written) continue;
      outcome = written;
      co_return written;
    }
    if (!next.more) break;
    std::function<void()> give_up = [more = *next.more] { more.set(); };
    auto waiting = next.more->wait(std::move(give_up));
    co_await std::move(waiting);
  }
  end.wrote_all();
  outcome = Status{};
  co_return Status{};
}

}  // namespace

FrameWords api_frame_words() { return {&progress_frame, &result_frame, &error_frame}; }

Task<void> stream_method(OffloadPool& pool, TimedCall call, std::stop_token stop,
                         net::BodyWriter& writer, FrameWords words) {
  // The job and the writer refer to this frame: a cancellation must not end it before both have.
  const bool throwing = co_await asio::this_coro::throw_if_cancelled();
  co_await asio::this_coro::throw_if_cancelled(false);
  const Executor executor = co_await asio::this_coro::executor;
  FrameQueue queue(std::move(words));
  std::stop_source source;
  Status outcome =
      fail(Errc::cancelled, "The answer was cut off.");  // Unless the writer says more.
  TaskGroup writing(executor, "method frames");
  writing.spawn(write_frames(queue, source, writer, outcome));
  const auto job = [&](std::stop_token job_stop) -> Status {
    const auto request_stop = [&source] { source.request_stop(); };
    const std::stop_callback on_request(stop, request_stop);
    const std::stop_callback on_job(std::move(job_stop), request_stop);
    const node::EventSink sink = [&](const node::Event& event) {
      queue.put(event, source.get_token());
    };
    queue.finish(call(sink, source.get_token()));
    return {};
  };
  auto running = with_deadline(pool.run(job, call.priority), call.deadline);
  const Status ran = co_await std::move(running);
  if (!ran) queue.finish(fail(Error(ran.error())));  // It never ran, or it threw.
  auto written = writing.join();
  const Status joined = co_await std::move(written);
  co_await asio::this_coro::throw_if_cancelled(throwing);
  co_return joined ? outcome : joined;
}

void FrameQueue::put(const node::Event& event, const std::stop_token& stop) {
  if (event.progress == nullptr) return put_content(bytes_frame(event.bytes), stop);
  std::string frame = words_.progress(*event.progress);
  {
    const std::lock_guard lock(mutex_);
    if (abandoned_ || ended_) return;
    progress_ = std::move(frame);
  }
  wake_writer();
}

void FrameQueue::put_content(std::string frame, const std::stop_token& stop) {
  {
    std::unique_lock lock(mutex_);
    const auto has_room = [this] { return !content_ || abandoned_; };
    if (!room_.wait(lock, stop, has_room)) lost_content_ = true;
    if (lost_content_ || abandoned_ || ended_) return;
    content_ = std::move(frame);
  }
  wake_writer();
}

void FrameQueue::finish(const Result<nlohmann::json>& result) {
  std::string frame = result ? words_.result(*result) : words_.error(result.error());
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(ended_, true)) return;
    // A result must not hide that content is missing before it.
    if (lost_content_ && result) {
      frame = words_.error(
          {Errc::cancelled, "The call was stopped before all of its content was sent.", {}});
    }
    end_ = std::move(frame);
  }
  wake_writer();
}

FrameQueue::Next FrameQueue::next() {
  const std::lock_guard lock(mutex_);
  more_.reset();
  for (auto* waiting : {&content_, &progress_, &end_}) {
    if (!*waiting) continue;
    Next next{std::exchange(*waiting, std::nullopt), std::nullopt};
    if (waiting == &content_) room_.notify_one();
    return next;
  }
  if (ended_) return {};
  more_.emplace();
  return {std::nullopt, more_};
}

void FrameQueue::abandon() {
  const std::lock_guard lock(mutex_);
  abandoned_ = true;
  content_.reset();
  progress_.reset();
  room_.notify_all();
}

void FrameQueue::wake_writer() {
  std::optional<Event> more;
  {
    const std::lock_guard lock(mutex_);
    more = more_;
  }
  if (more) more->set();
}

}  // namespace accel::server
