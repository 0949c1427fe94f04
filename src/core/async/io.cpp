// SPDX-License-Identifier: Apache-2.0
#include "accel/core/async/io.hpp"

#include <thread>
#include <vector>

#include "accel/core/log.hpp"
#include "async/threads.hpp"

namespace accel {

struct IoThread::Impl {
  explicit Impl(std::size_t thread_count)
      : context(static_cast<int>(thread_count)), work(asio::make_work_guard(context)) {}

  // An exception that leaves a handler is a bug of that handler: it ends the handler, not the
  // process.
  void run() {
    while (!context.stopped()) {
      try {
        context.run();
      } catch (const std::exception& error) {
        log::error("core", "A handler ended by an exception.", {{"what", error.what()}});
      }
    }
  }

  asio::io_context context;
  asio::executor_work_guard<asio::io_context::executor_type> work;
  std::vector<std::thread> threads;
};

IoThread::IoThread(std::size_t threads, const std::string& name)
    : impl_(std::make_unique<Impl>(threads)) {
  for (std::size_t i = 0; i < threads; ++i) {
    impl_->threads.push_back(detail::start_thread(name, [impl = impl_.get()] { impl->run(); }));
  }
}

IoThread::~IoThread() { stop(); }

Executor IoThread::executor() { return impl_->context.get_executor(); }

asio::io_context& IoThread::context() { return impl_->context; }

void IoThread::stop() {
  impl_->work.reset();
  impl_->context.stop();
  for (std::thread& thread : impl_->threads) {
    if (thread.joinable()) thread.join();
  }
}

}  // namespace accel
