// SPDX-License-Identifier: Apache-2.0
#pragma once
// Dynamic batching: calls of many threads become few runs of one session. Used by node for models
// that a daemon keeps loaded.
//
// What it wraps stays a Session: a caller gives its own rows and gets its own rows back, and blocks
// meanwhile. No thread is added: one of the waiting callers runs the batch. Rows are joined along
// the first axis; where `padding` names an input, its second axis is padded to the longest of the
// batch, and outputs named in `sequence_outputs` are cut back to what the caller sent.
//
// A batch that fails is run again one request at a time, so that only the guilty one fails. A
// caller that stops leaves the batch; a batch that all have left is stopped.

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "accel/core/clock.hpp"
#include "accel/core/metrics.hpp"
#include "accel/inference/session.hpp"

namespace accel::inference {

struct BatchLimits {
  std::size_t max_rows = 32;
  std::size_t max_tokens = 8192;   // Padded, of one batch: rows times the longest.
  double max_padding = 0.25;       // Of these, the share that may be padding.
  std::size_t max_waiting = 1024;  // Rows of all clients; then resource_exhausted.
  Duration max_delay = std::chrono::milliseconds(2);  // That a request waits for others at most.
  std::size_t runs = 1;                               // Of the session at a time.
};

// How rows of several requests are joined.
struct RowRules {
  std::map<std::string, std::int64_t> padding = {};  // Input (i64 or i32) and its padding value.
  std::set<std::string> sequence_outputs = {};
  // Whether a row's result depends on its row alone is not written in a model. Then the first
  // batches are computed both ways, and a model whose results differ is never batched.
  bool prove = true;
};

struct BatchingOptions {
  BatchLimits limits = {};
  RowRules rows = {};
  Metrics* metrics = nullptr;  // Outlives the session; null: nothing is counted.
  std::string model = {};      // Label of the metrics.
};

// How one request was run.
struct BatchNote {
  std::string reason;        // A sentence part: "as many requests waited as the last batch had".
  std::size_t requests = 1;  // That ran together, this one included.
  std::size_t clients = 1;
  std::size_t rows = 0;
  std::size_t own_rows = 0;       // Of this request.
  std::size_t tokens = 0;         // Of all rows, without padding.
  std::size_t padded_tokens = 0;  // With it.
  std::size_t rows_left = 0;      // That went on waiting.
  double wait_ms = 0;
  double run_ms = 0;
};

// Whether rows of this session can be joined: the first axis of every input and output is dynamic,
// and none is of strings.
bool can_batch(const Session& session);

// A session over `session`. Errors of its run(): also resource_exhausted (too much waits already).
std::unique_ptr<Session> make_batching_session(std::unique_ptr<Session> session,
                                               BatchingOptions options);

}  // namespace accel::inference
