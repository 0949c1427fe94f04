// SPDX-License-Identifier: Apache-2.0
#include "accel/core/async/sync_wait.hpp"

#include <condition_variable>
#include <mutex>

#include "async/child.hpp"

namespace accel::detail {
namespace {

enum class End { none, ended, gone };

struct Outcome {
  void set(End value) {
    const std::scoped_lock lock(mutex);
    if (end == End::none) end = value;
    changed.notify_all();
  }

  End wait() {
    std::unique_lock lock(mutex);
    changed.wait(lock, [this] { return end != End::none; });
    return end;
  }

  std::mutex mutex;
  std::condition_variable changed;
  End end = End::none;
};

// Tells the waiter when the coroutine was destroyed instead of finished.
class Witness {
 public:
  explicit Witness(std::shared_ptr<Outcome> outcome) : outcome_(std::move(outcome)) {}
  Witness(Witness&&) = default;
  Witness& operator=(Witness&&) = delete;
  ~Witness() {
    if (outcome_) outcome_->set(End::gone);
  }
  void operator()() { outcome_->set(End::ended); }

 private:
  std::shared_ptr<Outcome> outcome_;  // Owners: the waiting thread and the coroutine's completion.
};

}  // namespace

bool run_and_wait(const Executor& executor, asio::awaitable<void> work, std::stop_token stop) {
  auto outcome = std::make_shared<Outcome>();
  auto child = std::make_shared<Child>(executor);
  const std::stop_callback on_stop(std::move(stop), [child] { child->request_stop(); });
  child->start(std::move(work), Witness(outcome));
  return outcome->wait() == End::ended;
}

Error executor_gone_error() {
  return {Errc::unavailable, "The I/O threads were stopped before the task ended.", {}};
}

}  // namespace accel::detail
