// SPDX-License-Identifier: Apache-2.0
#pragma once
// Tells the DHT what this node provides: the roots that are pinned, never a private one, each once
// in an interval. When each was told last stands in the store, so that a restart tells nothing
// again. Owned by Services; its task runs on the host's executor, the store is read on the pool.

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "accel/blockstore/store.hpp"
#include "accel/core/async/offload.hpp"
#include "accel/core/async/task_group.hpp"
#include "accel/core/clock.hpp"
#include "accel/core/metrics.hpp"
#include "peers/discovery.hpp"

namespace accel::node {

// A root of the store and when it was announced last, in seconds since 1970 (0: never).
struct DueRoot {
  ipld::Cid root;
  std::int64_t last_s = 0;
};

// Roots of which nobody was told since `interval`, the longest untold first, those that `failed`
// behind all others; forgets when it told of those that are no longer pinned. A time in the future
// (clocks are set) counts as never. Blocks.
Result<std::vector<DueRoot>> due_roots(blockstore::Store& store, Duration interval, WallTime now,
                                       const std::set<ipld::Cid>& failed);
Status note_told(blockstore::Store& store, const ipld::Cid& root, WallTime now);

class Announcer {
 public:
  struct Context {
    blockstore::Store& store;
    OffloadPool& pool;
    Discovery& discovery;
    const Clock& clock;
    Metrics& metrics;
  };
  // What the context names outlives this.
  Announcer(Executor executor, Context context, Duration interval);
  ~Announcer();
  Announcer(const Announcer&) = delete;
  Announcer& operator=(const Announcer&) = delete;

  Task<void> shutdown();

 private:
  Task<void> run();
  Task<void> sweep();
  Task<void> announce(std::shared_ptr<std::vector<DueRoot>> due);

  Context context_;
  Duration interval_;
  Counter& told_;
  Counter& failed_;
  bool reached_nobody_ = false;  // The last sweep; the next one waits longer.
  std::size_t failures_in_a_row_ = 0;
  std::set<ipld::Cid> failures_;  // Due, and nobody took them the last time.
  TaskGroup tasks_;
};

}  // namespace accel::node
