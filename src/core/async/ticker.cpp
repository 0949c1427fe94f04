// SPDX-License-Identifier: Apache-2.0
#include "accel/core/async/ticker.hpp"

#include <condition_variable>
#include <mutex>
#include <thread>

#include "async/threads.hpp"

namespace accel {

struct Ticker::Impl {
  void run(Duration interval, const std::function<void()>& tick) {
    std::unique_lock lock(mutex);
    while (!changed.wait_for(lock, interval, [this] { return ended; })) {
      lock.unlock();
      tick();
      lock.lock();
    }
  }

  std::mutex mutex;
  std::condition_variable changed;
  bool ended = false;
  std::thread thread;
};

Ticker::Ticker(Duration interval, std::function<void()> tick) : impl_(std::make_unique<Impl>()) {
  impl_->thread = detail::start_thread(
      "ticker",
      [impl = impl_.get(), interval, tick = std::move(tick)] { impl->run(interval, tick); });
}

Ticker::~Ticker() {
  {
    const std::scoped_lock lock(impl_->mutex);
    impl_->ended = true;
  }
  impl_->changed.notify_all();
  impl_->thread.join();
}

}  // namespace accel
