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

// Pieces of a text that were sent: what a text that is cut off has used at least.
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

// What a call counts for its key: prompt and answer as its usage has them, of a text without an end
// its pieces.
std::uint64_t tokens_of(std::string_view method, const Result<nlohmann::json>& result,
                        std::uint64_t pieces);

}  // namespace accel::node
