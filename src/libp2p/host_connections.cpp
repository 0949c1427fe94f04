// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "accel/core/async/with_timeout.hpp"
#include "accel/core/log.hpp"
#include "accel/core/random.hpp"
#include "count_one.hpp"
#include "host_impl.hpp"
#include "remote.hpp"

namespace accel::libp2p {
namespace {

// Of one connection at a time; identify and its push together.
constexpr std::size_t kMaxOwnStreams = 2;

}  // namespace

std::size_t Host::Impl::count() const {
  std::size_t total = dialing + handshakes;
  for (const auto& [peer, held] : connections) {
    total += static_cast<std::size_t>(
        std::ranges::count_if(held, [](const auto& one) { return !one->closed(); }));
  }
  return total;
}

// Whoever lets most lie unread loses it, not who happens to send next.
void Host::Impl::reset_largest_stream(std::size_t at_least) {
  ConnectionPtr holder;
  YamuxSession::Holder most;
  for (const auto& [peer, held] : connections) {
    for (const auto& connection : held) {
      const auto here = connection->largest_stream();
      if (here.bytes <= most.bytes) continue;
      most = here;
      holder = connection;
    }
  }
  if (holder != nullptr && most.bytes >= at_least) holder->evict(most.stream);
}

// Who connects and says nothing is not waited for long.
Task<void> Host::Impl::enter_websocket(Link& link, Way way) {
  if (way.outbound) {
    auto dialing_now = link.dial_websocket(std::move(way.host));
    co_return co_await std::move(dialing_now);
  }
  auto accepting = link.accept_websocket();
  co_return co_await with_timeout(std::move(accepting), options.limits.first_bytes_timeout);
}

Task<Host::Impl::ConnectionPtr> Host::Impl::secure(Tcp::socket socket, Way way) {
  Link link(std::move(socket));
  const auto target = stream_target(way.remote);
  if (target && target->websocket) {
    auto entering = enter_websocket(link, way);
    const Status entered = co_await std::move(entering);
    ACCEL_CO_CHECK(entered);
  }
  if (options.swarm_key) link.make_private(*options.swarm_key, system_random());
  UpgradeOptions wanted{way.outbound, key, {}, std::move(way.expected), options.security, {}};
  if (std::ranges::find(options.security, Security::tls) != options.security.end()) {
    if (!tls) {
      ACCEL_CO_TRY(tls, make_tls_context(key));
    }
    wanted.tls = tls;
  }
  if (!way.outbound) wanted.first_bytes = options.limits.first_bytes_timeout;
  Result<Upgraded> upgraded = co_await upgrade(link, std::move(wanted), system_random());
  if (!upgraded) {
    Error error = std::move(upgraded.error());
    if (options.swarm_key) {
      error.message += " This node is of a private swarm (swarm.psk): the peer must have its key.";
    } else if (way.outbound && error.code == Errc::unavailable) {
      error.message += " It may be of a private swarm, or not allow this node.";
    }
    co_return fail(std::move(error));
  }
  ConnectionOptions with{executor,     &options.limits,      &budget, &counters, &inbound_streams,
                         way.outbound, std::move(way.remote)};
  auto made = std::make_unique<Connection>(std::move(with), std::move(link), std::move(*upgraded));
  // A stream that somebody keeps holds its connection, and that what its pointers lead to: here.
  const auto destroy = [self = shared_from_this()](Connection* connection) { delete connection; };
  co_return ConnectionPtr(made.release(), destroy);
}

Status Host::Impl::gate(const PeerId& peer) const {
  const bool denied = std::ranges::find(options.deny, peer) != options.deny.end();
  const bool allowed =
      options.allow.empty() || std::ranges::find(options.allow, peer) != options.allow.end();
  if (denied || !allowed) {
    return fail(Errc::permission_denied, "{} is not allowed here; see swarm.deny and swarm.allow.",
                peer);
  }
  return {};
}

Result<Host::Impl::ConnectionPtr> Host::Impl::admit(ConnectionPtr connection) {
  const PeerId& peer = connection->peer();
  if (stopped) return fail(Errc::cancelled, "The node stops.");
  if (peer == id) return fail(Errc::invalid_argument, "That is this node itself.");
  ACCEL_CHECK(gate(peer));
  auto& held = connections[peer];
  if (held.size() >= options.limits.connections_per_peer) {
    return fail(Errc::resource_exhausted, "{} has {} connections already.", peer, held.size());
  }
  held.push_back(connection);
  tasks.spawn(keep(shared_from_this(), connection));
  return connection;
}

Task<void> Host::Impl::keep(std::shared_ptr<Impl> self, ConnectionPtr connection) {
  struct Forget {
    Impl& host;
    const ConnectionPtr& held;
    ~Forget() { host.forget(held); }
  };
  const Forget at_the_end{*self, connection};
  Connection::Services services;
  services.supports = [self](const std::string& protocol) {
    return protocol == kIdentifyProtocol || protocol == kIdentifyPushProtocol ||
           protocol == kPingProtocol || self->handlers.contains(protocol);
  };
  services.serve = [self](ConnectionPtr from, std::unique_ptr<Stream> stream) {
    return self->serve(std::move(from), std::move(stream));
  };
  connection->spawn(identify(self, connection));
  const Status ended = co_await connection->run(std::move(services));
  static_cast<void>(ended);  // Its tasks have logged their errors.
  co_return Status{};
}

void Host::Impl::forget(const ConnectionPtr& connection) {
  connection->close();
  const auto found = connections.find(connection->peer());
  if (found == connections.end()) return;
  std::erase(found->second, connection);
  if (!found->second.empty()) return;
  const PeerId peer = found->first;
  connections.erase(found);
  for (const auto& observer : disconnected) observer(peer);
}

Host::Impl::ConnectionPtr Host::Impl::best(const PeerId& peer) const {
  const auto found = connections.find(peer);
  if (found == connections.end()) return nullptr;
  for (const auto& connection : found->second) {
    if (!connection->closed()) return connection;
  }
  return nullptr;
}

Task<void> Host::Impl::serve_own(ConnectionPtr connection, std::unique_ptr<Stream> stream) {
  const std::string& protocol = stream->protocol();
  if (protocol == kIdentifyProtocol) {
    co_return co_await introduce(std::move(connection), std::move(stream));
  }
  if (protocol == kIdentifyPushProtocol) {
    co_return co_await read_introduction(std::move(connection), std::move(stream));
  }
  co_return co_await answer_pings(std::move(stream));
}

Task<void> Host::Impl::serve(ConnectionPtr connection, std::unique_ptr<Stream> stream) {
  const std::string protocol = stream->protocol();
  const bool introduces = protocol == kIdentifyProtocol || protocol == kIdentifyPushProtocol;
  if (introduces || protocol == kPingProtocol) {
    auto& serving = connection->serving();
    std::size_t& under_way = introduces ? serving.introductions : serving.pings;
    if (under_way >= kMaxOwnStreams) co_return Status{};  // The stream is reset as it goes.
    const CountOne one(under_way);
    auto own = serve_own(connection, std::move(stream));
    co_return co_await std::move(own);
  }
  const auto found = handlers.find(protocol);
  if (found == handlers.end()) co_return Status{};
  const Handler handler = found->second;  // It may be removed meanwhile.
  auto served = handler(std::move(stream));
  co_return co_await std::move(served);
}

}  // namespace accel::libp2p
