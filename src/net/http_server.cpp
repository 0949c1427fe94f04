// SPDX-License-Identifier: Apache-2.0
#include "accel/net/http_server.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/strand.hpp>
#include <mutex>
#include <optional>
#include <utility>

#include "accel/core/async/sync_wait.hpp"
#include "accel/core/async/task_group.hpp"
#include "accel/core/log.hpp"
#include "connection.hpp"
#include "connection_registry.hpp"
#include "listener.hpp"
#include "socket.hpp"

namespace accel::net {
namespace {

using Acceptor = asio::basic_socket_acceptor<asio::generic::stream_protocol>;

constexpr Duration kMaxTick = std::chrono::milliseconds(100);
constexpr Duration kMinTick = std::chrono::milliseconds(5);
constexpr Duration kAcceptPause = std::chrono::milliseconds(100);  // When descriptors ran out.
constexpr std::string_view kTooMany =
    "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 1\r\n"
    "Content-Type: text/plain\r\nContent-Length: 30\r\n\r\nToo many connections are open.";

// A deadline is noticed within a quarter of the shortest timeout, and within 100 ms.
Duration tick_of(const ServerLimits& limits) {
  Duration tick = kMaxTick;
  for (const Duration limit : {limits.header_timeout, limits.idle_timeout, limits.stall_timeout,
                               limits.request_timeout, limits.drain_timeout}) {
    if (limit > Duration::zero()) tick = std::min(tick, limit / 4);
  }
  return std::max(tick, kMinTick);
}

// Where a connection came from is what its listener is, never what the connection looks like. A TCP
// client that reset before it was accepted has no address any more, yet its request can be read:
// nullopt, and nobody may serve it.
std::optional<Peer> peer_of(const Socket& socket, int listener_family) {
  if (listener_family == AF_UNIX) return Peer{"unix", true};
  boost::system::error_code ec;
  const auto endpoint = socket.remote_endpoint(ec);
  const int family = endpoint.protocol().family();
  if (ec || (family != AF_INET && family != AF_INET6)) return std::nullopt;
  std::array<char, INET6_ADDRSTRLEN> text{};
  const bool v4 = family == AF_INET;
  // The sockets API hands addresses out as the base type of a family.
  const auto* a4 = reinterpret_cast<const sockaddr_in*>(endpoint.data());
  const auto* a6 = reinterpret_cast<const sockaddr_in6*>(endpoint.data());
  const void* address = v4 ? static_cast<const void*>(&a4->sin_addr) : &a6->sin6_addr;
  inet_ntop(family, address, text.data(), text.size());
  const std::uint16_t port = ntohs(v4 ? a4->sin_port : a6->sin6_port);
  return Peer{fmt::format("{}{}{}:{}", v4 ? "" : "[", text.data(), v4 ? "" : "]", port), false};
}

}  // namespace

class HttpServer::Impl : public std::enable_shared_from_this<HttpServer::Impl> {
 public:
  Impl(Executor executor, Listener listener, ConnectionRules rules)
      : executor_(std::move(executor)),
        strand_(asio::make_strand(executor_)),
        listener_(std::move(listener)),
        acceptor_(strand_),
        tick_(tick_of(rules.limits)),
        service_(strand_, "net server"),
        connections_(strand_, "net connections") {
    static_cast<ConnectionRules&>(shared_) = std::move(rules);
  }

  Status start();
  void stop();
  ServerStats stats() const;
  const Endpoint& local() const { return listener_.local; }
  std::string base_url() const;

 private:
  static Task<void> accept_loop(std::shared_ptr<Impl> self);
  static Task<void> tick_loop(std::shared_ptr<Impl> self);
  static Task<void> serve(std::shared_ptr<Impl> self, Socket socket, Peer peer);
  static Task<void> drain(std::shared_ptr<Impl> self);
  static Task<void> wait_for_connections(std::shared_ptr<Impl> self, Duration limit);
  void admit(Socket socket);

