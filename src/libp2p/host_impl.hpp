// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a Host is made of. Private to libp2p. Everything on its executor, except what says
// otherwise.

#include <boost/asio/ip/tcp.hpp>
#include <deque>
#include <map>
#include <unordered_map>

#include "accel/core/async/task_group.hpp"
#include "connection.hpp"
#include "dial_plan.hpp"
#include "identify_message.hpp"
#include "signal.hpp"
#include "tls.hpp"

namespace accel::libp2p {

inline constexpr std::string_view kIdentifyProtocol = "/ipfs/id/1.0.0";
inline constexpr std::string_view kIdentifyPushProtocol = "/ipfs/id/push/1.0.0";
inline constexpr std::string_view kPingProtocol = "/ipfs/ping/1.0.0";

struct Host::Impl : std::enable_shared_from_this<Host::Impl> {
  using Tcp = asio::ip::tcp;
  using ConnectionPtr = std::shared_ptr<Connection>;

  Impl(Executor on, HostOptions with);

  // Listening (host_listen.cpp).
  Status listen(const Multiaddr& address);
  Task<void> accept_loop(std::shared_ptr<Impl> self, std::size_t index);
  struct Guest;  // A handshake that a peer began.
  Task<void> welcome(std::shared_ptr<Impl> self, Tcp::socket socket, Multiaddr remote,
                     std::unique_ptr<Guest> guest);
  bool has_room_for(const Multiaddr& remote);
  bool make_room();

  struct Listener {
    Tcp::acceptor acceptor;
    bool websocket = false;
  };

  // Dialing (host_dial.cpp).
  struct Dial {
    explicit Dial(const Executor& on) : ended(on) {}
    Signal ended;
    std::vector<Multiaddr> addresses;  // All that are tried.
    bool tries_resting = false;        // Those that failed lately, too.
    std::optional<Result<PeerId>> result;
  };
  struct Addresses {
    std::vector<Multiaddr> proven;  // What worked last comes first.
    std::vector<Multiaddr> told;    // By the peer.
  };
  struct DialErrors;
  struct Race;
  Task<PeerId> connect(std::shared_ptr<Impl> self, Multiaddr address);
  Task<PeerId> wait_for(std::shared_ptr<Dial> dial);
  Task<void> run_dial(std::shared_ptr<Impl> self, std::shared_ptr<Dial> dial,
                      std::optional<PeerId> expected);
  Task<PeerId> dial_all(Dial& dial, std::optional<PeerId> expected);
  using Routes = std::vector<DialRoute>;
  Task<void> find_in_time(Multiaddr address, Routes& into);
  Task<void> collect_routes(Dial& dial, bool names, Routes& into, DialErrors& errors);
  std::shared_ptr<Dial> begin_dial(std::optional<PeerId> expected, std::vector<Multiaddr> addresses,
                                   bool tries_resting);
  Status may_dial(const PeerId& peer) const;
  bool has_proven(const PeerId& peer, const Multiaddr& address) const;
  // By the addresses that are known and by others.
  Task<void> reach(std::shared_ptr<Impl> self, PeerId peer, std::vector<Multiaddr> also = {});
  std::vector<Multiaddr> addresses_of(const PeerId& peer) const;
  Addresses& known_of(const PeerId& peer);
  void remember(const PeerId& peer, const Multiaddr& address);  // It worked.
  void take_told(Connection& connection, const std::vector<Multiaddr>& addresses);
  bool rests(const Multiaddr& address);
  void note_failure(const Multiaddr& address);

  // From addresses to routes, over DNS where they are names (host_resolve.cpp).
  Task<void> find_routes(Multiaddr address, Routes& into);
  Task<void> look_up_host(Multiaddr address, Routes& into);
  Task<std::vector<Multiaddr>> look_up_dnsaddr(Multiaddr address);

  // Several routes at once; who is first has won (host_race.cpp).
  Task<PeerId> race(Routes routes, DialErrors& errors);
  Task<void> run_race(Race& race, TaskGroup& attempts);
  Task<void> attempt(Race& race, DialRoute route);
  Task<ConnectionPtr> dial(Race& race, DialRoute route);

  // Connections (host_connections.cpp).
  struct Way {
    Multiaddr remote;  // Without the peer.
    bool outbound = false;
    std::optional<PeerId> expected = std::nullopt;
    std::string host = {};  // What was dialed, for a WebSocket.
  };
  Task<ConnectionPtr> secure(Tcp::socket socket, Way way);
  Task<void> enter_websocket(Link& link, Way way);
  Result<ConnectionPtr> admit(ConnectionPtr connection);
  Status gate(const PeerId& peer) const;
  Task<void> keep(std::shared_ptr<Impl> self, ConnectionPtr connection);
  void forget(const ConnectionPtr& connection);
  ConnectionPtr best(const PeerId& peer) const;
  std::size_t count() const;
  void reset_largest_stream(std::size_t at_least);
  Task<void> serve(ConnectionPtr connection, std::unique_ptr<Stream> stream);
  Task<void> serve_own(ConnectionPtr connection, std::unique_ptr<Stream> stream);

  // Built-in protocols (host_protocols.cpp).
  Task<void> identify(std::shared_ptr<Impl> self, ConnectionPtr connection);
  Task<void> read_introduction(ConnectionPtr connection, std::unique_ptr<Stream> stream);
  Task<void> introduce(ConnectionPtr connection, std::unique_ptr<Stream> stream);
  Task<void> answer_pings(std::unique_ptr<Stream> stream);
  Task<void> push(std::shared_ptr<Impl> self, ConnectionPtr connection);
  Task<void> push_later(std::shared_ptr<Impl> self);
  Task<Duration> ping(std::shared_ptr<Impl> self, PeerId peer);
  IdentifyMessage introduction(const Multiaddr& seen) const;
  void protocols_changed();

  void stop();

  Executor executor;
  HostOptions options;
  crypto::Ed25519Key key;
  PeerId id;
  TlsContext tls;  // Made for the first connection.
  std::vector<Listener> listeners;
  std::vector<Multiaddr> listens;  // Not changed after start().
  YamuxBudget budget;
  HostCounters counters;
  std::map<std::string, Handler> handlers;
  std::unordered_map<PeerId, std::vector<ConnectionPtr>> connections;
  std::unordered_map<PeerId, std::shared_ptr<Dial>> dials;
  std::unordered_map<PeerId, Addresses> known;
  std::deque<PeerId> known_order;  // Oldest first, to bound `known`.
  struct Rest {
    SteadyTime until{};
    Duration length{};
  };
  std::map<Multiaddr, Rest> resting;  // Addresses that failed.
  std::vector<Identified> identified;
  std::vector<std::function<void(const PeerId&)>> disconnected;
  std::size_t handshakes = 0;                        // Inbound, under way.
  std::map<std::string, std::size_t> handshakes_of;  // The same, by origin.
  std::size_t dialing = 0;
  std::size_t inbound_streams = 0;
  bool push_planned = false;
  bool stopped = false;
  TaskGroup tasks;
};

}  // namespace accel::libp2p
