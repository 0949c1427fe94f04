// SPDX-License-Identifier: Apache-2.0
#pragma once
// Threads for work that blocks or computes: hashing, disk, DuckDB, inference. Jobs take a stop
// token, which maps to the library's own way to stop (RunOptions::SetTerminate, duckdb_interrupt,
// ...). node owns the pools. Destroy a pool before the IoThread whose tasks wait for its jobs.

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <type_traits>
#include <utility>

#include "accel/core/async/event.hpp"
#include "accel/core/async/task.hpp"
#include "accel/core/priority.hpp"

namespace accel {

class OffloadPool {
 public:
  static constexpr std::size_t kMaxQueuedJobs = 4096;  // More means that the caller has no limit.

  // At most so many threads, started as jobs need them; 0: as many as the process may use.
  explicit OffloadPool(std::size_t threads = 0, std::size_t max_queued = kMaxQueuedJobs,
                       const std::string& name = "work");
  // Jobs that wait end with cancelled, jobs that run are asked to stop and waited for.
  ~OffloadPool();
  OffloadPool(const OffloadPool&) = delete;
  OffloadPool& operator=(const OffloadPool&) = delete;

  template <class F>
  using ResultOf = std::invoke_result_t<F&, std::stop_token>;
  template <class F>
  using ValueOf = typename ResultOf<F>::value_type;

  // Name the job first (style.md, g++ 12 traps):
  //   auto job = [&](std::stop_token stop) { return hash(path, stop); };
  //   auto digest = co_await pool.run(job);
  // Runs job(stop_token) -> Result<T> on a thread of the pool and resumes on the task's executor.
  // When the waiting task is cancelled, a job that still waits ends at once with cancelled; a job
  // that runs gets its stop request and is waited for: job and what it captured outlive the call
  // only by their own will. A job that succeeds although asked to stop has succeeded. Errors:
  // resource_exhausted (queue full), cancelled, internal (the job threw), those of the job.
  // Of jobs that wait, those of a higher level go first (priority.hpp).
  template <class F>
  Task<ValueOf<F>> run(F job, Priority priority = Priority::normal) {
    std::optional<ResultOf<F>> result;
    std::function<void(std::stop_token)> body = [&](std::stop_token stop) { result = job(stop); };
    const Status ran = co_await run_body(std::move(body), priority);
    if (!ran) co_return tl::unexpected<Error>(ran.error());
    co_return std::move(*result);
  }

  // The same for a caller that may block; never from a thread of this pool or an I/O thread.
  template <class F>
  ResultOf<F> submit(F job, std::stop_token stop = {}) {
    std::optional<ResultOf<F>> result;
    ACCEL_CHECK(submit_body([&](std::stop_token token) { result = job(token); }, std::move(stop)));
    return std::move(*result);
  }

  std::size_t threads() const;  // At most.
  std::size_t queued() const;   // Jobs that no thread has taken yet.

 private:
  using Body = std::function<void(std::stop_token)>;
  Task<void> run_body(Body body, Priority priority);
  Status submit_body(Body body, std::stop_token stop);

  struct Impl;
  std::shared_ptr<Impl> impl_;  // Owners: the pool; a cancelled waiter looks at it weakly.
};

}  // namespace accel