  Executor executor_;
  Executor strand_;
  Listener listener_;
  Acceptor acceptor_;
  Duration tick_;
  ConnectionShared shared_;
  ConnectionRegistry registry_;
  TaskGroup service_;      // The accept loop and the ticker.
  TaskGroup connections_;  // One task a connection.
  std::mutex stop_mutex_;
  bool stopped_ = false;
};

Status HttpServer::Impl::start() {
  boost::system::error_code ec;
  acceptor_.assign({listener_.family, 0}, listener_.fd.get(), ec);
  if (ec) return fail_errno(Errc::io, ec.value(), "Could not watch the listening socket.");
  listener_.fd.release();  // The acceptor owns it now.
  service_.spawn(accept_loop(shared_from_this()));
  service_.spawn(tick_loop(shared_from_this()));
  return {};
}

Task<void> HttpServer::Impl::accept_loop(std::shared_ptr<Impl> self) {
  while (!self->shared_.draining.load()) {
    Socket socket(asio::make_strand(self->executor_));
    const auto accepted = co_await self->acceptor_.async_accept(socket, kAsTuple);
    const auto& [ec] = accepted;
    if (self->shared_.draining.load()) break;
    if (!ec) {
      self->admit(std::move(socket));
      continue;
    }
    // A client that left again, or no descriptors: neither is a reason to stop listening.
    log::warn("net", "Could not accept a connection.", {{"cause", ec.message()}});
    const Status paused = co_await delay(kAcceptPause);
    if (!paused) break;
  }
  co_return Status{};
}

void HttpServer::Impl::admit(Socket socket) {
  std::optional<Peer> peer = peer_of(socket, listener_.family);
  if (!peer) return;  // It has left already.
  boost::system::error_code ec;
  socket.native_non_blocking(true, ec);
  const bool full = registry_.size() >= shared_.limits.max_connections;
  if (ec || (full && !registry_.make_room())) {
    ++shared_.counters.refused_connections;
    socket.send(asio::buffer(kTooMany), 0, ec);
    return;
  }
  ++shared_.counters.connections;
  const Executor executor = socket.get_executor();
  connections_.spawn(executor, serve(shared_from_this(), std::move(socket), std::move(*peer)));
}

Task<void> HttpServer::Impl::serve(std::shared_ptr<Impl> self, Socket socket, Peer peer) {
  if (!peer.over_unix_socket) set_no_delay(socket);
  Connection connection(std::move(socket), std::move(peer), self->shared_);
  const ConnectionRegistry::Entry entry(self->registry_, {connection.fd(), connection.watch()});
  Task<void> work = connection.run();
  const Status ended = co_await with_stop(std::move(work), connection.watch()->cut_token());
  static_cast<void>(ended);  // A client's end is no error of the server.
  co_return Status{};
}

Task<void> HttpServer::Impl::tick_loop(std::shared_ptr<Impl> self) {
  Status slept;
  while (slept) {
    const bool draining = self->shared_.draining.load();
    const SteadyTime now = system_clock().now();
    self->shared_.counters.timeouts += self->registry_.tick(now, draining);
    slept = co_await delay(self->tick_);
  }
  co_return Status{};
}

Task<void> HttpServer::Impl::wait_for_connections(std::shared_ptr<Impl> self, Duration limit) {
  const SteadyTime deadline = system_clock().now() + limit;
  while (self->connections_.running() > 0 && system_clock().now() < deadline) {
    const Status slept = co_await delay(std::min(self->tick_, kMinTick * 2));
    if (!slept) co_return slept;
  }
  co_return Status{};
}

Task<void> HttpServer::Impl::drain(std::shared_ptr<Impl> self) {
  boost::system::error_code ec;
  self->acceptor_.close(ec);
  self->listener_.file = SocketFile{};
  self->registry_.tick(system_clock().now(), true);
  const Status drained = co_await wait_for_connections(self, self->shared_.limits.drain_timeout);
  if (drained && self->connections_.running() > 0) {
    self->registry_.ask_all_to_stop(system_clock().now());
    const Status stopped = co_await wait_for_connections(self, kStopGrace);
    static_cast<void>(stopped);  // Cancelling follows in any case.
  }
  self->connections_.cancel();
  self->service_.cancel();
  const Status left = co_await self->connections_.join();
  static_cast<void>(left);
  co_return co_await self->service_.join();
}

void HttpServer::Impl::stop() {
  const std::lock_guard lock(stop_mutex_);
  if (std::exchange(stopped_, true)) return;
  shared_.draining.store(true);
  const Status ended = sync_wait(strand_, drain(shared_from_this()));
  if (!ended && ended.error().code != Errc::unavailable) {
    log::warn("net", "The server did not stop cleanly.", {{"error", ended.error().to_string()}});
  }
}

ServerStats HttpServer::Impl::stats() const {
  const ServerCounters& counters = shared_.counters;
  return {.connections = counters.connections.load(),
          .requests = counters.requests.load(),
          .body_bytes_sent = counters.body_bytes_sent.load(),
          .refused_connections = counters.refused_connections.load(),
          .timeouts = counters.timeouts.load(),
          .open_connections = registry_.size()};
}

std::string HttpServer::Impl::base_url() const {
  constexpr std::string_view kPlain = "http:";
  std::string url = net::base_url(listener_.local);
  if (shared_.tls && url.starts_with(kPlain)) url.replace(0, kPlain.size(), "https:");
  return url;
}

Result<std::unique_ptr<HttpServer>> HttpServer::listen(asio::any_io_executor executor,
                                                       Endpoint endpoint, HttpHandler handler,
                                                       ServerOptions options) {
  ConnectionRules rules{std::move(handler),
                        std::move(options.check_head),
                        std::move(options.ready),
                        options.limits,
                        nullptr,
                        std::move(options.streamed),
                        std::move(options.live),
                        std::move(options.body_limit),
                        std::move(options.hold_body),
                        std::move(options.known),
                        std::move(options.shape),
                        std::move(options.shape_http1)};
  if (options.tls) {
    ACCEL_TRY(rules.tls, make_tls_server_context(*options.tls));
  }
  ACCEL_TRY(Listener listener, open_listener(endpoint));
  auto impl = std::make_shared<Impl>(std::move(executor), std::move(listener), std::move(rules));
  ACCEL_CHECK(impl->start());
  struct Made : HttpServer {
    explicit Made(std::shared_ptr<Impl> made) : HttpServer(std::move(made)) {}
  };
  return std::make_unique<Made>(std::move(impl));
}

HttpServer::HttpServer(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
HttpServer::~HttpServer() { stop(); }
const Endpoint& HttpServer::local() const { return impl_->local(); }
std::string HttpServer::base_url() const { return impl_->base_url(); }
void HttpServer::stop() { impl_->stop(); }
ServerStats HttpServer::stats() const { return impl_->stats(); }

}  // namespace accel::net
