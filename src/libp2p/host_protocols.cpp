// SPDX-License-Identifier: Apache-2.0
// identify, identify/push and ping. Specs: libp2p/specs identify/README.md, ping/ping.md.
#include <algorithm>
#include <array>

#include "accel/core/async/with_timeout.hpp"
#include "accel/core/clock.hpp"
#include "accel/core/log.hpp"
#include "accel/core/random.hpp"
#include "accel/libp2p/framed.hpp"
#include "host_impl.hpp"
#include "identity.hpp"

namespace accel::libp2p {
namespace {

constexpr std::size_t kPingBytes = 32;
constexpr std::chrono::seconds kPingIdle{60};        // As go-libp2p; then the stream is given up.
constexpr std::chrono::milliseconds kPushDelay{50};  // Several handlers come at once.
constexpr std::string_view kProtocolVersion = "ipfs/0.1.0";

using PingBytes = std::array<std::uint8_t, kPingBytes>;

// False: the peer has closed before the first byte.
Task<bool> read_ping(Stream& stream, PingBytes& into) {
  std::size_t have = 0;
  while (have < into.size()) {
    const auto rest = std::as_writable_bytes(std::span(into).subspan(have));
    const auto read = co_await stream.read_some(rest);
    ACCEL_CO_CHECK(read);
    if (*read == 0 && have == 0) co_return false;
    if (*read == 0) co_return fail(Errc::protocol, "The peer closed its stream inside a ping.");
    have += *read;
  }
  co_return true;
}

Task<Duration> ping_once(Stream& stream) {
  PingBytes sent{};
  PingBytes echo{};
  system_random().fill(sent);
  const SteadyTime began = system_clock().now();
  const Status wrote = co_await stream.write_all(sent);
  ACCEL_CO_CHECK(wrote);
  const auto read = co_await read_ping(stream, echo);
  ACCEL_CO_CHECK(read);
  if (!*read || echo != sent) co_return fail(Errc::protocol, "The peer echoed other bytes.");
  co_return system_clock().now() - began;
}

Task<void> read_messages(Stream& stream, IdentifyMessage& into) {
  FramedReader reader(stream, kMaxIdentifyBytes);
  for (std::size_t i = 0; i < kMaxIdentifyMessages; ++i) {
    const auto part = co_await reader.read();
    ACCEL_CO_CHECK(part);
    if (!*part) co_return Status{};
    ACCEL_CO_CHECK(merge_identify(**part, into));
  }
  co_return Status{};
}

}  // namespace

IdentifyMessage Host::Impl::introduction(const Multiaddr& seen) const {
  IdentifyMessage message;
  message.public_key = public_key_protobuf(key);
  message.listens = listens;
  for (const std::string_view name : {kIdentifyProtocol, kIdentifyPushProtocol, kPingProtocol}) {
    message.protocols.emplace_back(name);
  }
  for (const auto& [name, handler] : handlers) message.protocols.push_back(name);
  message.observed = seen;
  message.protocol_version = kProtocolVersion;
  message.agent = options.agent;
  return message;
}

Task<void> Host::Impl::introduce(ConnectionPtr connection, std::unique_ptr<Stream> stream) {
  auto message = encode_identify(introduction(connection->remote()));
  auto writing = write_framed(*stream, std::move(message));
  const Status sent = co_await with_timeout(std::move(writing), options.limits.negotiation_timeout);
  ACCEL_CO_CHECK(sent);
  co_return co_await stream->close_write();
}

Task<void> Host::Impl::read_introduction(ConnectionPtr connection, std::unique_ptr<Stream> stream) {
  IdentifyMessage message;
  auto reading = read_messages(*stream, message);
  const Status read = co_await with_timeout(std::move(reading), options.limits.negotiation_timeout);
  ACCEL_CO_CHECK(read);
  if (message.public_key && PeerId::of_public_key(*message.public_key) != connection->peer()) {
    co_return fail(Errc::protocol, "A peer introduces itself with the key of another.");
  }
  auto& told = connection->introduction();
  told.agent = message.agent.empty() ? told.agent : message.agent;
  told.protocols = std::move(message.protocols);
  told.listens = std::move(message.listens);
  take_told(*connection, told.listens);
  for (const auto& observer : identified) observer(connection->peer(), told.protocols);
  co_return Status{};
}

Task<void> Host::Impl::identify(std::shared_ptr<Impl> self, ConnectionPtr connection) {
  std::vector<std::string> protocols{std::string(kIdentifyProtocol)};
  auto stream = co_await connection->open(std::move(protocols));
  if (!stream) co_return Status{};
  const Status closed = co_await (*stream)->close_write();
  ACCEL_CO_CHECK(closed);
  const Status read = co_await self->read_introduction(connection, std::move(*stream));
  if (!read) {
    log::debug("libp2p", read.error().to_string(),
               {log::field("peer", connection->peer().to_string())});
  }
  co_return Status{};
}

void Host::Impl::protocols_changed() {
  if (stopped || connections.empty() || std::exchange(push_planned, true)) return;
  tasks.spawn(push_later(shared_from_this()));
}

Task<void> Host::Impl::push_later(std::shared_ptr<Impl> self) {
  const Status waited = co_await delay(kPushDelay);
  ACCEL_CO_CHECK(waited);
  push_planned = false;
  for (const auto& [peer, held] : connections) {
    for (const auto& connection : held) {
      const auto& speaks = connection->introduction().protocols;
      if (std::ranges::find(speaks, kIdentifyPushProtocol) != speaks.end()) {
        connection->spawn(push(self, connection));
      }
    }
  }
  co_return Status{};
}

Task<void> Host::Impl::push(std::shared_ptr<Impl> self, ConnectionPtr connection) {
  std::vector<std::string> protocols{std::string(kIdentifyPushProtocol)};
  auto stream = co_await connection->open(std::move(protocols));
  if (!stream) co_return Status{};
  co_return co_await self->introduce(connection, std::move(*stream));
}

Task<void> Host::Impl::answer_pings(std::unique_ptr<Stream> stream) {
  for (;;) {
    PingBytes bytes{};
    auto reading = read_ping(*stream, bytes);
    const auto read = co_await with_timeout(std::move(reading), kPingIdle);
    ACCEL_CO_CHECK(read);
    if (!*read) break;
    auto writing = stream->write_all(bytes);
    const Status sent =
        co_await with_timeout(std::move(writing), options.limits.negotiation_timeout);
    ACCEL_CO_CHECK(sent);
  }
  co_return co_await stream->close_write();
}

Task<Duration> Host::Impl::ping(std::shared_ptr<Impl> self, PeerId peer) {
  if (best(peer) == nullptr) {
    const Status reached = co_await reach(self, peer);
    ACCEL_CO_CHECK(reached);
  }
  const auto connection = best(peer);
  if (connection == nullptr) co_return fail(Errc::unavailable, "{} has gone.", peer);
  std::vector<std::string> protocols{std::string(kPingProtocol)};
  auto stream = co_await connection->open(std::move(protocols));
  if (!stream) co_return fail(std::move(stream.error()));
  auto pinging = ping_once(**stream);
  const auto took = co_await with_timeout(std::move(pinging), options.limits.negotiation_timeout);
  ACCEL_CO_CHECK(took);
  const Status closed = co_await (*stream)->close_write();
  static_cast<void>(closed);
  co_return *took;
}

}  // namespace accel::libp2p
