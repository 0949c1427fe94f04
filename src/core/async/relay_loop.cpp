// SPDX-License-Identifier: Apache-2.0
#include "accel/core/async/relay_loop.hpp"

#include <array>
#include <atomic>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "accel/core/async/with_timeout.hpp"
#include "accel/core/log.hpp"
#include "async/threads.hpp"

namespace accel {
namespace {

constexpr std::chrono::milliseconds kLook{1};  // A job that two looks see lasts.
constexpr int kQuietLooks = 100;               // Without a job; then the watch sleeps.

// Lies in the frame of the task that waits for it.
struct BriefJob {
  std::function<void(std::stop_token)> body;
  std::stop_source stop;
  bool ran = false;
  Status status;
};

Status run_guarded(BriefJob& job) {
  try {
    job.body(job.stop.get_token());
    return {};
  } catch (...) {  // A job that throws ends itself, not the loop.
    return tl::unexpected<Error>(detail::error_of_current_exception());
  }
}

}  // namespace

struct RelayLoop::Impl {
  Impl() : context(2), work(asio::make_work_guard(context)) {}

  void run_handlers() {
    while (!context.stopped()) {
      try {
        context.run();
      } catch (const std::exception& error) {
        log::error("core", "A handler ended by an exception.", {{"what", error.what()}});
      }
    }
  }

  // A handler of its own, so that nothing which the loop has yet to see waits behind the job. When
  // the job lasted, the handlers are run by the other thread meanwhile, and this one stays here
  // until it is to go on with them.
  template <class Handler>
  void run(BriefJob& job, Handler done) {
    job.ran = standing_by.load();
    const bool kept = !job.ran || run_watched(job);
    if (!kept) standing_by.store(true);  // In a moment; the next job may count on it.
    // Behind the jobs that wait, though it could go on at once: what does the same follows each
    // other, and finds its code in the cache (a fifth of the time of 8 connections).
    asio::post(asio::get_associated_executor(done), std::move(done));
    if (!kept) (void)stand_by();  // The task may have ended.
  }

  // False when it lasted: the other thread runs the handlers now.
  bool run_watched(BriefJob& job) {
    std::uint64_t number = ++jobs;
    running.store(number);
    if (!watching.load()) wake_watch();
    job.status = run_guarded(job);
    return running.compare_exchange_strong(number, 0);
  }

  void wake_watch() {
    const std::scoped_lock lock(mutex);
    watching.store(true);
    wake.notify_one();
  }

  // Until a job lasts; false when all ends.
  bool stand_by() {
    std::unique_lock lock(mutex);
    standing_by.store(true);
    std::uint64_t seen = 0;
    for (int quiet = 0; !stopped;) {
      std::uint64_t now = running.load();
      if (now != 0 && now == seen && running.compare_exchange_strong(now, 0)) {
        standing_by.store(false);
        handed_over.fetch_add(1);
        return true;
      }
      quiet = now == 0 ? quiet + 1 : 0;
      seen = now;
      const bool sleeps = quiet > kQuietLooks && falls_asleep();
      const auto ends = [this, sleeps] { return stopped || (sleeps && watching.load()); };
      if (sleeps) {
        wake.wait(lock, ends);
        quiet = 0;
      } else {
        wake.wait_for(lock, kLook, ends);
      }
    }
    return false;
  }

  // A job that begins at this very time is seen here, or sees that nobody watches.
  bool falls_asleep() {
    watching.store(false);
    if (running.load() == 0) return true;
    watching.store(true);
    return false;
  }

  asio::io_context context;  // Told of two threads: else what a handler posts waits for its end.
  asio::executor_work_guard<asio::io_context::executor_type> work;
  std::uint64_t jobs = 0;                 // Of whoever runs the handlers.
  std::atomic<std::uint64_t> running{0};  // The job's number; 0: none, or it is left to its thread.
  std::atomic<bool> watching{false};
  std::atomic<bool> standing_by{false};
  std::atomic<std::uint64_t> handed_over{0};
  std::mutex mutex;
  std::condition_variable wake;
  bool stopped = false;  // Under the mutex.
  std::array<std::thread, 2> threads;
};

RelayLoop::RelayLoop(const std::string& name) : impl_(std::make_unique<Impl>()) {
  Impl& impl = *impl_;
  impl.threads[0] = detail::start_thread(name, [&impl] { impl.run_handlers(); });
  impl.threads[1] = detail::start_thread(name + "-relay", [&impl] {
    if (impl.stand_by()) impl.run_handlers();
  });
}

RelayLoop::~RelayLoop() { stop(); }

Executor RelayLoop::executor() { return impl_->context.get_executor(); }

std::uint64_t RelayLoop::handovers() const { return impl_->handed_over.load(); }

void RelayLoop::stop() {
  impl_->work.reset();
  impl_->context.stop();
  {
    const std::scoped_lock lock(impl_->mutex);
    impl_->stopped = true;
    impl_->wake.notify_all();
  }
  for (std::thread& thread : impl_->threads) {
    if (thread.joinable()) thread.join();
  }
}

Task<bool> RelayLoop::run_body(std::function<void(std::stop_token)> body) {
  BriefJob job;
  job.body = std::move(body);
  const auto start = [impl = impl_.get(), &job](auto done) {
    auto on_cancel = asio::get_associated_cancellation_slot(done);
    if (on_cancel.is_connected())
      on_cancel.assign([stop = job.stop](auto) mutable { stop.request_stop(); });
    asio::post(impl->context,
               [impl, &job, done = std::move(done)]() mutable { impl->run(job, std::move(done)); });
  };
  const asio::use_awaitable_t<> token;
  auto waiting = asio::async_initiate<const asio::use_awaitable_t<>&, void()>(start, token);
  co_await std::move(waiting);
  if (!job.status) co_return fail(job.status.error());
  co_return job.ran;
}

}  // namespace accel
