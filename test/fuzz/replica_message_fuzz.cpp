// SPDX-License-Identifier: Apache-2.0
// A message about a replica, as request and as answer: what was read and is written again reads the
// same, and whatever a peer asks for is answered within the quota.
#include <cstdlib>

#include "accel/exchange/replication.hpp"

namespace exchange = accel::exchange;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto request = exchange::decode_replica_request({data, size});
  if (!request && request.error().code != accel::Errc::protocol) std::abort();
  if (request) {
    const auto again = exchange::decode_replica_request(exchange::encode_replica(*request));
    if (!again || *again != *request) std::abort();
    exchange::ReplicaRules rules;
    rules.anybody = true;
    rules.quota_bytes = 1U << 30U;
    rules.disk_free_bytes = 1U << 20U;
    const auto said = exchange::admit(rules, *request, "peer", {});
    const bool willing = said.state == exchange::ReplicaAnswer::State::willing;
    if (willing && request->bytes > rules.disk_free_bytes) std::abort();
    if (said.lease_s > rules.longest_lease_s) std::abort();
  }
  const auto answer = exchange::decode_replica_answer({data, size});
  if (!answer && answer.error().code != accel::Errc::protocol) std::abort();
  if (answer) {
    if (answer->reason.size() > exchange::kMaxReplicaReason) std::abort();
    const auto again = exchange::decode_replica_answer(exchange::encode_replica(*answer));
    if (!again || *again != *answer) std::abort();
  }
  return 0;
}
