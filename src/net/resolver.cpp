// SPDX-License-Identifier: Apache-2.0
#include "resolver.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/this_coro.hpp>
#include <cstring>

#include "accel/core/async/event.hpp"

namespace accel::net {
namespace {

using Tcp = asio::ip::tcp;

// Shared by the waiting task and the resolver's callback, which may come when nobody waits any
// more.
struct Lookup {
  explicit Lookup(const Executor& executor) : resolver(executor) {}
  Tcp::resolver resolver;
  Event ended;
  boost::system::error_code ec;
  std::vector<SocketAddress> addresses;
};

void start(const std::shared_ptr<Lookup>& lookup, const Url& url) {
  auto on_result = [lookup](const boost::system::error_code& ec, const auto& results) {
    if (lookup->ended.is_set()) return;
    lookup->ec = ec;
    for (const auto& entry : results) {
      if (lookup->addresses.size() == kMaxAddresses) break;
      lookup->addresses.emplace_back(entry.endpoint());
    }
    lookup->ended.set();
  };
  lookup->resolver.async_resolve(url.host, std::to_string(url.port), Tcp::resolver::numeric_service,
                                 std::move(on_result));
}

bool is_local_v4(const asio::ip::address_v4& address) {
  constexpr unsigned char kThisHost = 0;  // 0.0.0.0/8, RFC 1122 section 3.2.1.3.
  return address.is_loopback() || address.to_bytes()[0] == kThisHost;
}

// ::ffff:a.b.c.d (mapped) and ::a.b.c.d (compatible, RFC 4291 section 2.5.5).
bool is_local_v6(const asio::ip::address_v6& address) {
  if (address.is_loopback() || address.is_unspecified()) return true;
  const auto bytes = address.to_bytes();
  const bool low = std::all_of(bytes.begin(), bytes.begin() + 10, [](auto b) { return b == 0; });
  const bool mapped = bytes[10] == 0xff && bytes[11] == 0xff;
  const bool compatible = bytes[10] == 0 && bytes[11] == 0;
  if (!low || !(mapped || compatible)) return false;
  return is_local_v4(asio::ip::address_v4({bytes[12], bytes[13], bytes[14], bytes[15]}));
}

}  // namespace

bool is_local_address(const SocketAddress& address) {
  const int family = address.protocol().family();
  if (family != AF_INET && family != AF_INET6) return true;
  Tcp::endpoint tcp;
  if (address.size() > tcp.capacity()) return true;  // Not what it says it is.
  std::memcpy(tcp.data(), address.data(), address.size());
  tcp.resize(address.size());
  const asio::ip::address ip = tcp.address();
  return ip.is_v4() ? is_local_v4(ip.to_v4()) : is_local_v6(ip.to_v6());
}

Task<std::vector<SocketAddress>> resolve(Url url, CallGuard& guard) {
  std::vector<SocketAddress> addresses;
  boost::system::error_code ec;
  const auto numeric = asio::ip::make_address(url.host, ec);
  if (!ec) addresses.emplace_back(Tcp::endpoint(numeric, url.port));
  if (url.host == "localhost" || url.host.ends_with(".localhost")) {  // RFC 6761 section 6.3.
    addresses.emplace_back(Tcp::endpoint(asio::ip::address_v4::loopback(), url.port));
    addresses.emplace_back(Tcp::endpoint(asio::ip::address_v6::loopback(), url.port));
  }
  if (!addresses.empty()) co_return addresses;

  const Executor executor = co_await asio::this_coro::executor;
  const auto lookup = std::make_shared<Lookup>(executor);
  const Event ended = lookup->ended;
  const std::function<void()> give_up = [ended] { ended.set(); };
  guard.watch(give_up);
  start(lookup, url);
  co_await ended.wait(give_up);
  guard.unwatch();
  ACCEL_CO_CHECK(guard.check());
  if (lookup->ec || lookup->addresses.empty()) {
    co_return fail(Error{Errc::unavailable, "the name " + url.host + " was not found",
                         lookup->ec ? lookup->ec.message() : "no address"});
  }
  co_return std::move(lookup->addresses);
}

}  // namespace accel::net
