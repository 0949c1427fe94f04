// SPDX-License-Identifier: Apache-2.0
#include "peers/replicator.hpp"

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include "accel/core/async/sync_wait.hpp"
#include "accel/core/async/with_timeout.hpp"
#include "accel/core/lock_wait.hpp"
#include "accel/core/log.hpp"
#include "accel/core/random.hpp"
#include "accel/exchange/replica_stream.hpp"
#include "peers/random_leaf.hpp"
#include "peers/source_book.hpp"
#include "peers/swarm.hpp"
#include "unix_time.hpp"

namespace accel::node {
namespace {

using exchange::ReplicaAnswer;
using exchange::ReplicaRequest;
using nlohmann::json;
using Kind = ReplicaRequest::Kind;
using State = ReplicaAnswer::State;

constexpr std::string_view kSpace = "replicas-wanted";
constexpr Duration kAnswerWithin = std::chrono::seconds(15);
constexpr Duration kLookEvery = std::chrono::milliseconds(250);
constexpr std::size_t kLeavesOfNewCopy = 4;
constexpr std::uint32_t kFailuresOut = 2;  // One may be a restart.
constexpr std::size_t kMaxAddresses = 8;
constexpr Duration kForgetPause = std::chrono::milliseconds(100);
constexpr int kForgetTries = 600;

Task<ReplicaAnswer> ask_peer(libp2p::Host* host, ipld::PeerId peer, ReplicaRequest request) {
  std::vector<std::string> protocols{std::string(exchange::kReplicateProtocol)};
  auto opening = host->open(std::move(peer), std::move(protocols));
  auto stream = co_await std::move(opening);
  if (!stream) co_return fail(std::move(stream).error());
  auto asking = exchange::ask_replica(*std::move(stream), std::move(request));
  co_return co_await std::move(asking);
}

}  // namespace

// What one call found out, for its report.
struct Replicator::Round {
  std::stop_token stop;
  OnStep on_step;
  json asked = json::array();
  std::set<std::string> tried;

  void note(const std::string& peer, std::string_view state, const std::string& why) {
    asked.push_back({{"peer", peer}, {"state", state}, {"why", why}});
    if (on_step) on_step({{"phase", "replicate"}, {"peer", peer}, {"state", state}});
  }
};

// A root that somebody is at work on, for as long as this lives.
class Replicator::Busy {
 public:
  Busy(Replicator& owner, const ipld::Cid& root) : owner_(owner), key_(root.to_string()) {
    const std::scoped_lock lock(owner_.mutex_);
    mine_ = owner_.busy_.insert(key_).second;
  }
  ~Busy() {
    if (!mine_) return;
    const std::scoped_lock lock(owner_.mutex_);
    owner_.busy_.erase(key_);
  }
  Busy(const Busy&) = delete;
  Busy& operator=(const Busy&) = delete;
  bool is_mine() const { return mine_; }

 private:
  Replicator& owner_;
  std::string key_;
  bool mine_ = false;
};

Replicator::Replicator(Services& services, blockstore::Store& store, libp2p::Host& host,
                       exchange::Bitswap& bitswap)
    : services_(services), store_(store), host_(host), bitswap_(bitswap) {}

ReplicaRequest Replicator::request_of(const Wanted& wanted, Kind kind) const {
  const auto lease = services_.config().get<std::chrono::milliseconds>("replication.lease");
  return {
      kind, wanted.root, wanted.bytes,
      static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::seconds>(lease).count())};
}

Result<ReplicaAnswer> Replicator::ask(const std::string& peer, ReplicaRequest request,
                                      const std::stop_token& stop) {
  ACCEL_TRY(auto id, ipld::PeerId::parse(peer));
  auto asking = with_timeout(ask_peer(&host_, std::move(id), std::move(request)), kAnswerWithin);
  return sync_wait(services_.io().executor(), std::move(asking), stop);
}

