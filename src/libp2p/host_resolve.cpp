// SPDX-License-Identifier: Apache-2.0
// From addresses to routes: numbers are there at once, names cost DNS.
#include <boost/asio/ip/tcp.hpp>

#include "accel/core/async/with_timeout.hpp"
#include "dnsaddr.hpp"
#include "host_impl.hpp"
#include "remote.hpp"

namespace accel::libp2p {
namespace {

constexpr std::size_t kMaxPerName = 8;  // Addresses of one host name.

tl::unexpected<Error> can_not_dial(const Multiaddr& address) {
  return fail(Errc::invalid_argument,
              "{} can't be dialed yet; addresses like /ip4/1.2.3.4/tcp/4001, /dns4/…/tcp/4001, the "
              "same with /ws, and /dnsaddr/… can.",
              address.to_string());
}

bool is_wanted(const asio::ip::address& ip, ipld::AddressCode kind) {
  if (kind == ipld::AddressCode::dns4) return ip.is_v4();
  if (kind == ipld::AddressCode::dns6) return ip.is_v6() && !ip.to_v6().is_v4_mapped();
  return true;
}

}  // namespace

Task<void> Host::Impl::look_up_host(Multiaddr address, Routes& into) {
  const auto target = stream_target(address);
  asio::ip::tcp::resolver resolver(executor);
  const std::string port = std::to_string(target->tcp.port);
  const auto found = co_await resolver.async_resolve(target->tcp.host, port, kAsTuple);
  const auto& [failed, results] = found;
  if (failed) {
    co_return fail(Error{Errc::unavailable, "The name " + target->tcp.host + " was not found.",
                         failed.message()});
  }
  std::size_t taken = 0;
  for (const auto& entry : results) {
    asio::ip::address ip = entry.endpoint().address();
    if (!is_wanted(ip, target->tcp.kind) || taken == kMaxPerName) continue;
    if (ip.is_v6()) ip = asio::ip::address_v6(ip.to_v6().to_bytes());  // Without its zone.
    const auto plain = Multiaddr::of_tcp(ip.to_string(), target->tcp.port);
    if (!plain) continue;
    ++taken;
    into.push_back({address.without_peer(), target->websocket ? with_websocket(*plain) : *plain,
                    address.peer_id()});
  }
  if (taken > 0) co_return Status{};
  co_return fail(Errc::unavailable, "The name {} has no address for {}.", target->tcp.host,
                 address.to_string());
}

Task<std::vector<Multiaddr>> Host::Impl::look_up_dnsaddr(Multiaddr address) {
  if (!options.lookup_txt) {
    co_return fail(Errc::unsupported, "{} can't be dialed: no DNS is asked for TXT records here.",
                   address.to_string());
  }
  DnsaddrWalk walk(address);
  std::optional<Error> last;
  while (const auto domain = walk.next()) {
    auto looking = options.lookup_txt(*domain);
    const auto records = co_await std::move(looking);
    if (records) walk.take(*records);
    if (!records) last = records.error();
    if (!records && records.error().code == Errc::cancelled) break;
  }
  if (!walk.found().empty()) co_return walk.found();
  if (last) co_return fail(std::move(*last));
  co_return fail(Errc::not_found, "DNS names nothing under {} that can be dialed.",
                 address.to_string());
}

Task<void> Host::Impl::find_routes(Multiaddr address, Routes& into) {
  std::vector<Multiaddr> all{address};
  if (is_dnsaddr(address)) {
    auto looking = look_up_dnsaddr(address);
    auto found = co_await std::move(looking);
    if (!found) co_return fail(std::move(found.error()));
    all = std::move(*found);
  }
  Status last = can_not_dial(address);
  bool found_one = false;
  for (const Multiaddr& one : all) {
    const Reach reach = reach_of(one);
    if (reach != Reach::by_name) {
      if (!stream_target(one)) continue;
      into.push_back({one.without_peer(), one.without_peer(), one.peer_id()});
      found_one = true;
      continue;
    }
    auto looking = look_up_host(one, into);
    last = co_await std::move(looking);
    found_one = found_one || last;
  }
  co_return found_one ? Status{} : last;
}

}  // namespace accel::libp2p
