// SPDX-License-Identifier: Apache-2.0
#include "accel/libp2p/host.hpp"

#include <boost/asio/dispatch.hpp>

#include "accel/core/random.hpp"
#include "host_impl.hpp"
#include "identity.hpp"
#include "remote.hpp"

namespace accel::libp2p {

Host::Impl::Impl(Executor on, HostOptions with)
    : executor(std::move(on)),
      options(std::move(with)),
      key(options.key ? *options.key : crypto::Ed25519Key::generate(system_random())),
      id(peer_id_of(key)),
      budget{options.limits.buffered_bytes},
      tasks(executor, "libp2p") {
  budget.make_room = [this](std::size_t at_least) { reset_largest_stream(at_least); };
}

Host::Host(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

Host::~Host() { stop(); }

Result<std::unique_ptr<Host>> Host::start(Executor executor, HostOptions options) {
  auto impl = std::make_shared<Impl>(std::move(executor), std::move(options));
  for (const Multiaddr& address : impl->options.listen) ACCEL_CHECK(impl->listen(address));
  for (std::size_t i = 0; i < impl->listeners.size(); ++i) {
    impl->tasks.spawn(impl->accept_loop(impl, i));
  }
  return std::unique_ptr<Host>(new Host(std::move(impl)));  // tidy: raw-new: private constructor
}

const PeerId& Host::id() const { return impl_->id; }

std::vector<Multiaddr> Host::addresses() const { return impl_->listens; }

Task<PeerId> Host::connect(Multiaddr address) { return impl_->connect(impl_, std::move(address)); }

namespace {

Task<std::unique_ptr<Stream>> open_stream(std::shared_ptr<Connection> connection,
                                          std::vector<std::string> protocols) {
  co_return co_await connection->open(std::move(protocols));
}

}  // namespace

Task<std::unique_ptr<Stream>> Host::open(PeerId peer, std::vector<std::string> protocols) {
  const auto impl = impl_;
  if (impl->best(peer) == nullptr) {
    const Status reached = co_await impl->reach(impl, peer);
    ACCEL_CO_CHECK(reached);
  }
  const auto connection = impl->best(peer);
  if (connection == nullptr) co_return fail(Errc::unavailable, "{} has gone.", peer);
  co_return co_await open_stream(connection, std::move(protocols));
}

Task<void> Host::reach(PeerId peer, std::vector<Multiaddr> also) {
  const auto impl = impl_;
  if (impl->best(peer) != nullptr) co_return Status{};
  auto reaching = impl->reach(impl, std::move(peer), std::move(also));
  co_return co_await std::move(reaching);
}

std::optional<Multiaddr> Host::remote_of(const PeerId& peer) const {
  const auto connection = impl_->best(peer);
  return connection == nullptr ? std::nullopt : std::optional(connection->remote());
}

std::string Host::machine_of(const PeerId& peer) const {
  const auto remote = remote_of(peer);
  return remote ? origin_of(*remote) : std::string();
}

std::vector<Multiaddr> Host::addresses_of(const PeerId& peer) const {
  return impl_->addresses_of(peer);
}

void Host::handle(std::string protocol, Handler handler) {
  asio::dispatch(impl_->executor,
                 [impl = impl_, name = std::move(protocol), serve = std::move(handler)]() mutable {
                   impl->handlers.insert_or_assign(std::move(name), std::move(serve));
                   impl->protocols_changed();
                 });
}

std::vector<ConnectionInfo> Host::connections() const {
  std::vector<ConnectionInfo> list;
  for (const auto& [peer, held] : impl_->connections) {
    for (const auto& connection : held) list.push_back(connection->info());
  }
  return list;
}

HostCounters Host::counters() const { return impl_->counters; }

void Host::disconnect(PeerId peer) {
  asio::dispatch(impl_->executor, [impl = impl_, name = std::move(peer)] {
    const auto found = impl->connections.find(name);
    if (found == impl->connections.end()) return;
    const auto held = found->second;  // close() changes the table later.
    for (const auto& connection : held) {
      connection->go_away(YamuxGoAway::normal);
      connection->close();
    }
  });
}

Task<Duration> Host::ping(PeerId peer) { return impl_->ping(impl_, std::move(peer)); }

void Host::on_identified(Identified observer) {
  asio::dispatch(impl_->executor, [impl = impl_, call = std::move(observer)]() mutable {
    impl->identified.push_back(std::move(call));
  });
}

void Host::on_disconnected(std::function<void(const PeerId&)> observer) {
  asio::dispatch(impl_->executor, [impl = impl_, call = std::move(observer)]() mutable {
    impl->disconnected.push_back(std::move(call));
  });
}

void Host::Impl::stop() {
  if (std::exchange(stopped, true)) return;
  boost::system::error_code ignored;
  for (auto& listener : listeners) listener.acceptor.close(ignored);
  for (const auto& [peer, held] : connections) {
    for (const auto& connection : held) {
      connection->go_away(YamuxGoAway::normal);
      connection->close();
    }
  }
  handlers.clear();
  identified.clear();
  disconnected.clear();
  tasks.cancel();
}

void Host::stop() {
  asio::dispatch(impl_->executor, [impl = impl_] { impl->stop(); });
}

namespace {

Task<void> join(std::shared_ptr<TaskGroup> tasks) { co_return co_await tasks->join(); }

}  // namespace

Task<void> Host::shutdown() {
  const auto impl = impl_;
  impl->stop();
  const std::shared_ptr<TaskGroup> tasks(impl, &impl->tasks);  // Owned by the host's parts.
  const Status joined = co_await join(tasks);
  static_cast<void>(joined);  // What ended by its own error has been logged.
  co_return Status{};
}

}  // namespace accel::libp2p
