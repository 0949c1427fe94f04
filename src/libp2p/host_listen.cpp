// SPDX-License-Identifier: Apache-2.0
#include <ifaddrs.h>
#include <sys/socket.h>

#include <boost/asio/ip/v6_only.hpp>
#include <cstring>

#include "accel/core/async/with_timeout.hpp"
#include "accel/core/clock.hpp"
#include "accel/core/log.hpp"
#include "host_impl.hpp"
#include "remote.hpp"

namespace accel::libp2p {
namespace {

using Tcp = asio::ip::tcp;

constexpr int kBacklog = 1024;
constexpr std::chrono::milliseconds kPauseAfterError{100};  // Mostly too many open files.

Multiaddr address_of(const Tcp::endpoint& endpoint) {
  asio::ip::address ip = endpoint.address();
  if (ip.is_v6() && ip.to_v6().is_v4_mapped()) {
    ip = asio::ip::make_address_v4(asio::ip::v4_mapped, ip.to_v6());
  }
  if (ip.is_v6()) ip = asio::ip::address_v6(ip.to_v6().to_bytes());  // Without its zone.
  return Multiaddr::of_tcp(ip.to_string(), endpoint.port()).value();
}

tl::unexpected<Error> can_not_listen(const Multiaddr& address,
                                     const boost::system::error_code& ec) {
  if (ec == asio::error::address_in_use) {
    return fail(Errc::unavailable,
                "{} is in use by another program; stop it or choose another address.",
                address.to_string());
  }
  return fail_errno(errc_from_errno(ec.value()), ec.value(),
                    fmt::format("Could not listen on {}.", address.to_string()));
}

// The addresses of this machine's interfaces that stand behind 0.0.0.0 or ::.
std::vector<Multiaddr> concrete(const Tcp::endpoint& bound) {
  if (!bound.address().is_unspecified()) return {address_of(bound)};
  std::vector<Multiaddr> list;
  ifaddrs* first = nullptr;
  if (::getifaddrs(&first) != 0) return {address_of(bound)};
  const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> owner(first, &::freeifaddrs);
  const int family = bound.address().is_v4() ? AF_INET : AF_INET6;
  for (const ifaddrs* at = first; at != nullptr; at = at->ifa_next) {
    if (at->ifa_addr == nullptr || at->ifa_addr->sa_family != family) continue;
    Tcp::endpoint one;
    std::memcpy(one.data(), at->ifa_addr,
                family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6));
    one.resize(family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6));
    if (one.address().is_v6() && one.address().to_v6().is_link_local()) continue;
    one.port(bound.port());
    list.push_back(address_of(one));
  }
  return list;
}

}  // namespace

Status Host::Impl::listen(const Multiaddr& address) {
  const auto target = stream_target(address);
  boost::system::error_code ec;
  const auto ip = asio::ip::make_address(target ? target->tcp.host : std::string(), ec);
  if (!target || ec) {
    return fail(Errc::invalid_argument,
                "{} can't be listened on; write an address like /ip4/127.0.0.1/tcp/4001, or with "
                "/ws behind it for a WebSocket.",
                address.to_string());
  }
  const Tcp::endpoint endpoint(ip, target->tcp.port);
  Tcp::acceptor acceptor(executor);
  acceptor.open(endpoint.protocol(), ec);
  if (!ec) acceptor.set_option(asio::socket_base::reuse_address(true), ec);
  if (!ec && ip.is_v6()) acceptor.set_option(asio::ip::v6_only(true), ec);
  if (!ec) acceptor.bind(endpoint, ec);
  if (!ec) acceptor.listen(kBacklog, ec);
  if (ec) return can_not_listen(address, ec);
  for (const Multiaddr& one : concrete(acceptor.local_endpoint(ec))) {
    listens.push_back(target->websocket ? with_websocket(one) : one);
  }
  listeners.push_back({std::move(acceptor), target->websocket});
  return {};
}

