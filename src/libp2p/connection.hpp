// SPDX-License-Identifier: Apache-2.0
#pragma once
// One secured connection to a peer: performs what its Yamux session asks for, and hands out its
// streams. Private to libp2p; Host owns it. Everything on the host's executor.

#include <functional>
#include <memory>
#include <unordered_map>

#include "accel/core/async/task_group.hpp"
#include "accel/libp2p/host.hpp"
#include "link.hpp"
#include "multistream.hpp"
#include "signal.hpp"
#include "upgrade.hpp"
#include "yamux_session.hpp"

namespace accel::libp2p {

class ConnectionStream;

struct ConnectionOptions {
  Executor executor;
  const HostLimits* limits = nullptr;  // Outlives the connection, as does the budget.
  YamuxBudget* budget = nullptr;
  HostCounters* counters = nullptr;
  std::size_t* inbound_streams = nullptr;  // Of all connections of the host.
  bool outbound = false;
  Multiaddr remote{};
};

// Owners: the host's table, the connection's tasks and its streams.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  using Serve = std::function<Task<void>(std::shared_ptr<Connection>, std::unique_ptr<Stream>)>;
  struct Services {
    Multistream::Supports supports;
    Serve serve;
  };

  Connection(ConnectionOptions options, Link link, Upgraded upgraded);
  ~Connection();

  // Until the connection has ended and none of its tasks runs any more.
  Task<void> run(Services services);
  // A task that ends with the connection.
  void spawn(Task<void> task) { tasks_.spawn(std::move(task)); }
  Task<std::unique_ptr<Stream>> open(std::vector<std::string> protocols);

  void go_away(YamuxGoAway reason);
  void close();
  bool closed() const { return closed_; }

  const PeerId& peer() const { return peer_; }
  ConnectionInfo info() const;
  // What identify said.
  struct Introduction {
    std::string agent;
    std::vector<std::string> protocols;
    std::vector<Multiaddr> listens;
  };
  Introduction& introduction() { return introduction_; }
  // Streams of the peer that Host serves itself, under way.
  struct Serving {
    std::size_t introductions = 0;
    std::size_t pings = 0;
  };
  Serving& serving() { return serving_; }
  YamuxSession::Holder largest_stream() const { return session_.largest(); }
  // Its owner learns of it in a turn of its own: the session may be at work now.
  void evict(std::uint32_t stream);
  const Multiaddr& remote() const { return options_.remote; }
  const std::string& origin() const { return origin_; }
  bool outbound() const { return options_.outbound; }
  // Since when there is no stream; nothing while there is one.
  std::optional<SteadyTime> idle_since() const;

 private:
  friend class ConnectionStream;
  Task<void> read_loop(std::shared_ptr<Connection> self);
  Task<void> write_loop(std::shared_ptr<Connection> self);
  Task<void> keep_alive(std::shared_ptr<Connection> self);
  Task<void> accept(std::shared_ptr<Connection> self, std::uint32_t id);
  Task<std::unique_ptr<Stream>> open_now(std::vector<std::string> protocols);
  Status take_input();
  bool may_accept() const;
  void dispatch();
  void kick();

  ConnectionOptions options_;
  Link link_;
  std::unique_ptr<SecureCodec> codec_;
  PeerId peer_;
  Security security_;
  RawBuffer plain_in_;
  RawBuffer plain_out_;
  RawBuffer wire_out_;
  YamuxSession session_;
  std::unordered_map<std::uint32_t, ConnectionStream*> streams_;  // Borrowed; they sign off.
  Services services_;
  Signal output_;
  Signal openable_;
  Introduction introduction_;
  Serving serving_;
  std::size_t inbound_ = 0;  // Streams.
  std::string origin_;
  SteadyTime began_;
  SteadyTime quiet_since_;
  bool writing_ = false;
  bool closed_ = false;
  TaskGroup tasks_;
};

}  // namespace accel::libp2p
