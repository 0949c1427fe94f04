// SPDX-License-Identifier: Apache-2.0
#pragma once
// An I/O thread that may run short jobs itself. A job that another thread does costs two wake-ups,
// some 50 us; one that is over in 10 us is better done at once. Should such a job last, a second
// thread goes on with the handlers and the first stands by when the job is done: a wrong guess
// costs the others a millisecond or two, and nobody hangs. Used by server.

#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>

#include "accel/core/async/offload.hpp"
#include "accel/core/async/task.hpp"

namespace accel {

// Two threads, of which one runs the handlers at any time: the executor is serial.
class RelayLoop {
 public:
  explicit RelayLoop(const std::string& name = "io");
  ~RelayLoop();  // stop()
  RelayLoop(const RelayLoop&) = delete;
  RelayLoop& operator=(const RelayLoop&) = delete;

  Executor executor();

  // As pool.run(job), for a job that is expected to take less than its way to the pool; from a task
  // of this loop. It goes to the pool all the same while an earlier one lasts.
  template <class F>
  Task<OffloadPool::ValueOf<F>> run_brief(OffloadPool& pool, F job,
                                          Priority priority = Priority::normal) {
    std::optional<OffloadPool::ResultOf<F>> result;
    std::function<void(std::stop_token)> body = [&](std::stop_token stop) { result = job(stop); };
    auto running = run_body(std::move(body));
    const Result<bool> ran = co_await std::move(running);
    if (!ran) co_return tl::unexpected<Error>(ran.error());
    if (*ran) co_return std::move(*result);
    auto elsewhere = pool.run(std::move(job), priority);
    co_return co_await std::move(elsewhere);
  }

  std::uint64_t handovers() const;  // Jobs that lasted.

  // Ends the threads after the handlers and jobs that they are in. Cancel and join the TaskGroups
  // first. Idempotent; not from one of its own threads.
  void stop();

 private:
  // False when it was not run: nobody could take over. Errors: internal (the job threw).
  Task<bool> run_body(std::function<void(std::stop_token)> body);

  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace accel
