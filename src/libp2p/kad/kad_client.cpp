// SPDX-License-Identifier: Apache-2.0
// The operations: walks towards a key, and what is sent to who is there.
#include <algorithm>
#include <set>

#include "accel/core/async/with_timeout.hpp"
#include "accel/core/random.hpp"
#include "kad/kad_impl.hpp"

namespace accel::libp2p {
namespace {

using kad::KadId;
using kad::Message;
using kad::MessageType;

constexpr std::size_t kValueQuorum = 16;          // Copies of an IPNS record that are enough.
constexpr std::size_t kMaxRefreshedBuckets = 12;  // Each bit doubles the search for a key.

tl::unexpected<Error> nobody() {
  return fail(Errc::unavailable,
              "The DHT knows no peer here; connect to one, or set swarm.bootstrap.");
}

}  // namespace

struct Kad::Impl::Walk {
  Walk(const Executor& on, const KadId& target, const PeerId& self, kad::QueryRules rules)
      : query(target, self, rules), changed(on) {}

  kad::Query query;
  Message question;
  // False ends the walk. Not called any more once the operation has gone.
  std::function<bool(const KadPeer& from, const Message& answer)> on_answer;
  Signal changed;
  std::size_t answers = 0;
  bool over = false;
};

struct Kad::Impl::Round {
  explicit Round(const Executor& on) : changed(on) {}
  std::size_t left = 0;
  std::size_t taken = 0;
  Signal changed;
};

Kad::Impl::WalkPtr Kad::Impl::begin_walk(MessageType type, const Bytes& key) {
  const KadId target = kad::kad_id_of(key);
  kad::QueryRules rules;
  rules.most_asked = options_.limits.peers_per_query;
  auto begun = std::make_shared<Walk>(executor_, target, host_.id(), rules);
  begun->question = question(type, key);
  begun->query.learn(table_.closest(target, kad::kBucketSize));
  return begun;
}

// What an answer names: with addresses that lead somewhere, or connected already.
std::vector<KadPeer> Kad::Impl::useful_of(const std::vector<KadPeer>& told,
                                          const PeerId& from) const {
  std::vector<KadPeer> out;
  const auto remote = host_.remote_of(from);
  for (const KadPeer& peer : told) {
    KadPeer one{peer.id, filtered(rules_, peer.addresses, remote ? &*remote : nullptr)};
    if (!one.addresses.empty() || is_of_network(peer.id)) out.push_back(std::move(one));
  }
  return out;
}

Task<void> Kad::Impl::ask_one(Self, WalkPtr walk, KadPeer peer) {
  struct Leave {  // Also when the node stops meanwhile.
    Walk& of;
    const PeerId peer;
    ~Leave() {
      of.query.failed(peer);
      of.changed.call();
    }
  };
  const Leave leave{*walk, peer.id};
  count_.asked.add();
  auto asking = requester_.ask(peer, walk->question);
  const auto reply = co_await std::move(asking);
  if (!reply) {
    has_failed(peer.id, reply.error());
    co_return Status{};
  }
  ++walk->answers;
  walk->query.answered(peer.id, useful_of(reply->closer, peer.id));
  has_answered(peer);
  if (walk->over || !walk->on_answer) co_return Status{};
  if (!walk->on_answer(peer, *reply)) walk->over = true;
  co_return Status{};
}

Task<void> Kad::Impl::walk(WalkPtr walk) {
  struct End {  // Requests under way end by themselves.
    Walk& of;
    ~End() {
      of.over = true;
      of.on_answer = nullptr;
    }
  };
  const End end{*walk};
  while (!walk->over) {
    while (auto peer = walk->query.next()) {
      tasks_.spawn(ask_one(shared_from_this(), walk, std::move(*peer)));
    }
    if (walk->query.is_over()) break;
    if (over_) co_return fail(Errc::cancelled, "The node stops.");
    const Status woken = co_await walk->changed.wait();
    ACCEL_CO_CHECK(woken);
  }
  co_return Status{};
}

// Errors: unavailable (nobody to ask, nobody answered), timeout (the same), cancelled.
Task<void> Kad::Impl::walk_in_time(WalkPtr begun) {
  if (table_.size() == 0) co_return nobody();
  auto walking = walk(begun);
  const Status walked = co_await with_timeout(std::move(walking), options_.limits.query_timeout);
  if (!walked && (walked.error().code != Errc::timeout || begun->answers == 0)) co_return walked;
  if (begun->answers == 0) {
    co_return fail(Errc::unavailable, "None of {} peers of the DHT answered.",
                   begun->query.asked());
  }
  co_return Status{};
}

Task<KadReport> Kad::Impl::closest(WalkPtr begun, std::vector<KadPeer>& into) {
  auto walking = walk_in_time(begun);
  const Status walked = co_await std::move(walking);
  ACCEL_CO_CHECK(walked);
  into = begun->query.closest();
  co_return KadReport{into.size(), 0, begun->query.asked()};
}

Task<void> Kad::Impl::send_one(Self, RoundPtr round, KadPeer peer, Message message) {
  struct Leave {
    Round& of;
    ~Leave() {
      --of.left;
      of.changed.call();
    }
  };
  const Leave leave{*round};
  count_.asked.add();
  bool taken = false;
  if (message.type == MessageType::add_provider) {
    auto telling = requester_.tell(peer, std::move(message));
    const Status told = co_await std::move(telling);
    taken = told.has_value();
  } else {
    const Bytes value = message.record ? message.record->value : Bytes();
    auto asking = requester_.ask(peer, std::move(message));
    const auto echo = co_await std::move(asking);
    taken = echo && echo->record && echo->record->value == value;
  }
  if (taken) ++round->taken;
  if (!taken) count_.unanswered.add();
  co_return Status{};
}

Task<std::size_t> Kad::Impl::send_to_all(Self self, std::vector<KadPeer> peers, Message message) {
  const auto round = std::make_shared<Round>(executor_);  // Owners: this, and what it sends.
  round->left = peers.size();
  for (KadPeer& peer : peers) tasks_.spawn(send_one(self, round, std::move(peer), message));
  while (round->left > 0) {
    const Status woken = co_await round->changed.wait();
    ACCEL_CO_CHECK(woken);
  }
  co_return round->taken;
}

Task<KadPeer> Kad::Impl::find_peer(Self, PeerId peer) {
  if (peer == host_.id()) co_return KadPeer{peer, host_.addresses()};
  if (is_of_network(peer)) co_return KadPeer{peer, host_.addresses_of(peer)};
  const auto begun = begin_walk(MessageType::find_node, peer.bytes());
  std::optional<KadPeer> found;
  begun->on_answer = [&](const KadPeer& from, const Message& answer) {
    for (KadPeer& told : useful_of(answer.closer, from.id)) {
      if (told.id == peer && !told.addresses.empty()) found = std::move(told);
    }
    return !found;
  };
  auto walking = walk_in_time(begun);
  const Status walked = co_await std::move(walking);
  ACCEL_CO_CHECK(walked);
  if (!found) co_return fail(Errc::not_found, "No peer of the DHT knows where {} is.", peer);
  co_return std::move(*found);
}

Task<std::size_t> Kad::Impl::find_providers(Self, Bytes key, std::size_t count,
                                            OnProvider on_provider) {
  std::set<PeerId> told{host_.id()};
  bool enough = false;
  const auto tell = [&](const KadPeer& provider) {
    if (enough || !told.insert(provider.id).second) return;
    const bool goes_on = on_provider(provider);
    enough = !goes_on || (count > 0 && told.size() > count);
  };
  for (const KadPeer& kept : providers_.find(key, kad::kMaxProviders, clock_.now())) tell(kept);
  if (enough) co_return told.size() - 1;
  const auto begun = begin_walk(MessageType::get_providers, key);
  begun->on_answer = [&](const KadPeer& from, const Message& answer) {
    const auto remote = host_.remote_of(from.id);
    for (const KadPeer& provider : answer.providers) {
      tell({provider.id, filtered(rules_, provider.addresses, remote ? &*remote : nullptr)});
    }
    return !enough;
  };
  auto walking = walk_in_time(begun);
  const Status walked = co_await std::move(walking);
  if (!walked && told.size() == 1) co_return fail(Error(walked.error()));
  co_return told.size() - 1;
}

Task<KadReport> Kad::Impl::provide(Self self, Bytes key) {
  const KadPeer me{host_.id(), own_addresses()};
  if (me.addresses.empty()) {
    co_return fail(Errc::invalid_argument,
                   "This node has no address that others could use; see listen.swarm.");
  }
  if (options_.serve) providers_.add(key, me, clock_.now());
  std::vector<KadPeer> targets;
  auto searching = closest(begin_walk(MessageType::find_node, key), targets);
  auto report = co_await std::move(searching);
  ACCEL_CO_CHECK(report);
  Message message = question(MessageType::add_provider, key);
  message.providers = {me};
  auto sending = send_to_all(self, std::move(targets), std::move(message));
  const auto stored = co_await std::move(sending);
  ACCEL_CO_CHECK(stored);
  report->stored = *stored;
  if (*stored == 0) {
    co_return fail(Errc::unavailable, "None of {} peers of the DHT took the record.",
                   report->closest);
  }
  co_return *report;
}

Task<KadReport> Kad::Impl::put_value(Self self, Bytes key, Bytes value) {
  ACCEL_CO_CHECK(kad::check_value(key, value, clock_.wall_now()));
  if (options_.serve) ACCEL_CO_CHECK(values_.put(key, value, clock_.now(), clock_.wall_now()));
  std::vector<KadPeer> targets;
  auto searching = closest(begin_walk(MessageType::find_node, key), targets);
  auto report = co_await std::move(searching);
  ACCEL_CO_CHECK(report);
  Message message = question(MessageType::put_value, key);
  message.record = kad::Record{key, std::move(value), {}};
  auto sending = send_to_all(self, std::move(targets), std::move(message));
  const auto stored = co_await std::move(sending);
  ACCEL_CO_CHECK(stored);
  report->stored = *stored;
  if (*stored == 0) {
    co_return fail(Errc::unavailable, "None of {} peers of the DHT took the value.",
                   report->closest);
  }
  co_return *report;
}

Task<std::optional<Bytes>> Kad::Impl::get_value(Self self, Bytes key) {
  std::optional<Bytes> best;
  std::vector<std::pair<KadPeer, Bytes>> had;  // Who has what, to bring it up to date.
  if (auto kept = values_.get(key, clock_.now(), clock_.wall_now())) best = std::move(kept->value);
  const auto begun = begin_walk(MessageType::get_value, key);
  begun->on_answer = [&](const KadPeer& from, const Message& answer) {
    if (!answer.record || answer.record->key != key) return true;
    const Bytes& value = answer.record->value;
    if (!kad::check_value(key, value, clock_.wall_now())) return true;
    if (!best || kad::is_better(key, value, *best)) best = value;
    had.emplace_back(from, value);
    return had.size() < kValueQuorum;
  };
  auto walking = walk_in_time(begun);
  const Status walked = co_await std::move(walking);
  if (!walked && !best) co_return fail(Error(walked.error()));
  if (!best) co_return std::nullopt;
  if (options_.serve) {
    const Status kept = values_.put(key, *best, clock_.now(), clock_.wall_now(), {host_.id(), {}});
    static_cast<void>(kept);  // It is the best that is known.
  }
  const auto round = std::make_shared<Round>(executor_);  // Nobody waits for it.
  Message message = question(MessageType::put_value, key);
  message.record = kad::Record{key, *best, {}};
  for (auto& [peer, value] : had) {
    if (value == *best) continue;
    ++round->left;
    tasks_.spawn(send_one(self, round, std::move(peer), message));
  }
  co_return best;
}

// A key whose id shares exactly `bits` with ours: FIND_NODE carries keys, not ids.
Bytes Kad::Impl::random_key_in_bucket(std::size_t bits) const {
  Bytes key(kad::kIdBytes);
  do {
    system_random().fill(key);
  } while (kad::common_prefix_bits(kad::kad_id_of(key), table_.self()) != bits);
  return key;
}

Task<void> Kad::Impl::refresh(Self) {
  if (table_.size() == 0) co_return Status{};
  auto looking = walk_in_time(begin_walk(MessageType::find_node, host_.id().bytes()));
  const Status looked = co_await std::move(looking);
  ACCEL_CO_CHECK(looked);
  const std::size_t buckets = std::min(table_.bucket_sizes().size(), kMaxRefreshedBuckets);
  for (std::size_t bits = 0; bits < buckets; ++bits) {
    const auto last = looked_up_.find(bits);
    const bool due = last == looked_up_.end() || clock_.now() - last->second >= options_.refresh;
    if (!due || table_.size() <= kad::kBucketSize) continue;  // A small table: all were asked.
    looked_up_[bits] = clock_.now();
    auto walking = walk_in_time(begin_walk(MessageType::find_node, random_key_in_bucket(bits)));
    const Status walked = co_await std::move(walking);
    ACCEL_CO_CHECK(walked);
  }
  for (const PeerId& peer : table_.stale(clock_.now(), options_.limits.checks)) {
    const KadPeer* const known = table_.find(peer);
    if (known == nullptr) continue;
    count_.asked.add();
    auto asking =
        requester_.ask(KadPeer(*known), question(MessageType::find_node, host_.id().bytes()));
    const auto reply = co_await std::move(asking);
    if (reply) table_.useful(peer, clock_.now());
    if (!reply) has_failed(peer, reply.error());
  }
  co_return Status{};
}

}  // namespace accel::libp2p
