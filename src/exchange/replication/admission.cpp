// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "accel/exchange/replication.hpp"

namespace accel::exchange {

ReplicaAnswer admit(const ReplicaRules& rules, const ReplicaRequest& request,
                    const std::string& asker, const std::vector<KeptReplica>& kept) {
  using State = ReplicaAnswer::State;
  ReplicaAnswer answer;
  const bool listed = std::ranges::find(rules.peers, asker) != rules.peers.end();
  if (!rules.anybody && !listed) {
    answer.reason = "This node keeps no replicas for you.";
    return answer;
  }
  std::uint64_t used = 0;
  for (const KeptReplica& replica : kept) used += replica.bytes;
  const std::uint64_t left = rules.quota_bytes - std::min(used, rules.quota_bytes);
  answer.free_bytes = std::min(left, rules.disk_free_bytes);
  answer.lease_s = std::min(request.lease_s, rules.longest_lease_s);
  const auto found = std::ranges::find(kept, request.root, &KeptReplica::root);
  if (found != kept.end() && found->state != State::failed) {
    answer.state = found->state;
    return answer;
  }
  const auto fetching = std::ranges::count(kept, State::fetching, &KeptReplica::state);
  if (request.bytes > *answer.free_bytes) {
    answer.reason = fmt::format("It has {}, and {} are left for replicas here.",
                                human_bytes(request.bytes), human_bytes(*answer.free_bytes));
  } else if (kept.size() >= rules.most) {
    answer.reason = fmt::format("{} replicas are kept here, the most there may be.", kept.size());
  } else if (static_cast<std::size_t>(fetching) >= rules.most_fetching) {
    answer.reason = "Other replicas are being fetched; ask again later.";
  } else {
    answer.state = State::willing;
  }
  return answer;
}

}  // namespace accel::exchange