// Counted from accept() on: the task that serves it begins later.
struct Host::Impl::Guest {
  Guest(std::shared_ptr<Impl> of, std::string from) : host(std::move(of)), origin(std::move(from)) {
    ++host->handshakes;
    ++host->handshakes_of[origin];
  }
  ~Guest() {
    --host->handshakes;
    const auto mine = host->handshakes_of.find(origin);
    if (--mine->second == 0) host->handshakes_of.erase(mine);
  }
  Guest(const Guest&) = delete;
  Guest& operator=(const Guest&) = delete;

  std::shared_ptr<Impl> host;
  std::string origin;
};

bool Host::Impl::has_room_for(const Multiaddr& remote) {
  const HostLimits& limits = options.limits;
  const std::string origin = origin_of(remote);
  const std::size_t share = reach_of(remote) == Reach::loopback ? 2 : 1;
  const auto greeting = handshakes_of.find(origin);
  const std::size_t begun = greeting == handshakes_of.end() ? 0 : greeting->second;
  std::size_t inbound = handshakes;
  std::size_t alike = begun;
  for (const auto& [peer, held] : connections) {
    for (const auto& connection : held) {
      if (connection->closed() || connection->outbound()) continue;
      ++inbound;
      if (connection->origin() == origin) ++alike;
    }
  }
  if (handshakes >= limits.inbound_handshakes || begun >= share * limits.handshakes_per_ip ||
      alike >= share * limits.connections_per_ip) {
    return false;
  }
  const std::size_t most_inbound = limits.connections - limits.connections / 4;
  return (inbound < most_inbound && count() < limits.connections) || make_room();
}

// Ends the inbound connection that has had no stream for longest.
bool Host::Impl::make_room() {
  SteadyTime oldest = system_clock().now() - options.limits.idle;
  ConnectionPtr idle;
  for (const auto& [peer, held] : connections) {
    for (const auto& connection : held) {
      const auto since = connection->idle_since();
      if (connection->closed() || connection->outbound() || !since || *since > oldest) continue;
      oldest = *since;
      idle = connection;
    }
  }
  if (idle == nullptr) return false;
  idle->go_away(YamuxGoAway::normal);
  idle->close();
  return true;
}

Task<void> Host::Impl::accept_loop(std::shared_ptr<Impl> self, std::size_t index) {
  while (!stopped) {
    Tcp::endpoint remote;
    auto accepted = co_await listeners[index].acceptor.async_accept(remote, kAsTuple);
    auto& [ec, socket] = accepted;
    if (stopped) break;
    if (ec) {
      const Status paused = co_await delay(kPauseAfterError);
      ACCEL_CO_CHECK(paused);
      continue;
    }
    ++counters.inbound;
    const bool websocket = listeners[index].websocket;
    const Multiaddr from = websocket ? with_websocket(address_of(remote)) : address_of(remote);
    if (!has_room_for(from)) {
      ++counters.inbound_refused;
      continue;  // The socket closes here.
    }
    auto guest = std::make_unique<Guest>(self, origin_of(from));
    tasks.spawn(welcome(self, std::move(socket), from, std::move(guest)));
  }
  co_return Status{};
}

Task<void> Host::Impl::welcome(std::shared_ptr<Impl> self, Tcp::socket socket, Multiaddr remote,
                               std::unique_ptr<Guest> guest) {
  Way way{std::move(remote)};
  auto securing = self->secure(std::move(socket), way);
  auto secured = co_await with_timeout(std::move(securing), options.limits.handshake_timeout);
  guest.reset();
  if (!secured) {
    ++counters.handshake_failures;
    log::debug("libp2p", secured.error().to_string(), {log::field("from", way.remote.to_string())});
    co_return Status{};
  }
  const auto admitted = admit(std::move(*secured));
  if (!admitted) ++counters.inbound_refused;
  co_return Status{};
}

}  // namespace accel::libp2p