Result<json> Replicator::add(const ipld::Cid& root, std::size_t copies, const std::stop_token& stop,
                             const OnStep& on_step) {
  ACCEL_TRY(const bool is_private, store_.is_private(root));
  if (is_private) {
    return fail(Errc::permission_denied, "{} is private: nobody else may have a copy.", root);
  }
  const Busy busy(*this, root);
  if (!busy.is_mine()) {
    return fail(Errc::unavailable, "{} is being replicated already; try again later.", root);
  }
  ACCEL_TRY(const auto stat, store_.dag_stat({root}, stop));
  Wanted wanted{root, copies, stat.bytes, {}};
  for (Wanted& before : read()) {
    if (before.root == root) wanted.holders = std::move(before.holders);
  }
  Round round{stop, on_step, json::array(), {}};
  check_all(wanted, stop);
  const Status brought = bring(wanted, round);
  // What is there stays wanted, whatever ended the call.
  ACCEL_CHECK(write(wanted));
  ACCEL_CHECK(brought);
  json result = json_of(wanted);
  result["asked"] = std::move(round.asked);
  result["provenance"] = "measured";
  return result;
}

// Rounds of as many peers as copies are missing, until enough hold it or nobody is left.
Status Replicator::bring(Wanted& wanted, Round& round) {
  while (wanted.holders.size() < wanted.copies) {
    if (round.stop.stop_requested()) return fail(Errc::cancelled, "The call was stopped.");
    std::vector<exchange::ReplicaCandidate> judged;
    std::vector<Holder> open = candidates(wanted, round, judged);
    std::vector<std::string> occupied;
    for (const Holder& holder : wanted.holders) {
      if (!holder.addresses.empty()) occupied.push_back(holder.addresses.front());
    }
    std::vector<Holder> chosen;
    for (const auto& place : exchange::place_replicas(judged, wanted.bytes, occupied)) {
      if (chosen.size() + wanted.holders.size() == wanted.copies) break;
      const auto found = std::ranges::find(open, place.peer, &Holder::peer);
      round.note(place.peer, "chosen", fmt::format("score {:.2f}: {}", place.score, place.why));
      round.tried.insert(place.peer);
      chosen.push_back(*found);
    }
    if (chosen.empty()) return {};
    ask_to_hold(wanted, std::move(chosen), round);
  }
  return {};
}

// Connected peers that speak the protocol, would keep it, and were not tried in this call.
std::vector<Replicator::Holder> Replicator::candidates(
    const Wanted& wanted, Round& round, std::vector<exchange::ReplicaCandidate>& judged) {
  std::vector<Holder> open;
  auto looking = look_at(host_);
  const auto seen = sync_wait(services_.io().executor(), std::move(looking), round.stop);
  if (!seen) return open;
  const auto book = known_sources(store_);
  for (const libp2p::ConnectionInfo& connection : seen->connections) {
    Holder holder{connection.peer.to_string(), {}, 0, 0};
    const bool speaks = std::ranges::find(connection.protocols, exchange::kReplicateProtocol) !=
                        connection.protocols.end();
    const bool known =
        round.tried.contains(holder.peer) ||
        std::ranges::find(open, holder.peer, &Holder::peer) != open.end() ||
        std::ranges::find(wanted.holders, holder.peer, &Holder::peer) != wanted.holders.end();
    if (!speaks || known) continue;
    const auto said = ask(holder.peer, request_of(wanted, Kind::offer), round.stop);
    if (!said || said->state == State::refused) {
      round.tried.insert(holder.peer);
      round.note(holder.peer, "refused", said ? said->reason : said.error().message);
      continue;
    }
    if (connection.outbound) holder.addresses.push_back(connection.remote.to_string());
    for (const auto& address : connection.listens) {
      if (holder.addresses.size() < kMaxAddresses) holder.addresses.push_back(address.to_string());
    }
    exchange::ReplicaCandidate candidate{
        holder.peer, connection.remote.to_string(), {}, {}, said->free_bytes};
    if (said->state == State::holding) candidate.free_bytes.reset();  // It needs no more room.
    const auto figures = book->find(exchange::source_key("/p2p/" + holder.peer));
    if (figures != book->end() && figures->second.rate_samples > 0) {
      candidate.bytes_per_second = figures->second.bytes_per_second;
    }
    if (figures != book->end() && figures->second.requests > 0) {
      candidate.failure_share = figures->second.failure_share;
    }
    judged.push_back(std::move(candidate));
    open.push_back(std::move(holder));
  }
  return open;
}

