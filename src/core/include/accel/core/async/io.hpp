// SPDX-License-Identifier: Apache-2.0
#pragma once
// The threads that run I/O. node owns one IoThread; tests own one each.
// An I/O thread never blocks: hashing, disk, DuckDB and inference go to an OffloadPool.

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <cstddef>
#include <memory>
#include <string>

#include "accel/core/async/task.hpp"

namespace accel {

// An io_context with its own threads, which run from construction to stop(). With one thread its
// executor is serial; with more, give each connection a strand. The threads take no signals.
class IoThread {
 public:
  explicit IoThread(std::size_t threads = 1, const std::string& name = "io");
  ~IoThread();  // stop()
  IoThread(const IoThread&) = delete;
  IoThread& operator=(const IoThread&) = delete;

  Executor executor();
  asio::io_context& context();

  // Ends the threads after the handlers that they are in; what still waits is destroyed with the
  // context. Cancel and join the TaskGroups first. Idempotent; not from one of its own threads.
  void stop();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace accel
