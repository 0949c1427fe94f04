// SPDX-License-Identifier: Apache-2.0
#include "hash_pool.hpp"

#include <algorithm>
#include <atomic>
#include <mutex>

#include "accel/core/async/io.hpp"
#include "accel/core/async/offload.hpp"
#include "accel/core/async/sync_wait.hpp"
#include "accel/core/async/task_group.hpp"

namespace accel::blockstore {
namespace {

// Shared by the workers of one for_each(), which outlives them.
struct Loop {
  Loop(std::size_t pieces, const HashPool::Body& work, const std::stop_token& token)
      : count(pieces), body(work), stop(token) {}

  std::size_t count;
  const HashPool::Body& body;
  const std::stop_token& stop;
  std::atomic<std::size_t> next{0};
  std::atomic<bool> failed{false};
  std::mutex mutex;
  Status first_failure;  // Guarded by mutex.

  void fail_with(Status failure) {
    const std::scoped_lock lock(mutex);
    if (first_failure) first_failure = std::move(failure);
    failed.store(true, std::memory_order_relaxed);
  }
};

void work(Loop& loop, std::size_t worker) {
  while (!loop.failed.load(std::memory_order_relaxed)) {
    const std::size_t index = loop.next.fetch_add(1, std::memory_order_relaxed);
    if (index >= loop.count) return;
    if (loop.stop.stop_requested()) {
      loop.fail_with(fail(Errc::cancelled, "Stopped on request."));
      return;
    }
    if (Status done = loop.body(worker, index); !done) loop.fail_with(std::move(done));
  }
}

struct Job {
  Loop* loop;
  std::size_t worker;
  Result<int> operator()(const std::stop_token&) const {
    work(*loop, worker);
    return 0;
  }
};

Task<void> run_worker(OffloadPool* pool, Job job) {
  const Result<int> done = co_await pool->run(job);
  if (!done) co_return tl::unexpected<Error>(done.error());
  co_return Status{};
}

Task<void> run_workers(OffloadPool* pool, Executor executor, Loop* loop) {
  TaskGroup group(executor, "hash");
  const std::size_t workers = std::min({pool->threads(), loop->count, HashPool::kMaxWorkers});
  for (std::size_t i = 0; i < workers; ++i) group.spawn(run_worker(pool, Job{loop, i}));
  Status joined = co_await group.join();
  co_return joined;
}

}  // namespace

struct HashPool::Threads {
  explicit Threads(unsigned wanted) : pool(wanted, OffloadPool::kMaxQueuedJobs, "hash") {}
  IoThread io{1, "store"};
  OffloadPool pool;
};

HashPool::HashPool(unsigned threads) : wanted_(threads) {}
HashPool::~HashPool() = default;

HashPool::Threads& HashPool::threads() {
  const std::scoped_lock lock(mutex_);
  if (threads_ == nullptr) threads_ = std::make_unique<Threads>(wanted_);
  return *threads_;
}

std::size_t HashPool::workers() {
  if (wanted_ == 1) return 1;
  return std::clamp<std::size_t>(threads().pool.threads(), 1, kMaxWorkers);
}

Status HashPool::for_each(std::size_t count, const Body& body, const std::stop_token& stop) {
  Loop loop(count, body, stop);
  if (count >= kMinParallel && wanted_ != 1) {
    Threads& own = threads();
    auto all = run_workers(&own.pool, own.io.executor(), &loop);
    ACCEL_CHECK(sync_wait(own.io.executor(), std::move(all)));
  } else {
    work(loop, 0);
  }
  return loop.first_failure;
}

}  // namespace accel::blockstore
