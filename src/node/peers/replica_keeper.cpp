// SPDX-License-Identifier: Apache-2.0
#include "peers/replica_keeper.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

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
    kept.replica = {*root, read.value("asker", ""), read.value("bytes", std::uint64_t{0}),
                    is_pinned(*root) ? State::holding : State::failed};
    kept.error = "This node was stopped before it had all of it.";
    kept.until_s = read.value("until_s", std::int64_t{0});
    kept.own_pin = read.value("own_pin", false);
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

// A root that is private here is answered as any that is not wanted: nobody learns of it.
ReplicaAnswer ReplicaKeeper::answer(const ReplicaRequest& request, const std::string& asker) {
  const auto hidden = store_.is_private(request.root);
  if (!hidden || *hidden) return refused("This node does not keep it.");
  switch (request.kind) {
    case ReplicaRequest::Kind::offer: {
      const auto all = kept();
      return exchange::admit(rules(), request, asker, all);
    }
    case ReplicaRequest::Kind::hold:
      return hold(request, asker);
    case ReplicaRequest::Kind::status:
      return status(request, asker);
    case ReplicaRequest::Kind::release: {
      const ReplicaAnswer last = status(request, asker);
      if (last.state != State::refused) let_go(request.root);
      return last;
    }
  }
  return refused("This node does not keep it.");
}

ReplicaAnswer ReplicaKeeper::hold(const ReplicaRequest& request, const std::string& asker) {
  const auto all = kept();
  ReplicaAnswer answer = exchange::admit(rules(), request, asker, all);
  if (answer.state == State::refused) return answer;
  const bool pinned = is_pinned(request.root);
  std::unique_lock lock(mutex_);
  Kept& kept = kept_[request.root.to_string()];
  const bool is_new = answer.state == State::willing;
  if (is_new) {
    const bool own_pin = kept.own_pin || !pinned;
    kept = Kept{};
    kept.replica = {request.root, asker, request.bytes, State::fetching};
    kept.own_pin = own_pin;
  }
  kept.until_s = std::max(kept.until_s, now_s() + static_cast<std::int64_t>(answer.lease_s));
  const Kept now = kept;
  lock.unlock();
  write(request.root, now);
  if (is_new) tasks_.spawn(fetch(request, now.own_pin, now.stop.get_token()));
  answer.state = now.replica.state;
  return answer;
}

ReplicaAnswer ReplicaKeeper::status(const ReplicaRequest& request, const std::string& asker) const {
  const std::scoped_lock lock(mutex_);
  const auto found = kept_.find(request.root.to_string());
  if (found == kept_.end() || found->second.replica.asker != asker) {
    return refused("This node does not keep it for you.");
  }
  const Kept& kept = found->second;
  ReplicaAnswer answer;
  answer.state = kept.replica.state;
  answer.have_bytes = kept.have_bytes;
  answer.lease_s = static_cast<std::uint64_t>(std::max<std::int64_t>(kept.until_s - now_s(), 0));
  if (answer.state == State::failed) answer.reason = kept.error;
  return answer;
}

std::vector<KeptReplica> ReplicaKeeper::kept() const {
  const std::scoped_lock lock(mutex_);
  std::vector<KeptReplica> all;
  for (const auto& [root, kept] : kept_) all.push_back(kept.replica);
  return all;
}

bool ReplicaKeeper::is_pinned(const ipld::Cid& root) const {
  const auto pins = store_.pins();
  return pins && std::ranges::any_of(*pins, [&](const blockstore::PinInfo& pin) {
           return !pin.direct && pin.cid.as_v1() == root.as_v1();
         });
}

// From the asker, and from everybody else who is connected and has it.
Task<void> ReplicaKeeper::fetch(ReplicaRequest request, bool own_pin, std::stop_token stop) {
  exchange::PullOptions options;
  options.name = "replica";
  options.ask_connected_peers = true;
  options.stop = stop;
  options.limits.max_total_bytes = request.bytes + request.bytes / 4 + kSlackBytes;
  options.on_progress = [this, key = request.root.to_string()](const exchange::PullProgress& step) {
    const std::scoped_lock lock(mutex_);
    const auto found = kept_.find(key);
    if (found != kept_.end()) found->second.have_bytes = step.bytes_done;
  };
  auto pulling = fetcher_.pull(request.root, std::move(options));
  const Result<exchange::PullReport> report = co_await std::move(pulling);
  auto job = [&](std::stop_token) -> Status {
    fetched(request.root, own_pin, report);
    return {};
  };
  auto noting = pool_.run(job);
  co_return co_await std::move(noting);
}

void ReplicaKeeper::fetched(const ipld::Cid& root, bool own_pin,
                            const Result<exchange::PullReport>& report) {
  note_pull(services_, store_, report);
  bool is_wanted = false;
  {
    const std::scoped_lock lock(mutex_);
    const auto found = kept_.find(root.to_string());
    is_wanted = found != kept_.end();
    if (is_wanted) found->second.replica.state = report ? State::holding : State::failed;
    if (is_wanted && !report) found->second.error = report.error().message;
  }
  if (!is_wanted && own_pin && report) (void)store_.unpin(root);  // Released meanwhile.
}

void ReplicaKeeper::let_go(const ipld::Cid& root) {
  std::unique_lock lock(mutex_);
  const auto found = kept_.find(root.to_string());
  if (found == kept_.end()) return;
  Kept gone = std::move(found->second);
  kept_.erase(found);
  lock.unlock();
  gone.stop.request_stop();
  if (gone.own_pin && gone.replica.state == State::holding) (void)store_.unpin(root);
  (void)store_.kv_erase(kSpace, root.to_string());
}

void ReplicaKeeper::expire() {
  std::vector<ipld::Cid> ended;
  {
    const std::scoped_lock lock(mutex_);
    for (const auto& [text, kept] : kept_) {
      if (kept.until_s <= now_s()) ended.push_back(kept.replica.root);
    }
  }
  for (const ipld::Cid& root : ended) {
    log::info("node", "The lease of a replica has ended.", {log::field("root", root.to_string())});
    let_go(root);
  }
}

void ReplicaKeeper::write(const ipld::Cid& root, const Kept& kept) {
  const json value{{"asker", kept.replica.asker},
                   {"bytes", kept.replica.bytes},
                   {"until_s", kept.until_s},
                   {"own_pin", kept.own_pin}};
  const Status written = store_.kv_put(kSpace, root.to_string(), value.dump());
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
