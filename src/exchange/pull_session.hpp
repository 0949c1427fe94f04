// SPDX-License-Identifier: Apache-2.0
#pragma once
// One pull while it runs: the shell around Scheduler (who is asked for what) and TreeWalk (what
// there is to ask for). It performs requests, hands blocks to the OffloadPool to be hashed and
// written, and commits files as they become complete. Made and awaited by Fetcher::pull().
//
// Threads: lives on one serial executor; only jobs on the pool run elsewhere, and they touch
// nothing of this object but the PartialFiles and blocks that they were given. The two halves:
// pull_session.cpp talks to sources, pull_files.cpp to the store.

#include <boost/asio/steady_timer.hpp>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <unordered_map>
#include <vector>

#include "accel/core/async/event.hpp"
#include "accel/core/async/task_group.hpp"
#include "accel/exchange/fetcher.hpp"
#include "gateway_source.hpp"
#include "progress_meter.hpp"
#include "scheduler.hpp"
#include "tree_walk.hpp"

namespace accel::exchange {

// What a session works with; everything outlives it.
struct PullContext {
  blockstore::Store& store;
  net::HttpClient& client;
  OffloadPool& pool;
  const Clock& clock;
};

class PullSession {
 public:
  PullSession(Executor executor, PullContext context, ipld::Cid root, PullOptions options);

  // Runs to the end, whatever it is, then sets ended(). Never cancelled from outside: use stop().
  Task<void> main();
  void stop();
  const Event& ended() const { return ended_; }
  Result<PullReport> take_result();

 private:
  // A file of several blocks that is being fetched. Pool jobs hold pointers to its partial.
  struct OpenFile {
    ipld::Cid root;
    std::uint64_t order = 0;  // Earlier files first.
    std::uint64_t file_bytes = 0;
    std::uint64_t puts_needed = 0;  // Its nodes are in the store once so many puts are done.
    std::size_t missing = 0;        // Leaves.
    std::size_t jobs = 0;           // On the pool, that write to it.
    bool committing = false;
    std::unique_ptr<blockstore::PartialFile> partial;
  };
  struct Target {
    OpenFile* file = nullptr;
    std::size_t slot = 0;
    std::uint32_t bytes = 0;
  };
  struct WantInfo {
    ipld::Cid cid;
    bool is_node = false;
    std::uint32_t exact_bytes = 0;  // Of a raw leaf; else unknown.
    std::vector<Target> targets;    // Of a leaf: where it goes, once or several times.
  };
  // A verified node that waits to be stored.
  struct Put {
    ipld::Cid cid;
    Bytes block;
    RequestId request = 0;
  };
  // What hashing found: the block is good, or the source is not; anything else ends the pull.
  enum class Verdict { good, lie };

  // pull_session.cpp
  void spawn(Task<void> task);
  Task<void> guarded(Task<void> task);
  Task<void> child(Task<void> task);
  Task<void> work();
  Status add_sources();
  Task<void> open();
  Task<void> close();
  Task<void> pin();
  void tick();
  void fail_with(Error error);
  void finish_if_complete();
  void over();
  void feed(SchedulerEvent event);
  void perform(const Action& action);
  Task<void> request(StartRequest start);
  Task<void> verify_node(RequestId id, WantId want, Bytes block);
  Task<void> verify_leaf(RequestId id, WantId want, Bytes block);
  void rejected(RequestId id, const ipld::Cid& cid);
  Bytes take_buffer();
  void give_buffer(Bytes buffer);
  void report_progress(bool last);

  // pull_files.cpp
  void advance_walk();
  Task<void> look_up(std::vector<NodeWant> nodes);
  void want_nodes(const std::vector<NodeWant>& nodes);
  void node_fetched(RequestId id, const ipld::Cid& cid, Bytes block);
  Task<void> put_nodes();
  void open_next_file();
  Task<void> open_file(FilePlan plan, std::uint64_t order);
  void want_leaves(OpenFile& file);
  void leaf_written(const Target& target);
  void commit_ready_files();
  Task<void> commit(OpenFile& file);
  std::uint64_t bytes_total() const { return walk_.total_bytes(); }

  Executor executor_;
  PullContext context_;
  ipld::Cid root_;
  PullOptions options_;
  Event ended_;
  boost::asio::steady_timer timer_;
  TaskGroup tasks_;
  std::stop_source halt_;  // Stopped when the pull is over, for jobs on the pool that take long.

  SchedulerLimits limits_;
  Scheduler scheduler_;
  std::vector<GatewaySource> sources_;
  std::deque<SchedulerEvent> events_;  // So that step() is never re-entered.
  bool feeding_ = false;
  std::unordered_map<WantId, WantInfo> wants_;  // By the scheduler's numbering.
  WantId next_want_ = 0;
  std::unordered_map<ipld::Cid, WantId> wanted_leaves_;
  std::map<RequestId, std::stop_source> flights_;

  TreeWalk walk_;
  std::deque<FilePlan> plans_;  // Files that wait for a place among the open ones.
  std::vector<std::unique_ptr<OpenFile>> files_;
  std::size_t opening_ = 0;
  std::size_t lookups_ = 0;
  std::uint64_t next_order_ = 1;  // Nodes have order 0.
  std::vector<Put> puts_;
  std::uint64_t puts_added_ = 0;
  std::uint64_t puts_done_ = 0;
  bool putting_ = false;

  blockstore::Lease lease_;
  std::vector<Bytes> buffers_;
  ProgressMeter progress_;
  PullReport report_;
  SteadyTime started_;
  std::optional<Error> error_;
  bool over_ = false;
};

}  // namespace accel::exchange
