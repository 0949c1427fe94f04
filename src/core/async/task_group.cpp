// SPDX-License-Identifier: Apache-2.0
#include "accel/core/async/task_group.hpp"

#include <functional>
#include <mutex>
#include <optional>
#include <unordered_set>
#include <vector>

#include "accel/core/async/event.hpp"
#include "accel/core/async/with_timeout.hpp"
#include "accel/core/log.hpp"
#include "async/child.hpp"

namespace accel {

struct TaskGroup::State {
  // The last task to end wakes the joiners.
  void ended(const std::shared_ptr<detail::Child>& child, const Status& status) {
    if (!status && status.error().code == Errc::internal) {
      log::error("core", status.error().message,
                 {{"group", name}, {"cause", status.error().cause}});
    }
    std::vector<Event> wake;
    {
      const std::scoped_lock lock(mutex);
      children.erase(child);
      if (!status && status.error().code != Errc::cancelled && !first_error) first_error = status;
      if (children.empty()) wake.swap(joiners);
    }
    for (const Event& event : wake) event.set();
  }

  void cancel() {
    std::vector<std::shared_ptr<detail::Child>> all;
    {
      const std::scoped_lock lock(mutex);
      cancelled = true;
      all.assign(children.begin(), children.end());
    }
    for (const auto& child : all) child->request_stop();
  }

  std::mutex mutex;
  std::unordered_set<std::shared_ptr<detail::Child>> children;
  std::vector<Event> joiners;
  std::optional<Status> first_error;
  bool cancelled = false;
  Executor executor;
  std::string name;
};

TaskGroup::TaskGroup(Executor executor, std::string name) : state_(std::make_shared<State>()) {
  state_->executor = std::move(executor);
  state_->name = std::move(name);
}

TaskGroup::~TaskGroup() { cancel(); }

void TaskGroup::spawn(Task<void> task) { spawn(state_->executor, std::move(task)); }

void TaskGroup::spawn(Executor executor, Task<void> task) {
  auto child = std::make_shared<detail::Child>(std::move(executor));
  bool late = false;
  {
    const std::scoped_lock lock(state_->mutex);
    state_->children.insert(child);
    late = state_->cancelled;
  }
  if (late) child->request_stop();
  auto result = std::make_shared<std::optional<Status>>();  // Owners: the task and its completion.
  auto work = detail::keep_result(std::move(task), *result);
  child->start(std::move(work), [state = state_, child, result] {
    state->ended(child, result->value_or(Status()));
  });
}

void TaskGroup::cancel() { state_->cancel(); }

std::size_t TaskGroup::running() const {
  const std::scoped_lock lock(state_->mutex);
  return state_->children.size();
}

Task<void> TaskGroup::join() {
  const auto state = state_;
  const Event none_runs;
  {
    const std::scoped_lock lock(state->mutex);
    if (state->children.empty()) {
      none_runs.set();
    } else {
      state->joiners.push_back(none_runs);
    }
  }
  std::function<void()> on_cancel = [state] { state->cancel(); };
  const asio::cancellation_state before = co_await asio::this_coro::cancellation_state;
  if (before.cancelled() != asio::cancellation_type::none) on_cancel();
  auto waiting = none_runs.wait(std::move(on_cancel));
  co_await std::move(waiting);
  const std::scoped_lock lock(state->mutex);
  co_return state->first_error.value_or(Status());
}

}  // namespace accel
