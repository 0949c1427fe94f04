// SPDX-License-Identifier: Apache-2.0
// The half of PullSession that deals with the store: nodes that are there already, nodes to put,
// files to open, fill and commit.
#include <algorithm>
#include <utility>

#include "accel/core/async/with_timeout.hpp"
#include "pull_session.hpp"

namespace accel::exchange {
namespace {

constexpr std::size_t kMaxOpenFiles = 8;  // Enough to fetch while others are synced and indexed.
constexpr std::size_t kLookupBatch = 256;
constexpr Duration kLockPoll = std::chrono::milliseconds(200);

}  // namespace

// Turns what the walk has found into look-ups and files.
void PullSession::advance_walk() {
  std::vector<NodeWant> nodes = walk_.take_nodes();
  for (std::size_t at = 0; at < nodes.size(); at += kLookupBatch) {
    const auto first = nodes.begin() + static_cast<std::ptrdiff_t>(at);
    const auto count = std::min(kLookupBatch, nodes.size() - at);
    ++lookups_;
    spawn(look_up({first, first + static_cast<std::ptrdiff_t>(count)}));
  }
  for (FilePlan& plan : walk_.take_files()) plans_.push_back(std::move(plan));
  open_next_file();
  finish_if_complete();
}

// What the store has needs no source. A block that is damaged there is fetched again.
Task<void> PullSession::look_up(std::vector<NodeWant> nodes) {
  auto job = [&](std::stop_token) -> Result<std::vector<Result<Bytes>>> {
    std::vector<Result<Bytes>> blocks;
    blocks.reserve(nodes.size());
    for (const NodeWant& node : nodes) blocks.push_back(context_.store.get(node.cid));
    return blocks;
  };
  auto reading = context_.pool.run(job);
  const auto blocks = co_await std::move(reading);
  --lookups_;
  if (over_) co_return Status{};
  if (!blocks) {
    fail_with(blocks.error());
    co_return Status{};
  }
  std::vector<NodeWant> absent;
  for (std::size_t i = 0; i < nodes.size() && !over_; ++i) {
    const Result<Bytes>& block = (*blocks)[i];
    if (!block) {
      absent.push_back(nodes[i]);
      continue;
    }
    report_.bytes_reused += block->size();
    progress_.add_done(block->size());
    if (const Status read = walk_.on_node(nodes[i].cid, *block); !read) fail_with(read.error());
  }
  if (over_) co_return Status{};
  want_nodes(absent);
  advance_walk();
  co_return Status{};
}

void PullSession::want_nodes(const std::vector<NodeWant>& nodes) {
  WantsAdded added;
  for (const NodeWant& node : nodes) added.wants.push_back(wants_.add_node(node));
  if (added.wants.empty()) return;
  ask_connected_peers();
  feed(std::move(added));
}

void PullSession::node_fetched(RequestId id, const ipld::Cid& cid, Bytes block) {
  report_.bytes_verified += block.size();
  report_.bytes_fetched += block.size();
  progress_.add_fetched(block.size());
  progress_.add_done(block.size());
  const Status read = over_ ? Status{} : walk_.on_node(cid, block);
  if (puts_.add({cid, std::move(block), id})) spawn(put_nodes());
  if (!read) return fail_with(read.error());
  if (!over_) advance_walk();
}

// One batch after the other.
Task<void> PullSession::put_nodes() {
  while (true) {
    const std::vector<NodePuts::Put> batch = puts_.next_batch();
    if (batch.empty()) break;
    auto job = [&](std::stop_token) -> Status {
      blockstore::Store::BlockList blocks;
      blocks.reserve(batch.size());
      for (const NodePuts::Put& put : batch) blocks.emplace_back(put.cid, put.block);
      return context_.store.put_all(blocks, {options_.is_private});
    };
    auto storing = context_.pool.run(job);
    const Status stored = co_await std::move(storing);
    if (!stored) {
      puts_.stop();
      fail_with(stored.error());
      break;
    }
    puts_.stored(batch.size());
    for (const NodePuts::Put& put : batch) feed(BlockVerified{put.request});
    commit_ready_files();
  }
  finish_if_complete();
  co_return Status{};
}

void PullSession::open_next_file() {
  if (options_.only && options_.only->ranges.empty() && !plans_.empty()) {
    report_.file_bytes = plans_.front().file_bytes;
    report_.leaves = std::move(plans_.front().leaves);
    plans_.clear();
  }
  while (!over_ && !plans_.empty() && files_.size() + opening_ < kMaxOpenFiles) {
    FilePlan plan = std::move(plans_.front());
    plans_.pop_front();
    ++opening_;
    spawn(open_file(std::move(plan), next_order_++));
  }
}

// Waits while another process (or another pull here) fetches the same file: then it is all here, or
// what is left can be taken up.
Task<void> PullSession::open_file(FilePlan plan, std::uint64_t order) {
  blockstore::PutOptions put;
  put.is_private = options_.is_private;
  put.stop = halt_.get_token();
  put.in_part = options_.only.has_value();
  auto job = [&](std::stop_token) {
    return context_.store.begin_file(plan.root, plan.file_bytes, plan.leaves, put);
  };
  if (options_.only) {
    report_.file_bytes = plan.file_bytes;
    report_.leaves = plan.leaves;
  }
  while (true) {
    auto opening = context_.pool.run(job);
    auto partial = co_await std::move(opening);
    if (partial) {  // Kept even when the pull is over: close() lets go of it on the pool.
      files_.push_back(std::make_unique<OpenFile>());
      files_.back()->partial = std::move(*partial);
    }
    if (over_) co_return Status{};
    if (!partial && partial.error().code == Errc::unavailable) {
      auto waiting = delay(kLockPoll);
      co_await std::move(waiting);
      continue;
    }
    --opening_;
    if (partial) {
      OpenFile& file = *files_.back();
      file.root = plan.root;
      file.path = plan.path;
      file.order = order;
      file.file_bytes = plan.file_bytes;
      file.puts_needed = puts_.added();
      report_.bytes_reused += file.partial->bytes_have();
      progress_.add_done(file.partial->bytes_have());
      want_leaves(file);
      if (options_.only) spawn(deliver(file));
    } else if (partial.error().code == Errc::already_exists) {
      report_.bytes_reused += plan.file_bytes;
      progress_.add_done(plan.file_bytes);
    } else {
      fail_with(partial.error());
    }
    break;
  }
  open_next_file();
  commit_ready_files();
  finish_if_complete();
  co_return Status{};
}

// A leaf that is wanted already, here or by another open file, is fetched once.
void PullSession::want_leaves(OpenFile& file) {
  WantsAdded added;
  for (const std::size_t slot : file.partial->missing()) {
    if (!is_wanted(file.partial->slots()[slot])) continue;
    if (auto want = wants_.add_leaf(file, slot)) added.wants.push_back(std::move(*want));
  }
  if (added.wants.empty()) return;
  ask_connected_peers();
  feed(std::move(added));
}

void PullSession::leaf_written(const LeafTarget& target) {
  progress_.add_done(target.bytes);
  --target.file->missing;
  news_.cancel();
}

// A file may be committed (or, fetched in part, closed) once its last leaf is written and its inner
// nodes are in the store.
void PullSession::commit_ready_files() {
  if (over_ || (options_.only && !delivered_)) return;
  for (const auto& file : files_) {
    const bool in_work = file->missing > 0 || file->jobs > 0 || file->committing;
    if (in_work || puts_.done() < file->puts_needed) continue;
    file->committing = true;
    spawn(commit(*file));
  }
}

Task<void> PullSession::commit(OpenFile& file) {
  auto job = [&](std::stop_token) -> Status {
    if (file.partial->complete()) ACCEL_CHECK(file.partial->commit());
    file.partial.reset();
    return {};
  };
  auto committing = context_.pool.run(job);
  const Status committed = co_await std::move(committing);
  if (over_) co_return Status{};
  if (!committed) {
    fail_with(committed.error());
    co_return Status{};
  }
  std::erase_if(files_, [&](const auto& item) { return item.get() == &file; });
  open_next_file();
  finish_if_complete();
  co_return Status{};
}

}  // namespace accel::exchange
