// SPDX-License-Identifier: Apache-2.0
#include "interrupt.hpp"

#include <boost/asio/signal_set.hpp>
#include <condition_variable>
#include <csignal>
#include <cstdlib>
#include <mutex>

#include "accel/core/async/io.hpp"
#include "accel/core/result.hpp"

namespace accel::cli {

class Interrupt::Impl {
 public:
  Impl() : io_(1, "signals"), signals_(io_.context(), SIGINT, SIGTERM) { wait(); }
  ~Impl() { io_.stop(); }
  std::stop_token token() const { return source_.get_token(); }

 private:
  void wait() {
    signals_.async_wait([this](const boost::system::error_code& error, int) {
      if (error) return;
      // The second signal: the user does not want to wait any longer.
      if (!source_.request_stop()) std::_Exit(errc_exit_code(Errc::cancelled));
      wait();
    });
  }

  std::stop_source source_;
  IoThread io_;
  boost::asio::signal_set signals_;
};

Interrupt::Interrupt() : impl_(std::make_unique<Impl>()) {}
Interrupt::~Interrupt() = default;
std::stop_token Interrupt::token() const { return impl_->token(); }

void wait_for_stop(std::stop_token stop) {
  std::mutex mutex;
  std::condition_variable_any stopped;
  std::unique_lock lock(mutex);
  stopped.wait(lock, stop, [&] { return stop.stop_requested(); });
}

}  // namespace accel::cli
