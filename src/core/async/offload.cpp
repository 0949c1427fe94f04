// SPDX-License-Identifier: Apache-2.0
#include "accel/core/async/offload.hpp"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <list>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

#include "accel/core/async/with_timeout.hpp"
#include "async/threads.hpp"

namespace accel {
namespace {

// A job's owners are the pool (queue or thread) and the caller that waits for it.
struct Job {
  std::function<void(std::stop_token)> body;
  std::function<void()> on_done;  // Called once, after status is final.
  Priority priority = Priority::normal;
  std::stop_source stop;
  Status status;
};
using JobPtr = std::shared_ptr<Job>;

Status run_guarded(Job& job) {
  try {
    job.body(job.stop.get_token());
    return {};
  } catch (...) {  // A job that throws ends itself, not the pool.
    return tl::unexpected<Error>(detail::error_of_current_exception());
  }
}

void finish(Job& job, Status status) {
  job.status = std::move(status);
  job.on_done();
}

}  // namespace

struct OffloadPool::Impl {
  Status push(JobPtr job) {
    const std::scoped_lock lock(mutex);
    if (stopping) return fail(Errc::cancelled, "The worker threads are being stopped.");
    if (queue.size() >= max_queued) {
      return fail(Errc::resource_exhausted,
                  "{} jobs already wait for a worker thread; try again when some have ended.",
                  queue.size());
    }
    ACCEL_CHECK(start_if_busy());
    queue.push_back(std::move(job));
    wake.notify_one();
    return {};
  }

  // With the mutex held: a thread more for one job more, when all that there are have work.
  Status start_if_busy() {
    if (queue.size() < idle || threads.size() == max_threads) return {};
    try {
      threads.push_back(detail::start_thread(name, [this] { work(); }));
      ++idle;
    } catch (const std::system_error& error) {  // Those that there are do it, if there are any.
      if (threads.empty()) {
        return fail(Errc::resource_exhausted, "No worker thread could be started: {}.",
                    error.what());
      }
    }
    return {};
  }

  // A job that no thread has taken ends here and now; one that runs is asked to stop.
  void cancel(const JobPtr& job) {
    job->stop.request_stop();
    bool waited = false;
    {
      const std::scoped_lock lock(mutex);
      waited = std::erase(queue, job) > 0;
    }
    if (waited) finish(*job, fail(Errc::cancelled, "The job was cancelled before it started."));
  }

  void work() {
    while (const JobPtr job = take()) {
      Status status = run_guarded(*job);
      {
        const std::scoped_lock lock(mutex);
        running.remove(job);
        ++idle;
      }
      finish(*job, std::move(status));
    }
  }

  JobPtr take() {
    std::unique_lock lock(mutex);
    wake.wait(lock, [this] { return stopping || !queue.empty(); });
    if (queue.empty()) return nullptr;
    --idle;
    const auto next =
        next_in_line(queue, passed_over, [](const JobPtr& one) { return one->priority; });
    passed_over.started(next != queue.begin());
    JobPtr job = std::move(*next);
    queue.erase(next);
    running.push_back(job);
    return job;
  }

  void stop() {
    std::deque<JobPtr> waiting;
    std::list<JobPtr> asked;
    {
      const std::scoped_lock lock(mutex);
      stopping = true;
      waiting.swap(queue);
      asked = running;
    }
    wake.notify_all();
    for (const JobPtr& job : asked) job->stop.request_stop();
    for (const JobPtr& job : waiting) {
      finish(*job,
             fail(Errc::cancelled, "The worker threads were stopped before the job started."));
    }
    for (std::thread& thread : threads) thread.join();
  }

  mutable std::mutex mutex;
  std::condition_variable wake;
  std::deque<JobPtr> queue;
  PassedOver passed_over;
  std::list<JobPtr> running;
  std::string name;
  std::size_t max_threads = 0;
  std::size_t max_queued = 0;
  bool stopping = false;
  std::size_t idle = 0;  // Threads without a job: those that wait, and those that just start.
  std::vector<std::thread> threads;
};

OffloadPool::OffloadPool(std::size_t threads, std::size_t max_queued, const std::string& name)
    : impl_(std::make_shared<Impl>()) {
  impl_->name = name;
  impl_->max_threads = threads == 0 ? detail::usable_threads() : threads;
  impl_->max_queued = max_queued;
}

OffloadPool::~OffloadPool() { impl_->stop(); }

std::size_t OffloadPool::threads() const { return impl_->max_threads; }

std::size_t OffloadPool::queued() const {
  const std::scoped_lock lock(impl_->mutex);
  return impl_->queue.size();
}

Task<void> OffloadPool::run_body(Body body, Priority priority) {
  const Event done;
  auto job = std::make_shared<Job>();
  job->body = std::move(body);
  job->priority = priority;
  job->on_done = [done] { done.set(); };
  ACCEL_CO_CHECK(impl_->push(job));
  std::function<void()> on_cancel = [weak = std::weak_ptr(impl_), job] {
    if (const auto impl = weak.lock()) impl->cancel(job);
  };
  auto waiting = done.wait(std::move(on_cancel));
  co_await std::move(waiting);
  co_return job->status;
}

Status OffloadPool::submit_body(Body body, std::stop_token stop) {
  std::mutex mutex;
  std::condition_variable changed;
  bool done = false;
  auto job = std::make_shared<Job>();
  job->body = std::move(body);
  job->on_done = [&] {
    const std::scoped_lock lock(mutex);
    done = true;
    changed.notify_all();
  };
  ACCEL_CHECK(impl_->push(job));
  {
    const std::stop_callback on_stop(std::move(stop), [&] { impl_->cancel(job); });
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return done; });
  }
  return job->status;
}

}  // namespace accel
