// SPDX-License-Identifier: Apache-2.0
#pragma once
// How long a request may take: what it says itself, within what the node allows. At its deadline
// what waits is dropped, what runs is asked to stop, and the answer is timeout (504,
// DEADLINE_EXCEEDED). Used by ApiServer, ProtocolServer and GrpcServer.

#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <stop_token>
#include <string_view>
#include <utility>

#include "accel/core/async/with_timeout.hpp"
#include "accel/core/clock.hpp"
#include "accel/core/priority.hpp"
#include "accel/net/message.hpp"
#include "accel/node/node.hpp"

namespace accel::server {

// Blocks; calls the sink as Node::call() does.
using MethodCall =
    std::function<Result<nlohmann::json>(const node::EventSink& on_event, std::stop_token stop)>;

using Deadline = std::optional<SteadyTime>;  // Nothing: whenever it is done.
Deadline earlier(Deadline a, Deadline b);
// So long from now; nothing: no deadline.
Deadline deadline_after(std::optional<Duration> time);

// The header X-Request-Timeout: seconds, as "30" or "0.25"; more than a day is a day. Errors:
// invalid_argument.
Result<std::optional<Duration>> asked_timeout(const net::HttpRequest& head);

// What runs a model, and so is held to the node's own limit: pulls, for one, take their time.
bool runs_model(std::string_view method);
// The deadline of a call of a method, within `most` (zero: no limit) where it runs a model.
Deadline within(Deadline asked, std::string_view method, Duration most);

// What methods that run models are told of it, for the endpoints that they may ask; and what the
// caller of such a method may say in its parameters instead of the header.
inline constexpr const char* kTimeLeft = "timeout_ms";
void tell_time_left(Deadline deadline, std::string_view method, nlohmann::json& params);
// Of parameters that a client sent; what is no time is left for the method to refuse.
std::optional<Duration> told_timeout(std::string_view method, const nlohmann::json& params);

// The level at which a call of a method waits for a thread: what its parameters ask for, within the
// caller's key. Whether the key may ask for it, the method says. What runs no model is normal.
Priority place_in_line(std::string_view method, const nlohmann::json& params,
                       const node::Caller& caller);

// A method, and when it must be over.
struct TimedCall {
  // Implicit: most calls have no deadline.
  TimedCall(MethodCall method, Deadline until = {}, Priority level = Priority::normal)
      : call(std::move(method)), deadline(until), priority(level) {}

  // Never begins when the time is over by then. Errors: timeout, those of the method.
  Result<nlohmann::json> operator()(const node::EventSink& on_event, std::stop_token stop) const;

  MethodCall call;
  Deadline deadline;
  Priority priority;  // Of its wait for a thread.
};

// Cancels the task at the deadline. Errors: timeout, those of the task.
template <class T>
Task<T> with_deadline(Task<T> task, Deadline deadline) {
  if (!deadline) return task;
  const Duration left = *deadline - system_clock().now();
  return with_timeout(std::move(task), std::max(left, Duration::zero()));
}

}  // namespace accel::server
