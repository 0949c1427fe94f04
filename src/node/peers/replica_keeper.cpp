// SPDX-License-Identifier: Apache-2.0
#include "peers/replica_keeper.hpp"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "accel/blockstore/replica_pin.hpp"
#include "accel/core/log.hpp"
#include "accel/exchange/replica_stream.hpp"
#include "peers/source_book.hpp"
#include "unix_time.hpp"

namespace accel::node {
namespace {

using exchange::KeptReplica;
using exchange::ReplicaAnswer;
using exchange::ReplicaRequest;
using nlohmann::json;
using State = ReplicaAnswer::State;

constexpr std::string_view kSpace = "replicas-kept";
constexpr std::string_view kLeftSpace = "replicas-left";  // Root -> bytes.
constexpr std::uint64_t kSlackBytes = 1U << 20U;  // Files that share leaves count them twice.

using KvList = std::vector<std::pair<std::string, std::string>>;

ReplicaAnswer refused(std::string reason) {
  ReplicaAnswer answer;
  answer.reason = std::move(reason);
  return answer;
}

}  // namespace

ReplicaKeeper::ReplicaKeeper(Services& services, blockstore::Store& store)
    : services_(services),
      store_(store),
      fetcher_(services.fetcher(store)),
      pool_(services.pool()),
      tasks_(services.io().executor(), "replicas") {
  const auto left = store_.kv_list(kLeftSpace);
  for (const auto& [text, value] : left.value_or(KvList{})) {
    std::uint64_t& bytes = left_[text];
    std::from_chars(value.data(), value.data() + value.size(), bytes);
  }
  const auto stored = store_.kv_list(kSpace);
  for (const auto& [text, value] : stored.value_or(KvList{})) {
    const auto root = ipld::Cid::parse(text);
    const json read = json::parse(value, nullptr, false);
    if (!root || !read.is_object()) continue;
    Kept kept;
    kept.root = *root;
    kept.bytes = read.value("bytes", std::uint64_t{0});
    kept.have_bytes = kept.bytes;  // How much of it came before the stop, nobody knows.
    kept.state = is_pinned(*root) ? State::holding : State::failed;
    kept.until_s = read.value("askers", std::map<std::string, std::int64_t>{});
    kept.error = "This node was stopped before it had all of it.";
    kept_.emplace(text, std::move(kept));
  }
}

exchange::ReplicaRules ReplicaKeeper::rules() const {
  const Config& config = services_.config();
  exchange::ReplicaRules rules;
  rules.peers = config.get<ConfigList>("replication.accept");
  rules.anybody = std::ranges::find(rules.peers, "any") != rules.peers.end();
  rules.quota_bytes = static_cast<std::uint64_t>(config.get<std::int64_t>("replication.max_bytes"));
  const auto lease = config.get<std::chrono::milliseconds>("replication.lease");
  rules.longest_lease_s =
      static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::seconds>(lease).count());
  std::error_code error;
  const auto space = std::filesystem::space(services_.home().root, error);
  rules.disk_free_bytes = error ? 0 : space.available;
  return rules;
}

Task<void> ReplicaKeeper::serve(std::unique_ptr<libp2p::Stream> stream) {
  const auto reply = [this](ReplicaRequest request, const ipld::PeerId& asker) {
    return answer_on_pool(std::move(request), asker.to_string());
  };
  return exchange::serve_replica(std::move(stream), reply);
}

Task<ReplicaAnswer> ReplicaKeeper::answer_on_pool(ReplicaRequest request, std::string asker) {
  auto job = [&](std::stop_token) -> Result<ReplicaAnswer> { return answer(request, asker); };
  auto answering = pool_.run(job);
  co_return co_await std::move(answering);
}

