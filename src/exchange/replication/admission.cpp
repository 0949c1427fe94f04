// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "accel/exchange/replication.hpp"

namespace accel::exchange {

bool accepts(const ReplicaRules& rules, const std::string& asker) {
  return rules.anybody || std::ranges::find(rules.peers, asker) != rules.peers.end();
}

ReplicaAnswer admit(const ReplicaRules& rules, const ReplicaRequest& request,
                    const std::string& asker, const std::vector<KeptReplica>& kept) {
  using State = ReplicaAnswer::State;
  ReplicaAnswer answer;
  if (!accepts(rules, asker)) {
    answer.reason = "This node keeps no replicas for you.";
    return answer;
  }
  // One that failed takes its own place again.
  std::uint64_t used = rules.uncollected_bytes;
  std::size_t count = rules.uncollected;
  for (const KeptReplica& replica : kept) {
    if (replica.root == request.root && replica.state == State::failed) continue;
    used += replica.bytes;
    ++count;
  }
  const std::uint64_t left = rules.quota_bytes - std::min(used, rules.quota_bytes);
  answer.free_bytes = std::min(left, rules.disk_free_bytes);
  answer.lease_s = std::min(request.lease_s, rules.longest_lease_s);
  const auto found = std::ranges::find(kept, request.root, &KeptReplica::root);
  if (found != kept.end() && found->askers.size() >= rules.most_askers &&
      std::ranges::find(found->askers, asker) == found->askers.end()) {
    answer.reason = "Enough peers have asked for it already.";
    return answer;
  }
  if (found != kept.end() && found->state != State::failed) {
    answer.state = found->state;
    return answer;
  }
  const auto fetching = std::ranges::count(kept, State::fetching, &KeptReplica::state);
  if (request.bytes > *answer.free_bytes) {
    answer.reason = fmt::format("It has {}, and {} are left for replicas here.",
                                human_bytes(request.bytes), human_bytes(*answer.free_bytes));
  } else if (count >= rules.most) {
    answer.reason = fmt::format("{} replicas are kept here, the most there may be.", count);
  } else if (static_cast<std::size_t>(fetching) >= rules.most_fetching) {
    answer.reason = "Other replicas are being fetched; ask again later.";
  } else {
    answer.state = State::willing;
  }
  return answer;
}

}  // namespace accel::exchange
