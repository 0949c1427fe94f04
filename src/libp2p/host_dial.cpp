// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <boost/asio/connect.hpp>

#include "accel/core/async/with_timeout.hpp"
#include "accel/core/clock.hpp"
#include "count_one.hpp"
#include "host_impl.hpp"
#include "remote.hpp"

namespace accel::libp2p {
namespace {

using Tcp = asio::ip::tcp;

constexpr std::size_t kMaxKnownPeers = 4096;
constexpr std::size_t kMaxProven = 8;  // Of one peer.
constexpr std::size_t kMaxTold = 16;
constexpr std::size_t kMaxResting = 4096;
constexpr Duration kFirstRest = std::chrono::seconds(2);
constexpr Duration kLongestRest = std::chrono::minutes(5);
constexpr std::size_t kMaxResolved = 4;  // Addresses of one name, tried in turn.

Task<std::vector<Tcp::endpoint>> resolve(Multiaddr::TcpTarget target) {
  boost::system::error_code ec;
  const auto numeric = asio::ip::make_address(target.host, ec);
  std::vector<Tcp::endpoint> endpoints;
  if (!ec) {
    endpoints.emplace_back(numeric, target.port);
    co_return endpoints;
  }
  const Executor executor = co_await asio::this_coro::executor;
  Tcp::resolver resolver(executor);
  const std::string port = std::to_string(target.port);
  const auto found = co_await resolver.async_resolve(target.host, port, kAsTuple);
  const auto& [failed, results] = found;
  if (failed) {
    co_return fail(
        Error{Errc::unavailable, "The name " + target.host + " was not found.", failed.message()});
  }
  for (const auto& entry : results) {
    const bool four = entry.endpoint().address().is_v4();
    if (target.kind == ipld::AddressCode::dns4 && !four) continue;
    if (target.kind == ipld::AddressCode::dns6 && four) continue;
    if (endpoints.size() < kMaxResolved) endpoints.push_back(entry.endpoint());
  }
  co_return endpoints;
}

Task<Tcp::socket> connect_to(Tcp::endpoint endpoint) {
  const Executor executor = co_await asio::this_coro::executor;
  Tcp::socket socket(executor);
  const auto connected = co_await socket.async_connect(endpoint, kAsTuple);
  const auto& [ec] = connected;
  if (ec) {
    co_return fail(Error{Errc::unavailable,
                         fmt::format("Nobody answers at {} port {}.",
                                     endpoint.address().to_string(), endpoint.port()),
                         ec.message()});
  }
  co_return socket;
}

// What we refuse ourselves says nothing about the address.
bool is_fault_of_address(Errc code) {
  return code == Errc::unavailable || code == Errc::timeout || code == Errc::protocol ||
         code == Errc::unauthenticated;
}

}  // namespace

Task<Tcp::socket> Host::Impl::dial_tcp(Multiaddr::TcpTarget target) {
  auto resolving = resolve(target);
  const auto endpoints = co_await with_timeout(std::move(resolving), options.limits.dial_timeout);
  ACCEL_CO_CHECK(endpoints);
  Error last{Errc::unavailable, "The name " + target.host + " has no address.", {}};
  for (const Tcp::endpoint& endpoint : *endpoints) {
    auto connecting = connect_to(endpoint);
    auto socket = co_await with_timeout(std::move(connecting), options.limits.dial_timeout);
    if (socket) co_return std::move(*socket);
    last = socket.error();
  }
  co_return fail(std::move(last));
}

Task<PeerId> Host::Impl::dial(Multiaddr address) {
  const auto target = address.tcp();
  if (!target) {
    co_return fail(Errc::invalid_argument,
                   "{} can't be dialed yet; addresses like /ip4/1.2.3.4/tcp/4001 and /dns4/… can.",
                   address.to_string());
  }
  if (count() >= options.limits.connections) {
    co_return fail(Errc::resource_exhausted, "There are {} connections already.", count());
  }
  ++counters.dials;
  const CountOne one(dialing);
  auto socket = co_await dial_tcp(*target);
  if (!socket) co_return fail(std::move(socket.error()));
  auto securing = secure(std::move(*socket), address.without_peer(), true, address.peer_id());
  auto secured = co_await with_timeout(std::move(securing), options.limits.handshake_timeout);
  if (!secured) ++counters.handshake_failures;
  ACCEL_CO_CHECK(secured);
  const auto admitted = admit(std::move(*secured));
  ACCEL_CO_CHECK(admitted);
  co_return (*admitted)->peer();
}

Task<void> Host::Impl::run_dial(std::shared_ptr<Impl> self, std::shared_ptr<Dial> under_way,
                                Multiaddr address) {
  struct Finish {  // Also when the host stops meanwhile.
    Impl& host;
    Dial& dial;
    const std::optional<PeerId> peer;
    ~Finish() {
      if (!dial.result) dial.result = fail(Errc::cancelled, "The node stops.");
      if (peer) host.dials.erase(*peer);
      dial.ended.call();
    }
  };
  const Finish finish{*self, *under_way, address.peer_id()};
  auto dialing_now = dial(address);
  const Result<PeerId> peer = co_await std::move(dialing_now);
  if (peer) {
    remember(*peer, address);
    resting.erase(address.without_peer());
  } else if (is_fault_of_address(peer.error().code)) {
    ++counters.dial_failures;
    note_failure(address.without_peer());
  }
  under_way->result = peer;
  co_return Status{};
}

Task<PeerId> Host::Impl::wait_for(std::shared_ptr<Dial> under_way) {
  while (!under_way->result) {
    const Status woken = co_await under_way->ended.wait();
    ACCEL_CO_CHECK(woken);
  }
  co_return *under_way->result;
}

Task<PeerId> Host::Impl::connect(std::shared_ptr<Impl> self, Multiaddr address) {
  const auto expected = address.peer_id();
  if (stopped) co_return fail(Errc::cancelled, "The node stops.");
  if (expected) {
    if (*expected == id) {
      co_return fail(Errc::invalid_argument, "{} is this node itself.", *expected);
    }
    ACCEL_CO_CHECK(gate(*expected));
    if (best(*expected) != nullptr) co_return *expected;
    if (const auto found = dials.find(*expected); found != dials.end()) {
      co_return co_await wait_for(found->second);
    }
  }
  const auto under_way = std::make_shared<Dial>(executor);  // Owners: its task and who waits.
  if (expected) dials.emplace(*expected, under_way);
  tasks.spawn(run_dial(self, under_way, address));
  co_return co_await wait_for(under_way);
}

std::vector<Multiaddr> Host::Impl::addresses_of(const PeerId& peer) const {
  const auto found = known.find(peer);
  if (found == known.end()) return {};
  std::vector<Multiaddr> addresses = found->second.proven;
  for (const Multiaddr& told : found->second.told) {
    if (std::ranges::find(addresses, told) == addresses.end()) addresses.push_back(told);
  }
  return addresses;
}

Task<void> Host::Impl::reach(std::shared_ptr<Impl> self, PeerId peer, std::vector<Multiaddr> also) {
  if (const auto found = dials.find(peer); found != dials.end()) {
    const auto reached = co_await wait_for(found->second);
    ACCEL_CO_CHECK(reached);
    co_return Status{};
  }
  Error last{Errc::unavailable, fmt::format("No address of {} is known.", peer), {}};
  std::vector<Multiaddr> addresses = addresses_of(peer);
  for (const Multiaddr& one : also) {
    const Multiaddr bare = one.without_peer();
    if (addresses.size() >= kMaxProven + 2 * kMaxTold) break;
    if (std::ranges::find(addresses, bare) == addresses.end()) addresses.push_back(bare);
  }
  for (const Multiaddr& address : addresses) {
    if (rests(address)) {
      last = Error{
          Errc::unavailable,
          fmt::format("{} failed a moment ago; it is tried again later.", address.to_string()),
          {}};
      continue;
    }
    const auto connected = co_await connect(self, address.with_peer(peer));
    if (connected) co_return Status{};
    last = connected.error();
  }
  co_return fail(std::move(last));
}

Host::Impl::Addresses& Host::Impl::known_of(const PeerId& peer) {
  if (!known.contains(peer)) {
    known_order.push_back(peer);
    if (known_order.size() > kMaxKnownPeers) {
      known.erase(known_order.front());
      known_order.pop_front();
    }
  }
  return known[peer];
}

void Host::Impl::remember(const PeerId& peer, const Multiaddr& address) {
  auto& proven = known_of(peer).proven;
  const Multiaddr bare = address.without_peer();
  std::erase(proven, bare);
  proven.insert(proven.begin(), bare);
  if (proven.size() > kMaxProven) proven.pop_back();
}

void Host::Impl::take_told(Connection& connection, const std::vector<Multiaddr>& addresses) {
  auto& told = known_of(connection.peer()).told;
  told.clear();
  for (const Multiaddr& address : addresses) {
    if (told.size() >= kMaxTold) break;
    if (may_name(connection.remote(), address)) told.push_back(address.without_peer());
  }
}

bool Host::Impl::rests(const Multiaddr& address) {
  const auto found = resting.find(address);
  return found != resting.end() && system_clock().now() < found->second.until;
}

void Host::Impl::note_failure(const Multiaddr& address) {
  if (resting.size() >= kMaxResting) resting.clear();  // Forgiving costs a dial each.
  Rest& rest = resting[address];
  rest.length = std::min(rest.length == Duration{} ? kFirstRest : 2 * rest.length, kLongestRest);
  rest.until = system_clock().now() + rest.length;
}

}  // namespace accel::libp2p