// One DAG is one replica, whichever way its CID is written: it has one pin.
ReplicaAnswer ReplicaKeeper::answer(const ReplicaRequest& asked, const std::string& asker) {
  ReplicaRequest request = asked;
  request.root = asked.root.as_v1();
  switch (request.kind) {
    case ReplicaRequest::Kind::offer:
      return admitted(request, asker);
    case ReplicaRequest::Kind::hold:
      return hold(request, asker);
    case ReplicaRequest::Kind::status:
      return status(request, asker);
    case ReplicaRequest::Kind::release: {
      const ReplicaAnswer last = status(request, asker);
      if (last.state != State::refused) release(request.root, asker);
      return last;
    }
  }
  return refused("This node does not keep it.");
}

// A root that is private here gets the answers that any other one gets while others are fetched;
// and who is not accepted at all is told so before the store is asked.
ReplicaAnswer ReplicaKeeper::admitted(const ReplicaRequest& request, const std::string& asker) {
  exchange::ReplicaRules now = rules();
  if (!exchange::accepts(now, asker)) return exchange::admit(now, request, asker, {});
  note_lost(request.root);
  for (const auto& [root, bytes] : uncollected()) {
    if (root == request.root.to_string()) continue;  // It would be kept again.
    now.uncollected_bytes += bytes;
    ++now.uncollected;
  }
  std::vector<KeptReplica> all = kept();
  const auto hidden = store_.is_private(request.root);
  if (!hidden || *hidden) {
    now.most_fetching = 0;
    const auto found = std::ranges::find(all, request.root, &KeptReplica::root);
    if (found != all.end()) found->state = State::failed;
  }
  return exchange::admit(now, request, asker, all);
}

ReplicaAnswer ReplicaKeeper::hold(const ReplicaRequest& request, const std::string& asker) {
  // Whoever is refused anyway does not wait for the lock.
  if (ReplicaAnswer first = admitted(request, asker); first.state == State::refused) return first;
  const std::scoped_lock changing(changing_);
  ReplicaAnswer answer = admitted(request, asker);
  if (answer.state == State::refused) return answer;
  const bool is_new = answer.state == State::willing;
  std::unique_lock lock(mutex_);
  Kept& kept = kept_[request.root.to_string()];
  if (is_new) {
    auto askers = std::move(kept.until_s);
    // What an earlier fetch has left on the disk, whatever size is said now.
    const auto leftover = left_.find(request.root.to_string());
    const std::uint64_t before =
        std::max(kept.bytes, leftover == left_.end() ? 0 : leftover->second);
    kept = Kept{};
    kept.root = request.root;
    // Reserved until it is known: a size that is a lie takes no more than there is.
    kept.bytes = std::min(request.bytes + request.bytes / 4 + kSlackBytes,
                          answer.free_bytes.value_or(request.bytes));
    kept.bytes = std::max(kept.bytes, before);
    kept.until_s = std::move(askers);
    kept.fetch = ++fetches_;
  }
  std::int64_t& until = kept.until_s[asker];
  until =
      std::max(until, unix_seconds(services_.clock()) + static_cast<std::int64_t>(answer.lease_s));
  const Kept now = kept;
  lock.unlock();
  write(now);
  if (is_new) leave(request.root, 0);
  if (is_new) tasks_.spawn(fetch(now));
  answer.state = now.state;
  return answer;
}

ReplicaAnswer ReplicaKeeper::status(const ReplicaRequest& request, const std::string& asker) {
  const auto is_kept_for_asker = [&] {  // With mutex_ held.
    const auto found = kept_.find(request.root.to_string());
    return found != kept_.end() && found->second.until_s.contains(asker);
  };
  std::unique_lock lock(mutex_);
  if (is_kept_for_asker()) {
    lock.unlock();
    note_lost(request.root);
    lock.lock();
  }
  if (!is_kept_for_asker()) return refused("This node does not keep it for you.");
  const auto found = kept_.find(request.root.to_string());
  const Kept& kept = found->second;
  const std::int64_t left = kept.until_s.at(asker) - unix_seconds(services_.clock());
  ReplicaAnswer answer;
  answer.state = kept.state;
  answer.have_bytes = kept.have_bytes;
  answer.lease_s = static_cast<std::uint64_t>(std::max<std::int64_t>(left, 0));
  if (answer.state == State::failed) answer.reason = kept.error;
  return answer;
}

