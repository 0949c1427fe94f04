// SPDX-License-Identifier: Apache-2.0
// What peers ask of this node, and what it keeps for them.
#include <algorithm>

#include "accel/core/async/with_timeout.hpp"
#include "kad/kad_impl.hpp"

namespace accel::libp2p {
namespace {

constexpr std::size_t kMostAddresses = 8;  // Kept of one provider.
constexpr std::size_t kMostAddressBytes = 128;

using kad::Message;
using kad::MessageType;

constexpr std::size_t kProvidersTold = 100;

using Answer = Result<std::optional<Message>>;

tl::unexpected<Error> bad_request(std::string_view what) {
  return fail(Errc::protocol, "A request of Kademlia was refused: {}.", what);
}

}  // namespace

struct Kad::Impl::Guest {
  Guest(Impl& of, PeerId from) : host(of), peer(std::move(from)) {
    ++host.guests_[peer];
    ++host.guests_total_;
  }
  ~Guest() {
    --host.guests_total_;
    const auto mine = host.guests_.find(peer);
    if (--mine->second == 0) host.guests_.erase(mine);
  }
  Guest(const Guest&) = delete;
  Guest& operator=(const Guest&) = delete;
  Impl& host;
  const PeerId peer;
};

Task<void> Kad::Impl::serve(Self self, std::unique_ptr<Stream> stream) {
  const PeerId from = stream->peer();
  const Guest guest(*self, from);
  const KadLimits& limits = options_.limits;
  if (over_ || guests_[from] > limits.streams_per_peer || guests_total_ > limits.streams) {
    count_.refused.add();
    co_return fail(Errc::resource_exhausted, "{} has too many streams of Kademlia.", from);
  }
  if (!is_of_network(from)) {
    count_.refused.add();
    co_return fail(Errc::permission_denied, "{} is not of the network that is served.", from);
  }
  FramedReader reader(*stream, kad::kMaxRequestBytes);
  for (std::size_t i = 0; i < limits.requests_per_stream; ++i) {
    auto reading = reader.read();
    const auto bytes = co_await with_timeout(std::move(reading), limits.idle);
    ACCEL_CO_CHECK(bytes);
    if (!*bytes) break;
    auto request = kad::decode(**bytes);
    auto reply = request ? answer(from, std::move(*request)) : Answer(fail(request.error()));
    if (!reply) count_.bad_messages.add();
    ACCEL_CO_CHECK(reply);
    count_.served.add();
    if (!*reply) continue;
    auto writing = write_framed(*stream, kad::encode(**reply));
    const Status sent = co_await with_timeout(std::move(writing), limits.request_timeout);
    ACCEL_CO_CHECK(sent);
  }
  co_return co_await stream->close_write();
}

Answer Kad::Impl::answer(const PeerId& from, Message request) {
  switch (request.type) {
    case MessageType::put_value:
      return take_value(std::move(request));
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

// Neither who asks nor this node; nobody is told of addresses of this machine who is not on it.
std::vector<KadPeer> Kad::Impl::closer_to(const Bytes& key, const PeerId& from) const {
  std::vector<KadPeer> out;
  for (KadPeer& peer : table_.closest(kad::kad_id_of(key), kad::kBucketSize + 1)) {
    if (peer.id != from && out.size() < kad::kBucketSize) out.push_back(std::move(peer));
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
    reply.closer.insert(reply.closer.begin(), {host_.id(), own_addresses()});
  } else if (!told && is_of_network(*wanted)) {  // A client that is connected here.
    auto addresses = kad::filtered(rules_, host_.addresses_of(*wanted));
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
    if (provider.id == host_.id()) provider.addresses = own_addresses();
  }
  return reply;
}

Answer Kad::Impl::take_provider(const PeerId& from, Message request) {
  const bool is_hash = request.key.size() <= kad::kMaxProvidedKeyBytes &&
                       ipld::Multihash::from_bytes(request.key).has_value();
  if (!is_hash) return bad_request("what is provided is no multihash");
  const auto remote = host_.remote_of(from);
  bool taken = false;
  for (KadPeer& provider : request.providers) {
    if (provider.id != from) continue;  // Nobody speaks for others.
    provider.addresses = kad::filtered(rules_, provider.addresses, remote ? &*remote : nullptr);
    // What is kept for strangers is told to others: plain addresses, and few of them.
    std::erase_if(provider.addresses,
                  [](const Multiaddr& one) { return one.bytes().size() > kMostAddressBytes; });
    if (provider.addresses.empty()) continue;
    provider.addresses.resize(std::min(provider.addresses.size(), kMostAddresses));
    taken = providers_.add(request.key, provider, clock_.now()) || taken;
  }
  if (!taken) return bad_request("nobody who could be reached provides for himself");
  return std::optional<Message>();  // As go-libp2p: the end of the stream is the answer.
}

Answer Kad::Impl::take_value(Message request) {
  if (!request.record || request.record->key != request.key) {
    return bad_request("its record has another key");
  }
  const Bytes value = request.record->value;
  ACCEL_CHECK(values_.put(request.key, value, clock_.now(), clock_.wall_now()));
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
