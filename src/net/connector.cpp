// SPDX-License-Identifier: Apache-2.0
#include "connector.hpp"

#include <boost/asio/error.hpp>

#include "accel/core/async/with_timeout.hpp"
#include "resolver.hpp"
#include "unix_address.hpp"

namespace accel::net {
namespace {

constexpr Duration kMinAttempt = std::chrono::seconds(1);

struct Target {
  SocketAddress address;
  UniqueFd folder;  // See UnixAddress.
};

Result<Target> unix_target(const std::string& path) {
  ACCEL_TRY(UnixAddress address, unix_address(path));
  Target target;
  target.address = SocketAddress(address.get(), address.length);
  target.folder = std::move(address.folder);
  return target;
}

tl::unexpected<Error> beyond_reach() {
  return fail(Errc::protocol, "a redirect from the network leads to this machine itself");
}

bool is_connected_locally(const Socket& socket) {
  boost::system::error_code ec;
  const SocketAddress peer = socket.remote_endpoint(ec);
  return !ec && is_local_address(peer);
}

// Each of several addresses gets its share of the time that is left, so that a dead one can't use
// it all.
Duration share_of(Duration left, std::size_t addresses) {
  const Duration share = left / static_cast<long>(addresses);
  return std::max(share, std::min(left, kMinAttempt));
}

Task<void> connect_one(Socket& socket, SocketAddress address, CallGuard& guard) {
  boost::system::error_code ec;
  socket.close(ec);
  socket.open(address.protocol(), ec);
  if (ec) co_return fail(stream_error(ec));
  guard.watch([&socket] {
    boost::system::error_code ignored;
    socket.cancel(ignored);
  });
  const auto got = co_await socket.async_connect(address, kAsTuple);
  guard.unwatch();
  ACCEL_CO_CHECK(guard.check());
  const auto& [connected] = got;
  if (connected) co_return fail(stream_error(connected));
  co_return Status{};
}

}  // namespace

Connector::Connector(Executor executor, Duration connect_timeout, std::string ca_file)
    : executor_(std::move(executor)),
      connect_timeout_(connect_timeout),
      ca_file_(std::move(ca_file)) {}

Result<std::shared_ptr<TlsContext>> Connector::tls() {
  const std::lock_guard lock(tls_mutex_);
  if (!tls_) {
    ACCEL_TRY(tls_, TlsContext::make(ca_file_));
  }
  return tls_;
}

Task<Socket> Connector::connect_socket(Url url, CallGuard& guard, Reach reach) {
  Socket socket(executor_);
  if (url.scheme == "unix") {
    if (reach == Reach::network) co_return beyond_reach();
    ACCEL_CO_TRY(Target target, unix_target(url.host));
    const Status connected = co_await connect_one(socket, target.address, guard);
    if (!connected) co_return fail(Error(connected.error()));
    co_return std::move(socket);
  }
  Result<std::vector<SocketAddress>> addresses = co_await resolve(url, guard);
  if (!addresses) co_return fail(Error(addresses.error()));
  if (reach == Reach::network) {
    std::erase_if(*addresses, is_local_address);
    if (addresses->empty()) co_return beyond_reach();
  }
  const SteadyTime end = system_clock().now() + connect_timeout_;
  Error last{Errc::timeout, "the time to connect was over", {}};
  for (std::size_t i = 0; i < addresses->size(); ++i) {
    const Duration left = end - system_clock().now();
    if (left <= Duration::zero()) break;
    Task<void> attempt = connect_one(socket, addresses->at(i), guard);
    const Duration share = share_of(left, addresses->size() - i);
    const Status connected = co_await with_timeout(std::move(attempt), share);
    if (connected) {
      set_no_delay(socket);
      co_return std::move(socket);
    }
    last = connected.error();
    ACCEL_CO_CHECK(guard.check());
  }
  co_return fail(std::move(last));
}

Task<std::unique_ptr<ByteStream>> Connector::connect(Url url, CallGuard& guard, Reach reach) {
  Result<Socket> socket = co_await connect_socket(url, guard, reach);
  if (!socket) co_return fail(Error(socket.error()));
  const bool local = is_connected_locally(*socket);
  if (url.scheme != "https") {
    auto plain = make_plain_stream(std::move(*socket));
    plain->set_peer_is_local(local);
    co_return plain;
  }
  ACCEL_CO_TRY(const std::shared_ptr<TlsContext> context, tls());
  const std::function<void(ByteStream&)> on_stream = [&guard](ByteStream& stream) {
    guard.watch([&stream] { stream.cancel(); });
  };
  auto stream = co_await context->connect(std::move(*socket), url.host, on_stream);
  guard.unwatch();
  ACCEL_CO_CHECK(guard.check());
  if (stream) (*stream)->set_peer_is_local(local);
  co_return stream;
}

}  // namespace accel::net