std::vector<KeptReplica> ReplicaKeeper::kept() const {
  const std::scoped_lock lock(mutex_);
  std::vector<KeptReplica> all;
  for (const auto& [root, kept] : kept_) {
    KeptReplica replica{kept.root, {}, kept.bytes, kept.state};
    for (const auto& [asker, until_s] : kept.until_s) replica.askers.push_back(asker);
    all.push_back(std::move(replica));
  }
  return all;
}

bool ReplicaKeeper::is_pinned(const ipld::Cid& root) const {
  const auto pin = store_.pin_of(root);
  return pin && *pin && !(*pin)->direct;
}

// The user may have unpinned it: then it is fetched again for whoever asks again.
void ReplicaKeeper::note_lost(const ipld::Cid& root) {
  const auto fetch_of_held = [&]() -> std::optional<std::uint64_t> {
    const auto found = kept_.find(root.to_string());
    if (found == kept_.end() || found->second.state != State::holding) return std::nullopt;
    return found->second.fetch;
  };
  std::unique_lock lock(mutex_);
  const auto held = fetch_of_held();
  lock.unlock();
  if (!held || is_pinned(root)) return;
  lock.lock();
  if (fetch_of_held() != held) return;  // Fetched anew meanwhile.
  Kept& kept = kept_.at(root.to_string());
  kept.state = State::failed;
  kept.error = "It is not pinned any more.";
}

// What was let go and lies in the store still. What the user has pinned is his own.
ReplicaKeeper::Left ReplicaKeeper::uncollected() const {
  std::unique_lock lock(mutex_);
  Left left = left_;
  lock.unlock();
  if (left.empty()) return left;
  std::erase_if(left, [&](const auto& entry) {
    const auto root = ipld::Cid::parse(entry.first);
    if (!root || is_pinned(*root)) return true;
    const auto here = store_.has(*root);
    return here && !*here;
  });
  return left;
}

// 0: it is nobody's leftover any longer.
void ReplicaKeeper::leave(const ipld::Cid& root, std::uint64_t bytes) {
  const std::string key = root.to_string();
  std::unique_lock lock(mutex_);
  const bool known = left_.contains(key);
  if (bytes > 0) left_[key] = bytes;
  if (bytes == 0) left_.erase(key);
  lock.unlock();
  if (bytes > 0) (void)store_.kv_put(kLeftSpace, key, std::to_string(bytes));
  if (bytes == 0 && known) (void)store_.kv_erase(kLeftSpace, key);
}

// With changing_ held.
void ReplicaKeeper::forget_collected() {
  const Left left = uncollected();
  std::unique_lock lock(mutex_);
  const Left known = left_;
  lock.unlock();
  for (const auto& [key, bytes] : known) {
    const auto root = ipld::Cid::parse(key);
    if (root && !left.contains(key)) leave(*root, 0);
  }
}

// From the asker, and from everybody else who is connected and has it.
Task<void> ReplicaKeeper::fetch(Kept kept) {
  exchange::PullOptions options;
  options.name = blockstore::kReplicaPinName;
  options.ask_connected_peers = true;
  options.urgency = exchange::Urgency::background;
  options.stop = kept.stop.get_token();
  options.limits.max_total_bytes = kept.bytes;
  options.on_progress = [this, key = kept.root.to_string(),
                         fetch = kept.fetch](const exchange::PullProgress& step) {
    const std::scoped_lock lock(mutex_);
    const auto found = kept_.find(key);
    const bool is_mine = found != kept_.end() && found->second.fetch == fetch;
    if (is_mine) found->second.have_bytes = step.bytes_done;
  };
  auto pulling = fetcher_.pull(kept.root, std::move(options));
  const Result<exchange::PullReport> report = co_await std::move(pulling);
  auto job = [&](std::stop_token) -> Status {
    fetched(kept, report);
    return {};
  };
  auto noting = pool_.run(job);
  co_return co_await std::move(noting);
}

