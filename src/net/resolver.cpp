// SPDX-License-Identifier: Apache-2.0
#include "resolver.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/this_coro.hpp>

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

}  // namespace

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
