// SPDX-License-Identifier: Apache-2.0
#include "pull_session.hpp"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <span>
#include <utility>

#include "accel/core/log.hpp"

namespace accel::exchange {
namespace {

constexpr std::size_t kSpareBuffers = 32;  // What is in flight on a fast link.
constexpr Duration kPeersAnswerWithin = std::chrono::seconds(1);
constexpr std::size_t kPlacesAtOnce = 64;  // Of one leaf; the stop token is looked at in between.

SchedulerLimits scheduler_limits(const PullLimits& limits) {
  SchedulerLimits result;
  result.max_in_flight_bytes = limits.max_in_flight_bytes;
  result.max_requests_per_source = limits.max_requests_per_source;
  result.stall_timeout = limits.stall_timeout;
  result.first_back_off = limits.first_back_off;
  result.max_bytes_per_second = limits.max_bytes_per_second;
  return result;
}

SourcePrior prior_of(const SourceBook& book, const std::string& name) {
  const auto found = book.find(source_key(name));
  if (found == book.end()) return {};
  const SourceFigures& figures = found->second;
  const auto trip = std::chrono::duration<double, std::milli>(figures.round_trip_ms);
  return {figures.bytes_per_second, std::chrono::duration_cast<Duration>(trip),
          figures.failure_share};
}

struct Start {
  blockstore::Lease lease;
  bool is_private = false;  // The root is pinned so: what comes for it must not be served either.
  bool is_hidden = false;   // Its block is: a private pin reaches it, or did.
};

Result<Start> prepare(const blockstore::Store& store, const ipld::Cid& root) {
  Start start;
  ACCEL_TRY(start.lease, store.lease(root));
  ACCEL_TRY(const auto pins, store.pins());
  start.is_private = std::any_of(pins.begin(), pins.end(), [&](const blockstore::PinInfo& pin) {
    return pin.is_private && pin.cid.as_v1() == root.as_v1();
  });
  ACCEL_TRY(start.is_hidden, store.is_private(root));
  return start;
}

// A block that does not hash to its CID is the source's lie; one that does and still can't be
// written is the DAG's or the disk's fault.
bool is_lie(const Error& error, const ipld::Cid& cid, ByteView block) {
  if (error.code != Errc::corrupt) return false;
  const Status really = ipld::verify_block(cid, block);
  return !really && really.error().code == Errc::corrupt;
}

}  // namespace

PullSession::PullSession(Executor executor, PullContext context, ipld::Cid root,
                         PullOptions options)
    : executor_(executor),
      context_(context),
      root_(root),
      options_(std::move(options)),
      timer_(executor),
      news_(executor),
      tasks_(executor, "pull"),
      limits_(scheduler_limits(options_.limits)),
      share_(context_.downloads, options_.urgency),
      scheduler_(limits_, &share_),
      walk_(
          root,
          {options_.limits.max_total_bytes, options_.limits.max_leaves, options_.limits.max_nodes},
          options_.only ? std::optional(options_.only->path) : std::nullopt),
      hashes_(context_.pool, std::max<std::size_t>(context_.pool.threads(), 2) - 1) {
  report_.root = root_;
}

// An exception ends the pull with an error, wherever it comes from: whoever waits for ended() would
// wait for ever otherwise.
Task<void> PullSession::main() {
  auto working = guarded(work());
  auto closing = guarded(close());
  co_await std::move(working);
  co_await std::move(closing);
  ended_.set();
  co_return Status{};
}

Task<void> PullSession::work() {
  started_ = context_.clock.now();
  auto opening = open();
  co_await std::move(opening);
  while (!over_) {
    timer_.expires_after(limits_.tick);
    auto waiting = timer_.async_wait(asio::as_tuple(asio::use_awaitable));
    co_await std::move(waiting);
    tick();
  }
  co_return Status{};
}

Task<void> PullSession::guarded(Task<void> task) {
  std::string cause;
  try {
    co_return co_await std::move(task);
  } catch (const std::exception& exception) {
    cause = exception.what();
  } catch (...) {  // A foreign exception: on_progress is the caller's code.
    cause = "unknown exception";
  }
  fail_with({Errc::internal, fmt::format("The pull of {} ended by an exception.", root_), cause});
  if (!error_) error_ = Error{Errc::internal, "A pull that was done ended by an exception.", cause};
  co_return Status{};
}

// A child does not begin before its parent has gone on to its next co_await: what a job finds done
// at once would otherwise change the lists that the parent is walking through.
Task<void> PullSession::child(Task<void> task) {
  auto turn = asio::post(executor_, asio::use_awaitable);
  co_await std::move(turn);
  auto running = guarded(std::move(task));
  const Status ran = co_await std::move(running);
  if (!ran) fail_with(ran.error());
  co_return Status{};
}

void PullSession::spawn(Task<void> task) { tasks_.spawn(child(std::move(task))); }

Task<void> PullSession::open() {
  if (const Status added = add_sources(); !added) fail_with(added.error());
  auto job = [this](std::stop_token) { return prepare(context_.store, root_); };
  auto preparing = context_.pool.run(job);
  auto start = co_await std::move(preparing);
  if (!start) {
    fail_with(std::move(start).error());
  } else {
    lease_ = std::move(start->lease);
    options_.is_private = options_.is_private || start->is_private;
    // Whoever is asked learns the root: of a private one only those whom the caller has named.
    asks_connected_ = options_.ask_connected_peers && context_.bitswap != nullptr &&
                      !options_.is_private && !start->is_hidden;
    if (asks_connected_) feed(SourcesExpected{true});
    advance_walk();
  }
  co_return Status{};
}

Status PullSession::add_sources() {
  for (const std::string& url : options_.sources) {
    ACCEL_TRY(auto source, make_gateway_source(context_.client, url));
    add_source(std::move(source));
  }
  for (const std::string& url : options_.named_sources) {
    ACCEL_TRY(auto source, make_gateway_source(context_.client, url, /*network_only=*/true));
    add_source(std::move(source));
  }
  for (const std::string& url : options_.file_sources) {
    ACCEL_TRY(auto source, make_file_source(context_.client, url));
    add_source(std::move(source));
  }
  if (!options_.peers.empty() && context_.bitswap == nullptr) {
    return fail(Errc::unsupported, "Peers can't be asked: this node has no swarm.");
  }
  for (const std::string& address : options_.peers) {
    ACCEL_TRY(auto source, make_peer_source(*context_.bitswap, address, options_.urgency));
    add_source(std::move(source));
  }
  return {};
}

// Not before something is missing: who has all of it need not tell anybody.
void PullSession::ask_connected_peers() {
  if (!std::exchange(asks_connected_, false) || over_) return;
  spawn(find_peers());
}

// Who is connected and has the root becomes a source.
Task<void> PullSession::find_peers() {
  auto asking = context_.bitswap->who_has(root_, kPeersAnswerWithin, halt_.get_token());
  const auto having = co_await std::move(asking);
  for (const ipld::PeerId& peer : having.value_or(std::vector<ipld::PeerId>{})) {
    const std::string suffix = "/p2p/" + peer.to_string();
    const bool named = std::ranges::any_of(
        options_.peers, [&](const std::string& address) { return address.ends_with(suffix); });
    if (!named) add_source(make_peer_source(*context_.bitswap, peer, options_.urgency));
  }
  feed(SourcesExpected{false});
  co_return Status{};
}

void PullSession::add_source(std::unique_ptr<Source> source) {
  sources_.push_back(std::move(source));
  SourceAdded added{
      sources_.back()->name(), sources_.back()->files_only(), sources_.back()->max_requests(), {}};
  if (options_.known) added.prior = prior_of(*options_.known, added.name);
  feed(std::move(added));
}

// Nothing of this session runs when it returns. Requests are stopped, but what has arrived is still
// verified and kept, whatever ended the pull. Partial files are closed on the pool, for that may
// sync them.
Task<void> PullSession::close() {
  for (auto& [id, flight] : flights_) flight.request_stop();
  auto joining = tasks_.join();
  const Status joined = co_await std::move(joining);
  if (!joined && !error_) error_ = joined.error();
  auto job = [this](std::stop_token) -> Status {
    files_.clear();
    return {};
  };
  auto closing = context_.pool.run(job);
  co_await std::move(closing);
  if (!error_ && options_.only && !delivered_) {
    auto delivering = deliver_stored();
    const Status delivered = co_await std::move(delivering);
    if (!delivered) error_ = delivered.error();
  }
  if (!error_ && options_.pin && !options_.only) {
    auto pinning = pin();
    const Status pinned = co_await std::move(pinning);
    if (!pinned) error_ = pinned.error();
  }
  if (!error_) report_progress(true);
  co_return Status{};
}

Task<void> PullSession::pin() {
  auto job = [this](std::stop_token) {
    return context_.store.pin(root_, {.name = options_.name,
                                      .is_private = options_.is_private,
                                      .merge = true,
                                      .keep_hidden = true});
  };
  return context_.pool.run(job);
}

void PullSession::stop() {
  fail_with(
      {Errc::cancelled,
       fmt::format("The pull of {} was stopped; what was fetched is kept for the next one.", root_),
       {}});
}

void PullSession::tick() {
  if (over_) return;
  if (options_.stop.stop_requested()) return stop();
  feed(Tick{});
  report_progress(false);
}

void PullSession::fail_with(Error error) {
  if (over_) return;
  error_ = std::move(error);
  over();
}

void PullSession::finish_if_complete() {
  const bool complete = walk_.done() && lookups_ == 0 && plans_.empty() && opening_ == 0 &&
                        files_.empty() && puts_.done() == puts_.added();
  if (over_ || !complete) return;
  if (options_.only && walk_.files() == 0) {
    return fail_with(
        {Errc::not_found, fmt::format("There is no {} in {}.", options_.only->path, root_), {}});
  }
  over();
}

void PullSession::over() {
  over_ = true;
  halt_.request_stop();
  timer_.cancel();
  news_.cancel();
}

Result<PullReport> PullSession::take_result() {
  if (error_) return fail(*std::move(error_));
  report_.bytes_total = bytes_total();
  report_.files = walk_.files();
  report_.bytes_duplicate = scheduler_.waste().duplicate_bytes;
  report_.bytes_rejected = scheduler_.waste().rejected_bytes;
  report_.seconds = to_ms(context_.clock.now() - started_) / 1000;
  const std::vector<SourceStats> all = scheduler_.sources();
  for (std::size_t i = 0; i < all.size(); ++i) {
    const SourceStats& stats = all[i];
    report_.sources.push_back({stats.name, sources_[i]->kind(), stats.bytes, stats.blocks,
                               stats.misses, stats.failures, stats.median_rate, stats.rate_samples,
                               to_ms(stats.round_trip), stats.last_error, stats.lost});
  }
  return std::move(report_);
}

void PullSession::feed(SchedulerEvent event) {
  events_.push_back(std::move(event));
  if (feeding_) return;
  feeding_ = true;
  while (!events_.empty() && !over_) {
    const SchedulerEvent next = std::move(events_.front());
    events_.pop_front();
    for (const Action& action : scheduler_.step(next, context_.clock.now())) perform(action);
  }
  feeding_ = false;
}

void PullSession::perform(const Action& action) {
  if (const auto* start = std::get_if<StartRequest>(&action)) {
    flights_.emplace(start->request, std::stop_source());
    spawn(request(*start));
  } else if (const auto* cancel = std::get_if<CancelRequest>(&action)) {
    const auto flight = flights_.find(cancel->request);
    if (flight != flights_.end()) flight->second.request_stop();
  } else if (const auto* lost = std::get_if<SourceLost>(&action)) {
    log::warn("exchange", "A source is not asked any more.",
              {log::field("source", sources_[lost->source]->name()),
               log::field("reason", lost->reason), log::field("root", root_.to_string())});
  } else if (const auto* gave_up = std::get_if<GaveUp>(&action)) {
    fail_with(gave_up->error);
  }
}

Task<void> PullSession::request(StartRequest start) {
  const WantInfo* const info = wants_.find(start.want);
  if (over_ || info == nullptr) co_return Status{};
  const bool is_node = info->is_node;
  BlockCall call;
  call.cid = info->cid;
  call.exact_bytes = info->exact_bytes;
  call.place = info->place;
  call.buffer = take_buffer();
  call.stop = flights_.at(start.request).get_token();
  call.on_bytes = [this, id = start.request](std::uint64_t bytes) {
    feed(BytesArrived{id, bytes});
  };
  auto asking = sources_[start.source]->get(std::move(call));
  Result<SourceBlock> block = co_await std::move(asking);
  flights_.erase(start.request);
  if (!block) {
    feed(RequestFailed{start.request, std::move(block).error()});
    co_return Status{};
  }
  feed(BlockArrived{start.request, block->bytes.size()});
  auto verifying = is_node ? verify_node(start.request, start.want, std::move(*block))
                           : verify_leaf(start.request, start.want, std::move(*block));
  co_return co_await std::move(verifying);
}

Task<void> PullSession::verify_node(RequestId id, WantId want, SourceBlock block) {
  const WantInfo* found = wants_.find(want);
  if (found == nullptr) co_return Status{};  // Another source was faster.
  const WantInfo info = *found;
  auto job = [&](std::stop_token) -> Result<Verdict> {
    const Status good = block.verified ? Status{} : ipld::verify_block(info.cid, block.bytes);
    if (!good && good.error().code != Errc::corrupt) return fail(good.error());
    return good ? Verdict::good : Verdict::lie;
  };
  auto hashing = context_.pool.run(job);
  const Result<Verdict> verdict = co_await std::move(hashing);
  if (!verdict) {
    fail_with(verdict.error());
  } else if (*verdict == Verdict::lie) {
    rejected(id, info, block);
  } else if (wants_.contains(want)) {
    wants_.take(want);
    node_fetched(id, info.cid, std::move(block.bytes));
  }
  co_return Status{};
}

// Beside others that arrive at the same time. What it can't hash is hashed when it is written.
Task<PullSession::Verdict> PullSession::hash_leaf(WantId want, SourceBlock& block) {
  const WantInfo* const found = wants_.find(want);
  const bool is_ours = found != nullptr && !block.verified;
  if (!is_ours || !HashQueue::takes(found->cid)) co_return Verdict::good;
  auto hashing = hashes_.is_block(found->cid, block.bytes);
  const Result<bool> same = co_await std::move(hashing);
  if (!same) co_return fail(Error(same.error()));
  block.verified = *same;
  co_return *same ? Verdict::good : Verdict::lie;
}

// The leaf is hashed and written to each place that it has in the open files, some at a time, so
// that a file made of one leaf over and over can be stopped. Places may be added while a job runs,
// and another source may finish first.
Task<void> PullSession::verify_leaf(RequestId id, WantId want, SourceBlock block) {
  using Hashed = blockstore::PartialFile::Hashed;
  if (over_) co_return Status{};
  auto checking = hash_leaf(want, block);
  const Result<Verdict> first = co_await std::move(checking);
  if (!first) {
    fail_with(first.error());
  } else if (*first == Verdict::lie) {
    if (const WantInfo* const still = wants_.find(want)) rejected(id, *still, block);
  }
  if (!first || *first == Verdict::lie) {
    give_buffer(std::move(block.bytes));
    co_return Status{};
  }
  const Hashed hashed = block.verified ? Hashed::by_caller : Hashed::not_yet;
  std::size_t written = 0;
  while (true) {
    const WantInfo* const found = wants_.find(want);
    // What waited for its hash when the pull ended is kept as well.
    if (found == nullptr || (over_ && written > 0)) break;
    if (written == found->targets.size()) {
      leaf_verified(id, want, block.bytes.size());
      break;
    }
    const ipld::Cid cid = found->cid;
    const std::span<const LeafTarget> rest = std::span(found->targets).subspan(written);
    const std::span<const LeafTarget> some = rest.first(std::min(rest.size(), kPlacesAtOnce));
    const std::vector<LeafTarget> places(some.begin(), some.end());
    auto job = [&](std::stop_token) -> Result<Verdict> {
      for (const LeafTarget& place : places) {
        const Status put = place.file->partial->write_leaf(place.slot, block.bytes, hashed);
        if (!put && is_lie(put.error(), cid, block.bytes)) return Verdict::lie;
        ACCEL_CHECK(put);
      }
      return Verdict::good;
    };
    for (const LeafTarget& place : places) ++place.file->jobs;
    auto writing = context_.pool.run(job);
    const Result<Verdict> verdict = co_await std::move(writing);
    for (const LeafTarget& place : places) --place.file->jobs;
    if (!verdict) {
      fail_with(verdict.error());
      break;
    }
    if (*verdict == Verdict::lie) {
      if (const WantInfo* const still = wants_.find(want)) rejected(id, *still, block);
      break;
    }
    written += places.size();
  }
  give_buffer(std::move(block.bytes));
  commit_ready_files();
  co_return Status{};
}

void PullSession::leaf_verified(RequestId id, WantId want, std::size_t block_bytes) {
  const WantInfo info = wants_.take(want);
  report_.bytes_verified += block_bytes;
  report_.bytes_fetched += block_bytes;
  report_.bytes_reused += std::uint64_t{info.targets.front().bytes} * (info.targets.size() - 1);
  progress_.add_fetched(block_bytes);
  for (const LeafTarget& target : info.targets) leaf_written(target);
  feed(BlockVerified{id});
}

// A frame that was made here and does not fit is no lie: the block is made in another way, and this
// source can't tell.
void PullSession::rejected(RequestId id, const WantInfo& want, const SourceBlock& block) {
  if (block.rebuilt) {
    feed(RequestFailed{id,
                       {Errc::not_found,
                        fmt::format("The bytes it has there do not make block {}.", want.cid),
                        {}}});
    return;
  }
  std::string reason = fmt::format("It sent bytes that are not block {}", want.cid);
  if (want.place && want.place->length > 0) {
    reason +=
        fmt::format(" ({} bytes at {} of the file{}{})", want.place->length, want.place->offset,
                    want.place->path.empty() ? "" : " ", want.place->path);
  }
  if (!block.suspicion.empty()) reason += "; " + block.suspicion;
  feed(BlockRejected{id, reason + "."});
}

Bytes PullSession::take_buffer() {
  if (buffers_.empty()) return {};
  Bytes buffer = std::move(buffers_.back());
  buffers_.pop_back();
  return buffer;
}

void PullSession::give_buffer(Bytes buffer) {
  if (buffers_.size() < kSpareBuffers) buffers_.push_back(std::move(buffer));
}

void PullSession::report_progress(bool last) {
  if (!options_.on_progress) return;
  const SteadyTime now = context_.clock.now();
  const bool known = walk_.done() && lookups_ == 0;
  if (last) {
    options_.on_progress(progress_.at(bytes_total(), known, now));
  } else if (const auto progress = progress_.due(bytes_total(), known, now)) {
    options_.on_progress(*progress);
  }
}

}  // namespace accel::exchange
