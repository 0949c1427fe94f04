// SPDX-License-Identifier: Apache-2.0
// What peers ask of this node, and what it keeps for them.
#include <algorithm>
#include <utility>

#include "accel/core/async/with_timeout.hpp"
#include "kad/kad_impl.hpp"
#include "kad/kept_addresses.hpp"
#include "remote.hpp"

namespace accel::libp2p {
namespace {

using kad::Message;
using kad::MessageType;

constexpr std::size_t kProvidersTold = 100;

using Answer = Result<std::optional<Message>>;

tl::unexpected<Error> bad_request(std::string_view what) {
  return fail(Errc::protocol, "A request of Kademlia was refused: {}.", what);
}

}  // namespace

struct Kad::Impl::Guest {
  Guest(Impl& of, Stream& on, std::string from)
      : host(of), stream(on), peer(on.peer()), origin(std::move(from)) {
    host.guests_.push_back(this);
  }
  ~Guest() { std::erase(host.guests_, this); }
  Guest(const Guest&) = delete;
  Guest& operator=(const Guest&) = delete;
  void waits() { waits_since = host.clock_.now(); }
  Impl& host;
  Stream& stream;
  const PeerId peer;
  const std::string origin;
  SteadyTime waits_since{};  // For the peer: to ask, or to take its answer.
};

// The stream that waits longest, of the newcomer's machine or of all, makes room.
void Kad::Impl::end_longest(const Guest& newcomer, bool of_origin) {
  Guest* longest = nullptr;
  for (Guest* const one : guests_) {
    if (one == &newcomer || (of_origin && one->origin != newcomer.origin)) continue;
    if (longest == nullptr || one->waits_since < longest->waits_since) longest = one;
  }
  if (longest == nullptr) return;
  std::erase(guests_, longest);
  longest->stream.reset();
}

Status Kad::Impl::admit(const Guest& guest) {
  const KadLimits& limits = options_.limits;
  const auto count = [this](auto matches) { return std::ranges::count_if(guests_, matches); };
  const auto of_peer = count([&](const Guest* one) { return one->peer == guest.peer; });
  const auto of_origin = count([&](const Guest* one) { return one->origin == guest.origin; });
  if (over_ || std::cmp_greater(of_peer, limits.streams_per_peer)) {
    return fail(Errc::resource_exhausted, "{} has too many streams of Kademlia.", guest.peer);
  }
  if (std::cmp_greater(of_origin, limits.streams_per_origin)) end_longest(guest, true);
  if (guests_.size() > limits.streams) end_longest(guest, false);
  return {};
}

Task<void> Kad::Impl::serve(Self self, std::unique_ptr<Stream> stream) {
  const PeerId from = stream->peer();
  const auto remote = host_.remote_of(from);
  if (!remote || !belongs(rules_, *remote)) {
    count_.refused.add();
    co_return fail(Errc::permission_denied, "{} is not of the network that is served.", from);
  }
  Guest guest(*self, *stream, origin_of(*remote));
  const Status admitted = admit(guest);
  if (!admitted) count_.refused.add();
  ACCEL_CO_CHECK(admitted);
  const KadLimits& limits = options_.limits;
  FramedReader reader(*stream, kad::kMaxRequestBytes);
  for (std::size_t i = 0; i < limits.requests_per_stream; ++i) {
    guest.waits();
    auto reading = reader.read();
    const auto bytes = co_await with_timeout(std::move(reading), limits.idle);
    ACCEL_CO_CHECK(bytes);
    if (!*bytes) break;
    const Duration pause = requests_.take(guest.origin, clock_.now());
    if (pause > Duration::zero()) {
      count_.delayed.add();
      const Status paused = co_await delay(pause);
      ACCEL_CO_CHECK(paused);
      if (std::ranges::find(guests_, &guest) == guests_.end()) co_return Status{};  // Put out.
    }
    guest.waits();
    auto request = kad::decode(**bytes);
    auto reply = request ? answer(from, std::move(*request)) : Answer(fail(request.error()));
    if (!reply) count_.bad_messages.add();
    ACCEL_CO_CHECK(reply);
    count_.served.add();
    if (!*reply) continue;
    auto writing = write_framed(*stream, kad::encode_reply(std::move(**reply)));
    const Status sent = co_await with_timeout(std::move(writing), limits.request_timeout);
    ACCEL_CO_CHECK(sent);
  }
  co_return co_await stream->close_write();
}

Answer Kad::Impl::answer(const PeerId& from, Message request) {
  switch (request.type) {
    case MessageType::put_value:
      return take_value(from, std::move(request));
    case MessageType::get_value:
      return answer_get_value(from, std::move(request));
    case MessageType::add_provider:
      return take_provider(from, std::move(request));
    case MessageType::get_providers:
      return answer_get_providers(from, std::move(request));
    case MessageType::find_node:
      return answer_find_node(from, std::move(request));
    default:
      return question(MessageType::ping, {});
  }
}

// Nobody is told of addresses that lie nearer to us than himself: he could not use them.
std::vector<Multiaddr> Kad::Impl::told_to(const PeerId& from,
                                          const std::vector<Multiaddr>& addresses) const {
  const auto remote = host_.remote_of(from);
  return filtered(rules_, addresses, remote ? &*remote : nullptr);
}

// Neither who asks nor this node, nor who has no address for him.
std::vector<KadPeer> Kad::Impl::closer_to(const Bytes& key, const PeerId& from) const {
  std::vector<KadPeer> out;
  for (KadPeer& peer : table_.closest(kad::kad_id_of(key), 2 * kad::kBucketSize)) {
    if (peer.id == from || out.size() >= kad::kBucketSize) continue;
    peer.addresses = kad::kept(told_to(from, peer.addresses));
    if (!peer.addresses.empty()) out.push_back(std::move(peer));
  }
  return out;
}

Answer Kad::Impl::answer_find_node(const PeerId& from, Message request) {
  if (request.key.empty()) return bad_request("it names no key");
  Message reply = question(MessageType::find_node, request.key);
  reply.closer = closer_to(request.key, from);
  const auto wanted = PeerId::from_bytes(request.key);
  if (!wanted || *wanted == from) return reply;
  const bool told =
      std::ranges::any_of(reply.closer, [&](const KadPeer& peer) { return peer.id == *wanted; });
  if (*wanted == host_.id()) {
    reply.closer.insert(reply.closer.begin(), {host_.id(), told_to(from, host_.addresses())});
  } else if (!told && is_of_network(*wanted)) {  // A client that is connected here.
    auto addresses = kad::kept(told_to(from, host_.addresses_of(*wanted)));
    reply.closer.insert(reply.closer.begin(), {*wanted, std::move(addresses)});
  }
  return reply;
}

Answer Kad::Impl::answer_get_providers(const PeerId& from, Message request) {
  if (request.key.empty() || request.key.size() > kad::kMaxProvidedKeyBytes) {
    return bad_request("its key is no multihash");
  }
  Message reply = question(MessageType::get_providers, request.key);
  reply.closer = closer_to(request.key, from);
  reply.providers = providers_.find(request.key, kProvidersTold, clock_.now());
  for (KadPeer& provider : reply.providers) {
    const bool own = provider.id == host_.id();
    provider.addresses = told_to(from, own ? host_.addresses() : provider.addresses);
  }
  return reply;
}

Answer Kad::Impl::take_provider(const PeerId& from, Message request) {
  const bool is_hash = request.key.size() <= kad::kMaxProvidedKeyBytes &&
                       ipld::Multihash::from_bytes(request.key).has_value();
  if (!is_hash) return bad_request("what is provided is no multihash");
  bool taken = false;
  for (KadPeer& provider : request.providers) {
    if (provider.id != from) continue;  // Nobody speaks for others.
    provider.addresses = kad::kept(told_to(from, provider.addresses));
    if (provider.addresses.empty()) continue;
    taken = providers_.add(request.key, provider, clock_.now(), group_of(from)) || taken;
  }
  if (!taken) return bad_request("nobody who could be reached provides for himself");
  return std::optional<Message>();  // As go-libp2p: the end of the stream is the answer.
}

Answer Kad::Impl::take_value(const PeerId& from, Message request) {
  if (!request.record || request.record->key != request.key) {
    return bad_request("its record has another key");
  }
  const Bytes value = request.record->value;
  ACCEL_CHECK(
      values_.put(request.key, value, clock_.now(), clock_.wall_now(), {from, group_of(from)}));
  return std::optional<Message>(std::move(request));
}

Answer Kad::Impl::answer_get_value(const PeerId& from, Message request) {
  if (request.key.empty()) return bad_request("it names no key");
  Message reply = question(MessageType::get_value, request.key);
  reply.closer = closer_to(request.key, from);
  if (auto kept = values_.get(request.key, clock_.now(), clock_.wall_now())) {
    reply.record = kad::Record{request.key, std::move(kept->value), to_rfc3339(kept->received)};
  }
  return reply;
}

}  // namespace accel::libp2p
