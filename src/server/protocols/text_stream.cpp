// SPDX-License-Identifier: Apache-2.0
#include "protocols/text_stream.hpp"

#include <utility>

#include "accel/core/bytes.hpp"

namespace accel::server {
namespace {

struct Running {
  TextQueue queue;
  std::stop_source stop;
};

// Held by whoever will send the text: when that goes, so does the method.
class Lease {
 public:
  explicit Lease(std::shared_ptr<Running> running) : running_(std::move(running)) {}
  ~Lease() {
    running_->queue.abandon();
    running_->stop.request_stop();
  }
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;
  Running& operator*() const { return *running_; }

 private:
  std::shared_ptr<Running> running_;  // Owners: this and the job.
};

Task<void> run_job(OffloadPool& pool, TimedCall call, std::shared_ptr<Running> running) {
  const auto job = [&call, running](std::stop_token job_stop) -> Status {
    const std::stop_callback forward(job_stop, [&] { running->stop.request_stop(); });
    const std::stop_token stop = running->stop.get_token();
    const node::EventSink sink = [&](const node::Event& event) {
      if (event.progress == nullptr) running->queue.put(as_text(event.bytes), stop);
    };
    running->queue.finish(call(sink, stop));
    return {};
  };
  auto waiting = with_deadline(pool.run(job, call.priority), call.deadline);
  const Status ran = co_await std::move(waiting);
  if (!ran) running->queue.finish(fail(Error(ran.error())));  // It never ran, or it threw.
  co_return Status{};
}

Task<TextQueue::Next> wait_for_next(Running& running) {
  while (true) {
    TextQueue::Next next = running.queue.next();
    if (!next.more) co_return next;
    // A cancelled wait is acknowledged at once: the job is stopped by its lease.
    std::function<void()> give_up = [more = *next.more] { more.set(); };
    auto waiting = next.more->wait(std::move(give_up));
    co_await std::move(waiting);
    const asio::cancellation_state state = co_await asio::this_coro::cancellation_state;
    if (state.cancelled() != asio::cancellation_type::none)
      co_return fail(Errc::cancelled, "The client is gone.");
  }
}

std::string chunk_of(const TextFormat& format, const TextQueue::Next& next) {
  std::string chunk;
  if (!next.text.empty()) chunk += format.piece(next.text);
  if (!next.end) return chunk;
  if (*next.end) return chunk + format.end(**next.end);
  return format.failure ? chunk + format.failure(next.end->error()) : chunk;
}

Task<void> send_text(std::shared_ptr<Lease> lease, std::shared_ptr<const TextFormat> format,
                     TextQueue::Next first, std::stop_token stop, net::BodyWriter& writer) {
  Running& running = **lease;
  const std::stop_callback forward(stop, [&running] { running.stop.request_stop(); });
  TextQueue::Next next = std::move(first);
  std::string chunk = format->begin;
  while (true) {
    chunk += chunk_of(*format, next);
    auto writing = writer.write(std::exchange(chunk, {}));
    const Status written = co_await std::move(writing);
    if (!written) co_return written;
    if (next.end && !*next.end && !format->failure) co_return fail(Error(next.end->error()));
    if (next.end) co_return Status{};
    auto waiting = wait_for_next(running);
    Result<TextQueue::Next> more = co_await std::move(waiting);
    ACCEL_CO_TRY(next, std::move(more));
  }
}

}  // namespace

Task<net::HttpResponse> start_text_stream(OffloadPool& pool, TaskGroup& jobs, TimedCall call,
                                          TextFormat format, std::stop_token stop) {
  auto running = std::make_shared<Running>();
  auto lease = std::make_shared<Lease>(running);
  jobs.spawn(run_job(pool, std::move(call), running));
  TextQueue::Next first;
  {
    const std::stop_callback forward(stop, [&running] { running->stop.request_stop(); });
    auto waiting = wait_for_next(*running);
    Result<TextQueue::Next> got = co_await std::move(waiting);
    ACCEL_CO_TRY(first, std::move(got));
  }
  if (first.end && !*first.end) co_return fail(first.end->error());
  net::HttpResponse response;
  response.headers.set("Content-Type", format.content_type);
  response.headers.set("Cache-Control", "no-store");
  auto shared = std::make_shared<const TextFormat>(std::move(format));
  net::StreamBody stream;
  stream.write = [lease, shared, first, stop](net::BodyWriter& writer) {
    return send_text(lease, shared, first, stop, writer);
  };
  response.body = std::move(stream);
  co_return response;
}

}  // namespace accel::server