void ReplicaKeeper::fetched(const Kept& kept, const Result<exchange::PullReport>& report) {
  note_pull(services_, store_, report);
  const std::scoped_lock changing(changing_);
  std::unique_lock lock(mutex_);
  const auto found = kept_.find(kept.root.to_string());
  if (found == kept_.end()) {  // Released meanwhile.
    lock.unlock();
    drop_pin(kept.root);
    return;
  }
  if (found->second.fetch != kept.fetch) return;  // A later one decides.
  found->second.state = report ? State::holding : State::failed;
  if (report) found->second.bytes = report->bytes_total;
  if (!report) found->second.error = report.error().message;
  const Kept now = found->second;
  lock.unlock();
  write(now);
}

// What the user has pinned meanwhile has another name and stays.
void ReplicaKeeper::drop_pin(const ipld::Cid& root) {
  (void)store_.unpin_named(root, blockstore::kReplicaPinName);
}

// The pin goes with the last asker.
void ReplicaKeeper::release(const ipld::Cid& root, const std::string& asker) {
  const std::scoped_lock changing(changing_);
  std::unique_lock lock(mutex_);
  const auto found = kept_.find(root.to_string());
  if (found == kept_.end()) return;
  found->second.until_s.erase(asker);
  const Kept now = found->second;
  lock.unlock();
  if (now.until_s.empty()) {
    let_go(root);
  } else {
    write(now);
  }
}

// With changing_ held.
void ReplicaKeeper::let_go(const ipld::Cid& root) {
  std::unique_lock lock(mutex_);
  const auto found = kept_.find(root.to_string());
  if (found == kept_.end()) return;
  Kept gone = std::move(found->second);
  kept_.erase(found);
  lock.unlock();
  gone.stop.request_stop();
  drop_pin(root);
  (void)store_.kv_erase(kSpace, root.to_string());
  count_as_left(gone);
}

// Until gc it takes its room: else who asks to hold and lets go, again and again, fills the disk.
void ReplicaKeeper::count_as_left(const Kept& gone) {
  // A fetch that is stopped may still write what it has asked for.
  const std::uint64_t fetched = gone.have_bytes + exchange::PullLimits{}.max_in_flight_bytes;
  leave(gone.root, gone.state == State::holding ? gone.bytes : std::min(gone.bytes, fetched));
}

void ReplicaKeeper::expire() {
  const std::scoped_lock changing(changing_);
  std::vector<ipld::Cid> ended;
  {
    const std::scoped_lock lock(mutex_);
    for (auto& [text, kept] : kept_) {
      std::erase_if(kept.until_s, [&](const auto& lease) {
        return lease.second <= unix_seconds(services_.clock());
      });
      if (kept.until_s.empty()) ended.push_back(kept.root);
    }
  }
  forget_collected();
  for (const ipld::Cid& root : ended) {
    log::info("node", "The lease of a replica has ended.", {log::field("root", root.to_string())});
    let_go(root);
  }
}

void ReplicaKeeper::write(const Kept& kept) {
  const json value{{"askers", kept.until_s}, {"bytes", kept.bytes}};
  const Status written = store_.kv_put(kSpace, kept.root.to_string(), value.dump());
  if (!written) {
    log::warn("node", "A replica's lease is not written down.",
              {log::field("cause", written.error().message)});
  }
}

Task<void> ReplicaKeeper::shutdown() {
  {
    const std::scoped_lock lock(mutex_);
    for (auto& [root, kept] : kept_) kept.stop.request_stop();
  }
  tasks_.cancel();
  auto joining = tasks_.join();
  co_await std::move(joining);
  co_return Status{};
}

}  // namespace accel::node
