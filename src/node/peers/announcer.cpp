// SPDX-License-Identifier: Apache-2.0
#include "peers/announcer.hpp"

#include <algorithm>
#include <charconv>
#include <map>

#include "accel/core/async/with_timeout.hpp"
#include "accel/core/log.hpp"
#include "unix_time.hpp"

namespace accel::node {
namespace {

constexpr std::string_view kSpace = "provided";           // Root -> seconds since 1970.
constexpr Duration kLookEvery = std::chrono::seconds(5);  // For roots that are new.
constexpr Duration kLookAfterNobody = std::chrono::seconds(20);
constexpr std::size_t kAtATime = 4;  // Each asks up to ten peers at a time.
// Then it is not the roots: twice what is under way at a time.
constexpr std::size_t kMostFailuresInARow = 2 * kAtATime;

std::int64_t number_of(const std::string& text) {
  std::int64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

}  // namespace

Result<std::vector<DueRoot>> due_roots(blockstore::Store& store, Duration interval, WallTime now,
                                       const std::set<ipld::Cid>& failed) {
  ACCEL_TRY(const auto pins, store.pins());
  ACCEL_TRY(const auto noted, store.kv_list(kSpace));
  std::map<std::string, std::int64_t> last;
  for (const auto& [root, text] : noted) last.emplace(root, number_of(text));
  const std::int64_t due_before =
      unix_seconds(now) - std::chrono::duration_cast<std::chrono::seconds>(interval).count();
  std::vector<DueRoot> due;
  for (const blockstore::PinInfo& pin : pins) {
    if (pin.is_private) continue;
    const auto found = last.find(pin.cid.to_string());
    const std::int64_t told = found == last.end() ? 0 : found->second;
    if (found != last.end()) last.erase(found);
    if (told > due_before && told <= unix_seconds(now)) continue;
    ACCEL_TRY(const bool is_private, store.is_private(pin.cid));
    if (!is_private) due.push_back({pin.cid, told});
  }
  for (const auto& [root, told] : last) ACCEL_CHECK(store.kv_erase(kSpace, root));
  std::ranges::stable_sort(due, {}, [&failed](const DueRoot& one) {
    return std::pair(failed.contains(one.root), one.last_s);
  });
  return due;
}

Status note_told(blockstore::Store& store, const ipld::Cid& root, WallTime now) {
  return store.kv_put(kSpace, root.to_string(), std::to_string(unix_seconds(now)));
}

Announcer::Announcer(Executor executor, Context context, Duration interval)
    : context_(context),
      interval_(interval),
      told_(context.metrics.counter("accel_provide_roots_total", "Roots that the DHT was told of")),
      failed_(context.metrics.counter("accel_provide_failures_total",
                                      "Roots of which nobody could be told")),
      tasks_(std::move(executor), "announcer") {
  tasks_.spawn(run());
}

Announcer::~Announcer() = default;

Task<void> Announcer::run() {
  for (;;) {
    const Status waited = co_await delay(reached_nobody_ ? kLookAfterNobody : kLookEvery);
    ACCEL_CO_CHECK(waited);
    auto sweeping = sweep();
    const Status swept = co_await std::move(sweeping);
    if (!swept && swept.error().code == Errc::cancelled) co_return Status{};
    if (!swept) log::warn("node", swept.error().to_string());
  }
}

Task<void> Announcer::sweep() {
  const auto networks = co_await context_.discovery.look();
  const bool alone = std::ranges::all_of(
      *networks, [](const Discovery::Network& network) { return network.stat.peers == 0; });
  if (alone) co_return Status{};
  const auto list = [this, failed = failures_](std::stop_token) {
    return due_roots(context_.store, interval_, context_.clock.wall_now(), failed);
  };
  auto due = co_await context_.pool.run(list);
  if (!due) co_return fail(std::move(due.error()));
  reached_nobody_ = false;
  failures_in_a_row_ = 0;
  std::erase_if(failures_, [&due](const ipld::Cid& root) {  // No longer pinned.
    return std::ranges::find(*due, root, &DueRoot::root) == due->end();
  });
  // Owners: this and the tasks that take roots from it.
  const auto left = std::make_shared<std::vector<DueRoot>>(std::move(*due));
  std::ranges::reverse(*left);
  const Executor executor = co_await asio::this_coro::executor;
  TaskGroup announcing(executor, "announce");
  co_await asio::this_coro::throw_if_cancelled(false);  // The join below must come.
  for (std::size_t i = 0; i < kAtATime; ++i) announcing.spawn(announce(left));
  const Status joined = co_await announcing.join();
  co_await asio::this_coro::throw_if_cancelled(true);
  co_return joined;
}

Task<void> Announcer::announce(std::shared_ptr<std::vector<DueRoot>> due) {
  while (!due->empty() && !reached_nobody_) {
    const ipld::Cid root = due->back().root;
    due->pop_back();
    auto providing = context_.discovery.provide(root.hash(), {});
    const auto report = co_await std::move(providing);
    if (!report || report->stored == 0) {
      failed_.add();
      failures_.insert(root);
      reached_nobody_ = ++failures_in_a_row_ >= kMostFailuresInARow;
      continue;
    }
    failures_in_a_row_ = 0;
    failures_.erase(root);
    told_.add();
    const auto note = [this, root](std::stop_token) {
      return note_told(context_.store, root, context_.clock.wall_now());
    };
    const Status noted = co_await context_.pool.run(note);
    ACCEL_CO_CHECK(noted);
  }
  co_return Status{};
}

Task<void> Announcer::shutdown() {
  tasks_.cancel();
  const Status joined = co_await tasks_.join();
  static_cast<void>(joined);
  co_return Status{};
}

}  // namespace accel::node
