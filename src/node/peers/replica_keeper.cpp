// SPDX-License-Identifier: Apache-2.0
#include "peers/replica_keeper.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "accel/blockstore/replica_pin.hpp"
#include "accel/core/async/with_timeout.hpp"
#include "accel/core/log.hpp"
#include "accel/libp2p/framed.hpp"
#include "peers/source_book.hpp"

namespace accel::node {
namespace {

using exchange::KeptReplica;
using exchange::ReplicaAnswer;
using exchange::ReplicaRequest;
using nlohmann::json;
using State = ReplicaAnswer::State;

constexpr std::string_view kSpace = "replicas-kept";
constexpr Duration kRequestWithin = std::chrono::seconds(10);
constexpr std::uint64_t kSlackBytes = 1U << 20U;  // Files that share leaves count them twice.

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
  const auto stored = store_.kv_list(kSpace);
  if (!stored) return;
  for (const auto& [text, value] : *stored) {
    const auto root = ipld::Cid::parse(text);
    const json read = json::parse(value, nullptr, false);
    if (!root || !read.is_object()) continue;
    Kept kept;
    kept.root = *root;
    kept.bytes = read.value("bytes", std::uint64_t{0});
    kept.state = is_pinned(*root) ? State::holding : State::failed;
    kept.until_s = read.value("askers", std::map<std::string, std::int64_t>{});
    kept.error = "This node was stopped before it had all of it.";
    kept_.emplace(text, std::move(kept));
  }
}

std::int64_t ReplicaKeeper::now_s() const {
  const auto now = services_.clock().wall_now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::seconds>(now).count();
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
  libp2p::FramedReader reader(*stream, exchange::kMaxReplicaMessageBytes, kRequestWithin);
  auto reading = with_timeout(reader.read(), kRequestWithin);
  const Result<std::optional<Bytes>> frame = co_await std::move(reading);
  if (!frame) co_return fail(Error(frame.error()));
  if (!*frame) co_return Status{};
  const auto request = exchange::decode_replica_request(**frame);
  if (!request) {
    stream->reset();
    co_return fail(Error(request.error()));
  }
  const std::string asker = stream->peer().to_string();
  auto job = [&](std::stop_token) -> Result<ReplicaAnswer> { return answer(*request, asker); };
  auto answering = pool_.run(job);
  const Result<ReplicaAnswer> said = co_await std::move(answering);
  if (!said) co_return fail(Error(said.error()));
  Bytes message = exchange::encode_replica(*said);
  auto writing = libp2p::write_framed(*stream, std::move(message));
  ACCEL_CO_CHECK(co_await std::move(writing));
  auto closing = stream->close_write();
  co_return co_await std::move(closing);
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
ReplicaAnswer ReplicaKeeper::admitted(const ReplicaRequest& request,
                                      const std::string& asker) const {
  exchange::ReplicaRules now = rules();
  if (!exchange::accepts(now, asker)) return exchange::admit(now, request, asker, {});
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
  note_lost(request.root);
  ReplicaAnswer answer = admitted(request, asker);
  if (answer.state == State::refused) return answer;
  const bool is_new = answer.state == State::willing;
  std::unique_lock lock(mutex_);
  Kept& kept = kept_[request.root.to_string()];
  if (is_new) {
    auto askers = std::move(kept.until_s);
    kept = Kept{};
    kept.root = request.root;
    // Reserved until it is known: a size that is a lie takes no more than there is.
    kept.bytes = std::min(request.bytes + request.bytes / 4 + kSlackBytes,
                          answer.free_bytes.value_or(request.bytes));
    kept.until_s = std::move(askers);
    kept.fetch = ++fetches_;
  }
  std::int64_t& until = kept.until_s[asker];
  until = std::max(until, now_s() + static_cast<std::int64_t>(answer.lease_s));
  const Kept now = kept;
  lock.unlock();
  write(now);
  if (is_new) tasks_.spawn(fetch(now));
  answer.state = now.state;
  return answer;
}

ReplicaAnswer ReplicaKeeper::status(const ReplicaRequest& request, const std::string& asker) const {
  const std::scoped_lock lock(mutex_);
  const auto found = kept_.find(request.root.to_string());
  if (found == kept_.end() || !found->second.until_s.contains(asker)) {
    return refused("This node does not keep it for you.");
  }
  const Kept& kept = found->second;
  const std::int64_t left = kept.until_s.at(asker) - now_s();
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
  const auto pins = store_.pins();
  return pins && std::ranges::any_of(*pins, [&](const blockstore::PinInfo& pin) {
           return !pin.direct && pin.cid.as_v1() == root.as_v1();
         });
}

// The user may have unpinned it: then it is fetched again for whoever asks again.
void ReplicaKeeper::note_lost(const ipld::Cid& root) {
  const bool pinned = is_pinned(root);
  const std::scoped_lock lock(mutex_);
  const auto found = kept_.find(root.to_string());
  if (pinned || found == kept_.end() || found->second.state != State::holding) return;
  found->second.state = State::failed;
  found->second.error = "It is not pinned any more.";
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
  const auto pins = store_.pins();
  const bool is_mine =
      pins && std::ranges::any_of(*pins, [&](const blockstore::PinInfo& pin) {
        return pin.name == blockstore::kReplicaPinName && pin.cid.as_v1() == root.as_v1();
      });
  if (is_mine) (void)store_.unpin(root);
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
}

void ReplicaKeeper::expire() {
  const std::scoped_lock changing(changing_);
  std::vector<ipld::Cid> ended;
  {
    const std::scoped_lock lock(mutex_);
    for (auto& [text, kept] : kept_) {
      std::erase_if(kept.until_s, [&](const auto& lease) { return lease.second <= now_s(); });
      if (kept.until_s.empty()) ended.push_back(kept.root);
    }
  }
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
