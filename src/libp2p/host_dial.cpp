// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "accel/core/async/with_timeout.hpp"
#include "accel/core/clock.hpp"
#include "dial_errors.hpp"
#include "dnsaddr.hpp"
#include "remote.hpp"

namespace accel::libp2p {
namespace {

constexpr std::size_t kMaxKnownPeers = 4096;
constexpr std::size_t kMaxProven = 8;  // Of one peer.
constexpr std::size_t kMaxTold = 16;
constexpr std::size_t kMaxResting = 4096;
constexpr std::size_t kMaxSaid = 4;  // Of the errors of one dial.
constexpr Duration kFirstRest = std::chrono::seconds(2);
constexpr Duration kLongestRest = std::chrono::minutes(5);

bool is_name(const Multiaddr& address) {
  return is_dnsaddr(address) || reach_of(address) == Reach::by_name;
}

Error resting_error(const Multiaddr& address) {
  return {Errc::unavailable,
          fmt::format("{} failed a moment ago; it is tried again later.", address.to_string()),
          {}};
}

// What tells more about the peer than that nobody was there.
int weight_of(Errc code) {
  switch (code) {
    case Errc::unauthenticated:
    case Errc::permission_denied:
    case Errc::resource_exhausted:
      return 3;
    case Errc::protocol:
      return 2;
    case Errc::timeout:
      return 1;
    case Errc::invalid_argument:
    case Errc::unsupported:
      return -1;
    default:
      return 0;
  }
}

}  // namespace

Error Host::Impl::DialErrors::summary() const {
  if (all.empty()) return {Errc::unavailable, "There is no address to dial.", {}};
  if (all.size() == 1) return all.front().second;
  const auto telling =
      std::ranges::max_element(all, {}, [](const auto& one) { return weight_of(one.second.code); });
  std::string text = fmt::format("None of {} addresses leads there.", all.size());
  for (std::size_t i = 0; i < std::min(all.size(), kMaxSaid); ++i) {
    text += fmt::format(" {}: {}", all[i].first.to_string(), all[i].second.message);
  }
  return {telling->second.code, std::move(text), telling->second.cause};
}

Task<void> Host::Impl::find_in_time(Multiaddr address, Routes& into) {
  auto finding = find_routes(address, into);
  if (!is_name(address)) co_return co_await std::move(finding);
  co_return co_await with_timeout(std::move(finding), options.limits.resolve_timeout);
}

// Routes of all addresses of one kind, less those that rest.
Task<void> Host::Impl::collect_routes(Dial& dial, bool names, Routes& into, DialErrors& errors) {
  for (const Multiaddr& address : dial.addresses) {
    if (is_name(address) != names) continue;
    Routes found;
    auto finding = find_in_time(address, found);
    const Status done = co_await std::move(finding);
    if (!done && found.empty()) {
      errors.note(address.without_peer(), done.error());
      if (is_fault_of_address(done.error().code)) note_failure(address.without_peer());
    }
    for (DialRoute& route : found) {
      if (!dial.tries_resting && rests(route.numeric)) {
        errors.note(route.numeric, resting_error(route.numeric));
        continue;
      }
      into.push_back(std::move(route));
    }
  }
  co_return Status{};
}

Task<PeerId> Host::Impl::dial_all(Dial& dial, std::optional<PeerId> expected) {
  DialErrors errors;
  bool names = false;  // Numbers first: they cost no look-up.
  do {
    Routes routes;
    auto collecting = collect_routes(dial, names, routes, errors);
    const Status collected = co_await std::move(collecting);
    ACCEL_CO_CHECK(collected);
    for (DialRoute& route : routes) {
      if (expected) route.peer = expected;
      route.proven = expected && has_proven(*expected, route.address);
    }
    if (!routes.empty()) {
      auto racing = race(std::move(routes), errors);
      auto winner = co_await std::move(racing);
      if (winner || winner.error().code == Errc::cancelled) co_return winner;
    }
    names = !names;
  } while (names);
  co_return fail(errors.summary());
}

Task<void> Host::Impl::run_dial(std::shared_ptr<Impl> self, std::shared_ptr<Dial> under_way,
                                std::optional<PeerId> expected) {
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
  const Finish finish{*self, *under_way, expected};
  auto dialing_now = dial_all(*under_way, expected);
  under_way->result = co_await std::move(dialing_now);
  co_return Status{};
}

// One per peer at a time.
std::shared_ptr<Host::Impl::Dial> Host::Impl::begin_dial(std::optional<PeerId> expected,
                                                         std::vector<Multiaddr> addresses,
                                                         bool tries_resting) {
  const auto begun = std::make_shared<Dial>(executor);  // Owners: its task and who waits.
  begun->addresses = std::move(addresses);
  begun->tries_resting = tries_resting;
  if (expected) dials.emplace(*expected, begun);
  tasks.spawn(run_dial(shared_from_this(), begun, std::move(expected)));
  return begun;
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
  std::vector<Multiaddr> addresses{address};
  if (stopped) co_return fail(Errc::cancelled, "The node stops.");
  if (expected) ACCEL_CO_CHECK(may_dial(*expected));
  while (!expected || best(*expected) == nullptr) {
    const auto found = expected ? dials.find(*expected) : dials.end();
    const auto under_way =
        found != dials.end() ? found->second : self->begin_dial(expected, addresses, true);
    const auto reached = co_await wait_for(under_way);
    const auto& tried = under_way->addresses;
    const bool was_tried = std::ranges::find(tried, address) != tried.end();
    if (reached || was_tried || stopped) co_return reached;
  }
  co_return *expected;
}

Status Host::Impl::may_dial(const PeerId& peer) const {
  if (stopped) return fail(Errc::cancelled, "The node stops.");
  if (peer == id) return fail(Errc::invalid_argument, "{} is this node itself.", peer);
  return gate(peer);
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
  ACCEL_CO_CHECK(may_dial(peer));
  auto under_way = dials.contains(peer) ? dials.at(peer) : nullptr;
  if (under_way == nullptr) {
    std::vector<Multiaddr> addresses = addresses_of(peer);
    for (const Multiaddr& one : also) {
      const Multiaddr bare = one.without_peer();
      if (addresses.size() >= kMaxProven + 2 * kMaxTold) break;
      if (std::ranges::find(addresses, bare) == addresses.end()) addresses.push_back(bare);
    }
    if (addresses.empty()) co_return fail(Errc::unavailable, "No address of {} is known.", peer);
    const Multiaddr some = addresses.front();
    std::erase_if(addresses, [this](const Multiaddr& address) { return rests(address); });
    if (addresses.empty()) co_return fail(resting_error(some));
    for (Multiaddr& address : addresses) address = address.with_peer(peer);
    under_way = self->begin_dial(peer, std::move(addresses), false);
  }
  const auto reached = co_await wait_for(under_way);
  ACCEL_CO_CHECK(reached);
  co_return Status{};
}

bool Host::Impl::has_proven(const PeerId& peer, const Multiaddr& address) const {
  const auto found = known.find(peer);
  if (found == known.end()) return false;
  return std::ranges::find(found->second.proven, address) != found->second.proven.end();
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
