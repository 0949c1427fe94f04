// SPDX-License-Identifier: Apache-2.0
#pragma once
// A libp2p node over TCP and WebSocket: listens, dials, secures (Noise, TLS 1.3), multiplexes
// (Yamux), introduces itself (identify) and hands streams to the handlers of protocols. Used by
// node and exchange. Everything on the executor that start() was given, which must be serial,
// except what says otherwise. README.md has the picture.

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "accel/core/async/task.hpp"
#include "accel/core/clock.hpp"
#include "accel/crypto/ed25519.hpp"
#include "accel/crypto/secret.hpp"
#include "accel/ipld/multiaddr.hpp"
#include "accel/ipld/peer_id.hpp"
#include "accel/libp2p/stream.hpp"

namespace accel::libp2p {

using ipld::Multiaddr;
using ipld::PeerId;

enum class Security { tls, noise };

// Each has its reason beside it; what is above a limit is refused or reset, never queued.
struct HostLimits {
  std::size_t connections = 256;         // File descriptors. Inbound: at most three quarters.
  std::size_t connections_per_peer = 4;  // Both may dial at once, and once more when they renew.
  std::size_t connections_per_ip = 32;   // Inbound; a /64 of IPv6 is one. Loopback: twice as many.
  std::size_t inbound_handshakes = 32;   // Each costs two key agreements.
  std::size_t handshakes_per_ip = 8;     // Inbound, counted as connections_per_ip.
  std::size_t streams_per_connection = 1024;
  std::size_t inbound_streams = 4096;  // Of all connections; above half only few of each.
  std::size_t buffered_bytes_per_connection = std::size_t{32} << 20U;  // Two full windows.
  std::size_t buffered_bytes = std::size_t{256} << 20U;                // Of all connections.
  std::size_t addresses_per_dial = 16;                  // Of one peer; a liar could name thousands.
  std::size_t dials_per_peer = 8;                       // At a time, as go-libp2p.
  std::chrono::milliseconds dial_timeout{5000};         // One address, TCP only.
  std::chrono::milliseconds resolve_timeout{10000};     // All names of one address.
  std::chrono::milliseconds handshake_timeout{10000};   // As go-libp2p's.
  std::chrono::milliseconds first_bytes_timeout{3000};  // Of who connects to us.
  // After it an inbound connection without streams makes room for another at the limit.
  std::chrono::milliseconds idle{10000};
  std::chrono::milliseconds negotiation_timeout{10000};
  std::chrono::milliseconds keepalive{15000};  // A ping; no answer within it ends the connection.
};

// TXT records of a domain name, for /dnsaddr. Errors: those of the look-up.
using TxtLookup = std::function<Task<std::vector<std::string>>(std::string domain)>;

struct HostOptions {
  std::optional<crypto::Ed25519Key> key;  // Nothing: a fresh one.
  std::vector<Multiaddr> listen;          // Empty: dials only. Port 0 lets the kernel choose.
  std::vector<Security> security{Security::tls, Security::noise};  // In order of preference.
  std::vector<PeerId> deny;                                        // Never connected to.
  std::vector<PeerId> allow;                                       // Not empty: nobody else is.
  std::optional<crypto::Secret32> swarm_key;  // Of a private swarm; nobody else is understood.
  std::string agent = "ipfs-accelerate";
  TxtLookup lookup_txt{};  // Empty: /dnsaddr can't be dialed.
  HostLimits limits{};
};

struct ConnectionInfo {
  PeerId peer;
  Multiaddr remote;  // Without the peer id.
  bool outbound = false;
  Security security = Security::noise;
  std::size_t streams = 0;
  std::uint64_t bytes_in = 0;  // On the wire.
  std::uint64_t bytes_out = 0;
  Duration round_trip{};  // Zero until measured.
  Duration age{};
  std::string agent;                   // What identify said; empty until it has.
  std::vector<std::string> protocols;  // The same.
  std::vector<Multiaddr> listens;      // The same.
};

// Since the start; for metrics.
struct HostCounters {
  std::uint64_t dials = 0;
  std::uint64_t dial_failures = 0;
  std::uint64_t inbound = 0;
  std::uint64_t inbound_refused = 0;     // Above a limit, or not allowed.
  std::uint64_t handshake_failures = 0;  // Either direction.
  std::uint64_t streams_opened = 0;
  std::uint64_t streams_accepted = 0;
  std::uint64_t protocol_errors = 0;  // Connections that were ended for what they sent.
};

class Host {
 public:
  using Handler = std::function<Task<void>(std::unique_ptr<Stream>)>;

