// SPDX-License-Identifier: Apache-2.0
// The routing table's upkeep: who comes in, who is doubted, when buckets are looked at.
#include "accel/libp2p/kad.hpp"

#include <algorithm>

#include "accel/core/async/with_timeout.hpp"
#include "accel/core/log.hpp"
#include "kad/kad_impl.hpp"

namespace accel::libp2p {
namespace {

using kad::Message;
using kad::MessageType;

// Counted when it is spawned: many may be before the first one begins.
struct Checked {
  std::size_t& under_way;
  ~Checked() { --under_way; }
};

constexpr std::chrono::milliseconds kSettle{200};  // Several peers come at once.
constexpr std::size_t kMostWaiting = 1024;         // Newcomers; the next upkeep finds the rest.
// A machine of a LAN may hold half a bucket; loopback has no limits.
constexpr std::size_t kLanGroupInBucket = kad::kBucketSize / 2;
constexpr std::size_t kLanGroupInTable = 60;
constexpr std::size_t kMostOdd = 1024;

kad::TableRules table_rules(const KadOptions& options) {
  kad::TableRules rules;
  rules.fresh = options.refresh;
  if (options.network == KadNetwork::lan) {
    rules.group_in_bucket = kLanGroupInBucket;
    rules.group_in_table = kLanGroupInTable;
  }
  return rules;
}

std::string protocol_of(KadNetwork network) {
  return std::string(network == KadNetwork::lan ? kLanKadProtocol : kWanKadProtocol);
}

}  // namespace

Kad::Impl::Counters Kad::Impl::counters(Metrics& metrics, KadNetwork network) {
  const Labels labels{{"network", network == KadNetwork::lan ? "lan" : "wan"}};
  return {metrics.counter("accel_kad_asked_total", "Requests to peers of the DHT", labels),
          metrics.counter("accel_kad_unanswered_total", "Of these without a valid answer", labels),
          metrics.counter("accel_kad_served_total", "Requests of peers that were answered", labels),
          metrics.counter("accel_kad_bad_messages_total", "Requests that broke a rule", labels),
          metrics.counter("accel_kad_refused_total", "Streams of peers above a limit", labels),
          metrics.counter("accel_kad_delayed_total", "Requests of machines that ask too often",
                          labels)};
}

Kad::Impl::Impl(Executor executor, Host& host, const Clock& clock, Metrics& metrics,
                KadOptions options)
    : executor_(std::move(executor)),
      host_(host),
      clock_(clock),
      options_(options),
      protocol_(protocol_of(options.network)),
      rules_{options.network == KadNetwork::wan, options.loopback},
      count_(counters(metrics, options.network)),
      table_(host.id(), table_rules(options)),
      providers_({}, host.id()),
      values_(table_.self()),
      requester_(host, clock, protocol_, options.limits.request_timeout),
      wake_(executor_),
      tasks_(executor_, "kad") {
  if (options_.network == KadNetwork::wan) options_.serve = false;
}

void Kad::Impl::attach() {
  const auto self = shared_from_this();
  if (options_.serve) {
    host_.handle(protocol_, [self](std::unique_ptr<Stream> stream) {
      return self->serve(self, std::move(stream));
    });
  }
  host_.on_identified([self](const PeerId& peer, const std::vector<std::string>& protocols) {
    self->greet(peer, protocols);
  });
  host_.on_disconnected([self](const PeerId& peer) { self->requester_.forget(peer); });
  tasks_.spawn(look_after(self));
}

Task<void> Kad::Impl::look_after(Self self) {
  SteadyTime refreshed = clock_.now();
  while (!over_) {
    greet_connected();
    auto waiting = wake_.wait();
    const Status woken = co_await with_timeout(std::move(waiting), options_.upkeep);
    if (!woken && woken.error().code != Errc::timeout) co_return Status{};
    providers_.expire(clock_.now());
    values_.expire(clock_.now());
    requests_.forget(clock_.now());
    requester_.forget_idle();
    const bool due = clock_.now() - refreshed >= options_.refresh;
    if (!due && !refresh_soon_) continue;
    const Status settled = co_await delay(kSettle);
    ACCEL_CO_CHECK(settled);
    refresh_soon_ = false;
    refreshed = clock_.now();
    auto refreshing = refresh(self);
    const Status done = co_await std::move(refreshing);
    if (!done) log::debug("kad", done.error().to_string());
  }
  co_return Status{};
}

bool Kad::Impl::is_of_network(const PeerId& peer) const {
  const auto remote = host_.remote_of(peer);
  return remote && belongs(rules_, *remote);
}

std::string Kad::Impl::group_of(const PeerId& peer) const {
  const auto remote = host_.remote_of(peer);
  return remote ? libp2p::group_of(rules_, *remote) : "elsewhere";
}

std::vector<Multiaddr> Kad::Impl::own_addresses() const {
  return filtered(rules_, host_.addresses());
}

Message Kad::Impl::question(MessageType type, Bytes key) const {
  Message message;
  message.type = type;
  message.key = std::move(key);
  return message;
}

// Whoever says that he serves is asked before he is believed.
void Kad::Impl::greet(const PeerId& peer, const std::vector<std::string>& protocols) {
  if (over_ || protocols.empty()) return;  // What he speaks is not known yet.
  if (std::ranges::find(protocols, protocol_) == protocols.end()) {
    table_.remove(peer);
    return;
  }
  if (!table_.contains(peer) && is_of_network(peer)) line_up(peer);
}

void Kad::Impl::line_up(const PeerId& peer) {
  const bool is_new = newcomers_.size() < kMostWaiting && newcomers_.insert(peer).second;
  if (is_new) waiting_.push_back(peer);
  if (waiting_.empty() || checks_ >= options_.limits.checks) return;
  ++checks_;
  tasks_.spawn(check(shared_from_this()));
}

// Who failed once, or found the table full, stays connected and may be let in later.
void Kad::Impl::greet_connected() {
  for (const auto& connection : host_.connections()) {
    const PeerId& peer = connection.peer;
    if (!table_.has_room(peer, group_of(peer), clock_.now())) continue;
    greet(peer, connection.protocols);
  }
}

// Newcomers, and those who failed once, one after another.
Task<void> Kad::Impl::check(Self) {
  const Checked checked{checks_};
  while (!waiting_.empty() && !over_) {
    const PeerId peer = waiting_.front();
    waiting_.pop_front();
    if (is_of_network(peer)) {  // Still connected.
      count_.asked.add();
      const Message near_us = question(MessageType::find_node, host_.id().bytes());
      auto asking = requester_.ask({peer, {}}, near_us);
      const auto reply = co_await std::move(asking);
      if (reply) has_answered({peer, {}});
      if (!reply) count_.unanswered.add();
      if (!reply && odd_.contains(peer)) table_.remove(peer);
    }
    odd_.erase(peer);
    newcomers_.erase(peer);
  }
  co_return Status{};
}

void Kad::Impl::has_answered(KadPeer peer) {
  odd_.erase(peer.id);
  if (over_ || !is_of_network(peer.id)) return;
  auto known = filtered(rules_, host_.addresses_of(peer.id));
  if (!known.empty()) peer.addresses = std::move(known);
  act_on(table_.offer(peer, group_of(peer.id), clock_.now()), peer);
}

void Kad::Impl::act_on(const kad::Offered& offered, const KadPeer& newcomer) {
  if (offered.verdict == kad::Verdict::added && table_.size() <= kad::kBucketSize) {
    refresh_soon_ = true;  // A small table changes with everybody who comes.
    wake_.call();
  }
  if (offered.verdict != kad::Verdict::doubtful || checks_ >= options_.limits.checks) return;
  ++checks_;
  tasks_.spawn(doubt(shared_from_this(), *offered.suspect, newcomer));
}

Task<void> Kad::Impl::doubt(Self, PeerId suspect, KadPeer newcomer) {
  const Checked checked{checks_};
  const KadPeer* const known = table_.find(suspect);
  if (known == nullptr) co_return Status{};
  count_.asked.add();
  auto asking =
      requester_.ask(KadPeer(*known), question(MessageType::find_node, host_.id().bytes()));
  const auto reply = co_await std::move(asking);
  if (reply) {
    table_.useful(suspect, clock_.now());
    co_return Status{};
  }
  count_.unanswered.add();
  table_.take_place(suspect, newcomer, group_of(newcomer.id), clock_.now());
  co_return Status{};
}

void Kad::Impl::has_failed(const PeerId& peer, const Error& error) {
  count_.unanswered.add();
  if (over_ || error.code == Errc::cancelled || error.code == Errc::resource_exhausted) return;
  // It may be chance: of two dials at once one connection ends, with what was asked over it. Who is
  // there still is asked again at once, and goes when he fails that, too.
  if (host_.remote_of(peer) && odd_.size() < kMostOdd && odd_.insert(peer).second) {
    return line_up(peer);
  }
  odd_.erase(peer);
  table_.remove(peer);
}

KadStat Kad::Impl::stat() const {
  return {table_.size(),        table_.bucket_sizes(), providers_.keys(),
          providers_.records(), values_.size(),        table_.refused()};
}

Task<void> Kad::Impl::shutdown() {
  over_ = true;
  tasks_.cancel();
  const Status joined = co_await tasks_.join();
  static_cast<void>(joined);  // Its tasks have logged their errors.
  co_return Status{};
}

namespace {

template <class T>
Task<T> stoppable(Task<T> task, std::stop_token stop) {
  co_return co_await with_stop(std::move(task), std::move(stop));
}

}  // namespace

Kad::Kad(Executor executor, Host& host, const Clock& clock, Metrics& metrics, KadOptions options)
    : impl_(std::make_shared<Impl>(std::move(executor), host, clock, metrics, options)) {}

Kad::~Kad() = default;

void Kad::attach() { impl_->attach(); }

Task<KadPeer> Kad::find_peer(PeerId peer, std::stop_token stop) {
  return stoppable(impl_->find_peer(impl_, std::move(peer)), std::move(stop));
}

Task<std::size_t> Kad::find_providers(ipld::Multihash key, std::size_t count,
                                      OnProvider on_provider, std::stop_token stop) {
  return stoppable(impl_->find_providers(impl_, key.bytes(), count, std::move(on_provider)),
                   std::move(stop));
}

Task<KadReport> Kad::provide(ipld::Multihash key, std::stop_token stop) {
  return stoppable(impl_->provide(impl_, key.bytes()), std::move(stop));
}

Task<KadReport> Kad::put_value(Bytes key, Bytes value, std::stop_token stop) {
  return stoppable(impl_->put_value(impl_, std::move(key), std::move(value)), std::move(stop));
}

Task<std::optional<Bytes>> Kad::get_value(Bytes key, std::stop_token stop) {
  return stoppable(impl_->get_value(impl_, std::move(key)), std::move(stop));
}

Task<void> Kad::refresh(std::stop_token stop) {
  return stoppable(impl_->refresh(impl_), std::move(stop));
}

KadStat Kad::stat() const { return impl_->stat(); }

Task<void> Kad::shutdown() { return impl_->shutdown(); }

}  // namespace accel::libp2p
