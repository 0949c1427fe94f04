// SPDX-License-Identifier: Apache-2.0
#pragma once
// One pull while it runs: the shell around Scheduler (who is asked for what) and TreeWalk (what
// there is to ask for). It performs requests, hands blocks to the OffloadPool to be hashed and
// written, and commits files as they become complete. Made and awaited by Fetcher::pull().
//
// Threads: lives on one serial executor; only jobs on the pool run elsewhere, and they touch
// nothing of this object but the PartialFiles and blocks that they were given. Its parts:
// pull_session.cpp talks to sources, pull_files.cpp to the store, pull_delivery.cpp to a reader.

#include <boost/asio/steady_timer.hpp>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <vector>

#include "accel/core/async/event.hpp"
#include "accel/core/async/task_group.hpp"
#include "accel/exchange/fetcher.hpp"
#include "download_budget.hpp"
#include "hash_queue.hpp"
#include "node_puts.hpp"
#include "progress_meter.hpp"
#include "pull_wants.hpp"
#include "scheduler.hpp"
#include "source.hpp"
#include "tree_walk.hpp"

namespace accel::exchange {

// What a session works with; everything outlives it.
struct PullContext {
  blockstore::Store& store;
  net::HttpClient& client;
  OffloadPool& pool;
  const Clock& clock;
  DownloadBudget& downloads;
  Bitswap* bitswap = nullptr;
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
  // What hashing found: the block is good, or the source is not; anything else ends the pull.
  enum class Verdict { good, lie };

  // pull_session.cpp
  void spawn(Task<void> task);
  Task<void> guarded(Task<void> task);
  Task<void> child(Task<void> task);
  Task<void> work();
  Status add_sources();
  void add_source(std::unique_ptr<Source> source);
  void ask_connected_peers();
  Task<void> find_peers();
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
  Task<void> verify_node(RequestId id, WantId want, SourceBlock block);
  Task<void> verify_leaf(RequestId id, WantId want, SourceBlock block);
  Task<Verdict> hash_leaf(WantId want, SourceBlock& block);
  void leaf_verified(RequestId id, WantId want, std::size_t block_bytes);
  void rejected(RequestId id, const WantInfo& want, const SourceBlock& block);
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
  void leaf_written(const LeafTarget& target);
  void commit_ready_files();
  Task<void> commit(OpenFile& file);

  // pull_delivery.cpp
  bool is_wanted(const blockstore::LeafSlot& leaf) const;
  OffloadPool& reader_pool() const;
  Task<void> deliver(OpenFile& file);
  Task<void> hand_out(const OpenFile& file, std::uint64_t first, std::uint64_t end);
  Task<void> deliver_stored();
  std::uint64_t bytes_total() const { return walk_.total_bytes(); }

  Executor executor_;
  PullContext context_;
  ipld::Cid root_;
  PullOptions options_;
  Event ended_;
  boost::asio::steady_timer timer_;
  boost::asio::steady_timer news_;  // Cancelled when a leaf was written: deliver() looks again.
  TaskGroup tasks_;
  std::stop_source halt_;  // Stopped when the pull is over, for jobs on the pool that take long.

  SchedulerLimits limits_;
  DownloadBudget::Share share_;
  Scheduler scheduler_;
  std::vector<std::unique_ptr<Source>> sources_;
  std::deque<SchedulerEvent> events_;  // So that step() is never re-entered.
  bool feeding_ = false;
  bool asks_connected_ = false;  // Once something is missing.
  WantTable wants_;
  std::map<RequestId, std::stop_source> flights_;

  TreeWalk walk_;
  std::deque<FilePlan> plans_;  // Files that wait for a place among the open ones.
  std::vector<std::unique_ptr<OpenFile>> files_;
  std::size_t opening_ = 0;
  std::size_t lookups_ = 0;
  std::uint64_t next_order_ = 1;  // Nodes have order 0.
  NodePuts puts_;
  HashQueue hashes_;
  bool delivered_ = false;  // With options_.only: its bytes have been handed out.

  blockstore::Lease lease_;
  std::vector<Bytes> buffers_;
  ProgressMeter progress_;
  PullReport report_;
  SteadyTime started_;
  std::optional<Error> error_;
  bool over_ = false;
};

}  // namespace accel::exchange