// All at once, so that they fetch from each other as well.
void Replicator::ask_to_hold(Wanted& wanted, std::vector<Holder> chosen, Round& round) {
  std::erase_if(chosen, [&](const Holder& holder) {
    const auto said = ask(holder.peer, request_of(wanted, Kind::hold), round.stop);
    const bool accepted = said && said->state != State::refused && said->state != State::failed;
    if (!accepted) {
      round.note(holder.peer, "refused", said ? said->reason : said.error().message);
    }
    return !accepted;
  });
  for (Holder& holder : chosen) {
    Status held = wait_until_held(wanted, holder, round);
    if (held) held = verify(wanted, holder, kLeavesOfNewCopy, round.stop);
    if (!held) {
      round.note(holder.peer, "failed", held.error().message);
      (void)ask(holder.peer, request_of(wanted, Kind::release), round.stop);
      continue;
    }
    round.note(holder.peer, "verified",
               fmt::format("{} random leaves came and hash to their CIDs", kLeavesOfNewCopy));
    wanted.holders.push_back(holder);
    (void)write(wanted);
  }
}

Status Replicator::wait_until_held(const Wanted& wanted, const Holder& holder, Round& round) {
  exchange::CopyProgress progress(wanted.bytes, services_.clock().now());
  while (true) {
    ACCEL_TRY(const ReplicaAnswer said,
              ask(holder.peer, request_of(wanted, Kind::status), round.stop));
    if (said.state == State::holding) return {};
    if (said.state != State::fetching) return fail(Errc::unavailable, "{}", said.reason);
    ACCEL_CHECK(progress.saw(said.have_bytes, services_.clock().now()));
    if (round.on_step) {
      round.on_step({{"phase", "replicate"},
                     {"peer", holder.peer},
                     {"bytes_done", progress.have_bytes()},
                     {"bytes_total", wanted.bytes}});
    }
    ACCEL_CHECK(pause_for(kLookEvery, round.stop));
  }
}

// The peer does not know which leaves will be asked for; bitswap hashes each where it comes in.
Status Replicator::verify(const Wanted& wanted, Holder& holder, std::size_t leaves,
                          const std::stop_token& stop) {
  ACCEL_TRY(const auto id, ipld::PeerId::parse(holder.peer));
  for (std::size_t i = 0; i < leaves; ++i) {
    ACCEL_TRY(const ipld::Cid leaf, random_leaf(store_, wanted.root, system_random()));
    auto getting = with_timeout(bitswap_.get(id, leaf, stop, {}), kAnswerWithin);
    const auto block = sync_wait(services_.io().executor(), std::move(getting), stop);
    if (!block) {
      return fail(Error{block.error().code,
                        fmt::format("It says that it holds it, but does not give {}: {}", leaf,
                                    block.error().message),
                        {}});
    }
  }
  holder.verified_s = unix_seconds(services_.clock());
  holder.failures = 0;
  return {};
}

void Replicator::reconnect(const Holder& holder, const std::stop_token& stop) {
  for (const std::string& text : holder.addresses) {
    const auto address = ipld::Multiaddr::parse(text);
    const auto peer = ipld::PeerId::parse(holder.peer);
    if (!address || !peer) continue;
    auto connecting = with_timeout(host_.connect(address->with_peer(*peer)), kAnswerWithin);
    if (sync_wait(services_.io().executor(), std::move(connecting), stop)) return;
  }
}

// Asking to hold again makes the lease longer, and fetches again what was lost.
Status Replicator::check(const Wanted& wanted, Holder& holder, const std::stop_token& stop) {
  const auto looking = [&] { return ask(holder.peer, request_of(wanted, Kind::hold), stop); };
  auto said = looking();
  if (!said) {
    reconnect(holder, stop);
    said = looking();
  }
  if (!said) return fail(Error(said.error()));
  if (said->state != State::holding) {
    return fail(Errc::unavailable, "It does not hold it: {}.",
                exchange::replica_state_name(said->state));
  }
  return verify(wanted, holder, 1, stop);
}

void Replicator::look_after(const std::stop_token& stop) {
  for (const Wanted& seen : read()) {
    const Busy busy(*this, seen.root);
    if (!busy.is_mine() || stop.stop_requested()) continue;
    std::optional<Wanted> wanted = find(seen.root);  // It may have been removed meanwhile.
    if (!wanted) continue;
    check_all(*wanted, stop);
    if (stop.stop_requested()) return;
    Round round{stop, {}, json::array(), {}};
    (void)bring(*wanted, round);
    (void)write(*wanted);
  }
}