  // Listens on all addresses or on none. Any thread. Errors: invalid_argument (an address that
  // can't be listened on), unavailable (in use), those of the system.
  static Result<std::unique_ptr<Host>> start(Executor executor, HostOptions options);
  // stop() and shutdown() first: what runs refers to the host.
  ~Host();
  Host(const Host&) = delete;
  Host& operator=(const Host&) = delete;

  // Any thread.
  const PeerId& id() const;
  // Where it listens, with real ports, without the peer id. Any thread.
  std::vector<Multiaddr> addresses() const;

  // Connects, or finds the connection that is there; one dial per peer at a time. What a name
  // (/dns…, /dnsaddr) leads to is dialed as in reach(). The address may go without a peer id: then
  // whoever answers is taken. Errors: invalid_argument (an address that can't be dialed),
  // permission_denied (gated), unauthenticated (another peer answered), unavailable, timeout,
  // resource_exhausted, protocol.
  Task<PeerId> connect(Multiaddr address);
  // A stream whose protocol is the first of the list that the peer accepts, over the connection
  // that is there or by the addresses that are known. Errors: unavailable, unsupported (none of the
  // protocols), resource_exhausted, timeout.
  Task<std::unique_ptr<Stream>> open(PeerId peer, std::vector<std::string> protocols);

  // Connects, if it is not, by the addresses that are known and by these: ranked, each begun a
  // moment after the one before, and the first whose handshake is done is kept. Those that failed
  // lately are left out. Errors: as open().
  Task<void> reach(PeerId peer, std::vector<Multiaddr> also);
  // Where a connected peer is, without its id.
  std::optional<Multiaddr> remote_of(const PeerId& peer) const;
  // What its machine is counted as, whatever ids it has: an address, or a /48 of IPv6. Empty for
  // a peer that is not connected.
  std::string machine_of(const PeerId& peer) const;
  // What is known of a peer, connected or not: what worked first.
  std::vector<Multiaddr> addresses_of(const PeerId& peer) const;

  // Serves a protocol; the peers are told (identify/push). The handler's task is owned by the host
  // and cancelled by stop(); an error that it returns is logged at debug level. What the handler
  // refers to lives until the host is gone.
  void handle(std::string protocol, Handler handler);

  std::vector<ConnectionInfo> connections() const;
  HostCounters counters() const;
  void disconnect(PeerId peer);
  // Round trip of /ipfs/ping/1.0.0 on a new stream. Errors: as open(); protocol (a wrong echo).
  Task<Duration> ping(PeerId peer);

  // Called on the executor: when a peer has said what it speaks, and again when that changes; when
  // the last connection to a peer has gone. Any number of observers; set them before peers come.
  using Identified = std::function<void(const PeerId&, const std::vector<std::string>& protocols)>;
  void on_identified(Identified observer);
  void on_disconnected(std::function<void(const PeerId&)> observer);

  // Stops listening, tells the peers (GoAway) and cancels what runs; does not wait. Any thread.
  void stop();
  // stop(), and returns when nothing runs any more.
  Task<void> shutdown();

 private:
  struct Impl;
  explicit Host(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;  // Owners: the host, and its tasks until they have ended.
};

}  // namespace accel::libp2p
