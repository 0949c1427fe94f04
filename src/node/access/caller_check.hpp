// SPDX-License-Identifier: Apache-2.0
#pragma once
// What Node::call() asks before a method runs, and counts behind it, so that no protocol can forget
// it: the caller's role, its key's models, and the tokens that were used. Private to node.

#include <atomic>
#include <nlohmann/json.hpp>

#include "accel/node/node.hpp"

namespace accel::node {

// Errors: unauthenticated, permission_denied.
Status check_caller(const Caller& caller, std::string_view method, const nlohmann::json& params);

// Of a list of models, those that the caller's key is for.
void keep_own_models(const Caller& caller, std::string_view method, nlohmann::json& result);

// Pieces of a text that were sent: what a text of an endpoint that is cut off has used at least.
class CountedEvents {
 public:
  // Both must outlive it; events of callers without a key go straight through.
  CountedEvents(const EventSink& on_event, const Caller& caller);
  const EventSink& sink() const { return counting_ ? counting_ : on_event_; }
  std::uint64_t count() const { return count_.load(); }

 private:
  const EventSink& on_event_;
  EventSink counting_;
  std::atomic<std::uint64_t> count_{0};
};

// What is known of a call's tokens beside its result.
struct UntoldUse {
  std::uint64_t pieces = 0;  // Of a text, sent to the caller.
  std::uint64_t tokens = 0;  // Read and written by what failed or was cut off.
};

// What a call counts for its key: prompt and answer as its usage has them; of a text without an end
// what was read and written of it, or the pieces that an endpoint has sent.
std::uint64_t tokens_of(std::string_view method, const Result<nlohmann::json>& result,
                        const UntoldUse& untold);

}  // namespace accel::node