// Counts checks that failed, and leaves out who has failed too many.
void Replicator::check_all(Wanted& wanted, const std::stop_token& stop) {
  for (Holder& holder : wanted.holders) {
    const Status held = check(wanted, holder, stop);
    if (held || stop.stop_requested()) continue;
    ++holder.failures;
    log::warn("node", "A copy did not answer its check.",
              {log::field("root", wanted.root.to_string()), log::field("peer", holder.peer),
               log::field("failures", holder.failures), log::field("why", held.error().message)});
  }
  std::erase_if(wanted.holders, [&](const Holder& holder) {
    const bool is_out = holder.failures >= kFailuresOut;
    if (is_out) (void)ask(holder.peer, request_of(wanted, Kind::release), stop);
    return is_out;
  });
}

std::optional<Replicator::Wanted> Replicator::find(const ipld::Cid& root) const {
  for (Wanted& wanted : read()) {
    if (wanted.root == root) return std::move(wanted);
  }
  return std::nullopt;
}

Result<json> Replicator::list() const {
  json rows = json::array();
  for (const Wanted& wanted : read()) rows.push_back(json_of(wanted));
  return json{{"replicas", std::move(rows)}};
}

Result<json> Replicator::remove(const ipld::Cid& root, const std::stop_token& stop) {
  // A check that is under way waits for peers that may be gone: for seconds, not for ever.
  auto busy = std::make_unique<Busy>(*this, root);
  for (int tries = 0; !busy->is_mine(); ++tries) {
    if (tries == kForgetTries) {
      return fail(Errc::unavailable, "{} is being replicated; try again later.", root);
    }
    ACCEL_CHECK(pause_for(kForgetPause, stop));
    busy = std::make_unique<Busy>(*this, root);
  }
  for (const Wanted& wanted : read()) {
    if (wanted.root != root) continue;
    std::size_t told = 0;
    for (const Holder& holder : wanted.holders) {
      told += ask(holder.peer, request_of(wanted, Kind::release), stop) ? 1 : 0;
    }
    ACCEL_CHECK(store_.kv_erase(kSpace, root.to_string()));
    return json{{"cid", root.to_string()}, {"holders", wanted.holders.size()}, {"told", told}};
  }
  return fail(Errc::not_found, "No copies of {} are wanted.", root);
}

// Who failed his last check keeps his place, but the copies are not complete then.
json Replicator::json_of(const Wanted& wanted) const {
  json holders = json::array();
  const auto sound = std::ranges::count(wanted.holders, 0U, &Holder::failures);
  const bool complete = std::cmp_greater_equal(sound, wanted.copies);
  for (const Holder& holder : wanted.holders) {
    holders.push_back({{"peer", holder.peer},
                       {"addresses", holder.addresses},
                       {"verified_s", holder.verified_s},
                       {"failures", holder.failures}});
  }
  return {{"cid", wanted.root.to_string()},  {"copies_wanted", wanted.copies},
          {"copies", wanted.holders.size()}, {"complete", complete},
          {"bytes", wanted.bytes},           {"holders", std::move(holders)}};
}

Status Replicator::write(const Wanted& wanted) {
  return store_.kv_put(kSpace, wanted.root.to_string(), json_of(wanted).dump());
}

std::vector<Replicator::Wanted> Replicator::read() const {
  std::vector<Wanted> all;
  const auto stored = store_.kv_list(kSpace);
  if (!stored) return all;
  for (const auto& [text, value] : *stored) {
    const auto root = ipld::Cid::parse(text);
    const json read = json::parse(value, nullptr, false);
    if (!root || !read.is_object()) continue;
    Wanted wanted{*root,
                  read.value("copies_wanted", std::size_t{0}),
                  read.value("bytes", std::uint64_t{0}),
                  {}};
    for (const json& row : read.value("holders", json::array())) {
      wanted.holders.push_back(
          {row.value("peer", ""), row.value("addresses", std::vector<std::string>{}),
           row.value("verified_s", std::int64_t{0}), row.value("failures", 0U)});
    }
    all.push_back(std::move(wanted));
  }
  return all;
}

}  // namespace accel::node
