// SPDX-License-Identifier: Apache-2.0
#pragma once
// /ipfs-accelerate/replicate/1.0.0 over streams: one request and one answer on each, bounded in
// bytes and in time. Used by node/peers, which has the hosts. On the stream's executor; the tasks
// own their streams. Format: docs/design/0004-replication.md.

#include <functional>
#include <memory>

#include "accel/core/async/task.hpp"
#include "accel/exchange/replication.hpp"
#include "accel/ipld/peer_id.hpp"
#include "accel/libp2p/stream.hpp"

namespace accel::exchange {

// Errors: protocol (no answer, or one that can't be read), timeout, and those of the stream.
Task<ReplicaAnswer> ask_replica(std::unique_ptr<libp2p::Stream> stream, ReplicaRequest request);

using AnswerReplica =
    std::function<Task<ReplicaAnswer>(ReplicaRequest request, ipld::PeerId asker)>;
// What can't be read resets the stream. `answer` outlives the task. Errors: the same, and its own.
Task<void> serve_replica(std::unique_ptr<libp2p::Stream> stream, AnswerReplica answer);

}  // namespace accel::exchange
