// SPDX-License-Identifier: Apache-2.0
#pragma once
// Kademlia: who is where, who has what, and small signed values, asked of peers and kept for them.
// Two networks that never mix: the LAN one (client and server, private addresses only) and the
// public one (client only, public addresses only). Used by node, one Kad per network over one Host.
//
// Threads: everything on the host's serial executor, except what says otherwise. Ownership: what
// the constructor takes outlives this; shutdown() first, then the host's, then this is destroyed.
// Specs: ipfs/specs src/routing/kad-dht.md, libp2p/specs kad-dht/README.md.

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string_view>
#include <vector>

#include "accel/core/async/task.hpp"
#include "accel/core/clock.hpp"
#include "accel/core/metrics.hpp"
#include "accel/core/random.hpp"
#include "accel/ipld/multihash.hpp"
#include "accel/libp2p/host.hpp"

namespace accel::libp2p {

enum class KadNetwork { lan, wan };

inline constexpr std::string_view kLanKadProtocol = "/ipfs/lan/kad/1.0.0";
inline constexpr std::string_view kWanKadProtocol = "/ipfs/kad/1.0.0";
// "/ipns/" and "/pk/" before the bytes of a peer id: the keys of values.
inline constexpr std::string_view kIpnsKeyPrefix = "/ipns/";
inline constexpr std::string_view kPublicKeyPrefix = "/pk/";

// Each has its reason beside it.
struct KadLimits {
  std::size_t streams_per_peer = 16;  // Towards us; one is enough for an honest peer.
  // Of one machine: above it, that stream of its own ends that waits longest.
  std::size_t streams_per_origin = 128;
  std::size_t streams = 512;                 // Towards us; above it, the same of all.
  std::size_t requests_per_stream = 10'000;  // Then it opens another one.
  std::size_t checks = 8;                    // Newcomers asked at a time whether they answer.
  std::size_t peers_per_query = 200;         // Asked at most: a liar knows ever closer friends.
  std::chrono::milliseconds request_timeout{10'000};  // Dialing included; as go-libp2p-kad-dht.
  std::chrono::milliseconds query_timeout{60'000};    // The whole of an operation.
  std::chrono::milliseconds idle{60'000};             // A stream towards us without a request.
};

struct KadOptions {
  KadNetwork network = KadNetwork::lan;
  bool serve = true;      // Answers others; the LAN network only.
  bool loopback = false;  // Addresses of this machine itself count as private ones.
  Duration refresh = std::chrono::minutes(10);  // Of buckets in which nothing was looked up.
  // Records expire, idle streams close; who is connected and not in the table is asked again.
  Duration upkeep = std::chrono::seconds(30);
  KadLimits limits{};
};

struct KadPeer {
  PeerId id;
  std::vector<Multiaddr> addresses;  // Without the peer id; may be empty.
};

// How far an announcement got.
struct KadReport {
  std::size_t closest = 0;  // Peers that should keep it.
  std::size_t stored = 0;   // Those that took it.
  std::size_t asked = 0;    // Requests of the search for them.
};

struct KadStat {
  std::size_t peers = 0;             // In the routing table.
  std::vector<std::size_t> buckets;  // By common prefix length.
  std::size_t provider_keys = 0;     // Kept for others.
  std::size_t provider_records = 0;
  std::size_t values = 0;
  std::size_t refused = 0;  // Peers that the limits on one network or bucket kept out.
};

class Kad {
 public:
  Kad(Executor executor, Host& host, const Clock& clock, Metrics& metrics, KadOptions options);
  ~Kad();
  Kad(const Kad&) = delete;
  Kad& operator=(const Kad&) = delete;

  // Learns of peers by the host's identify, serves the protocol (LAN), refreshes from now on.
  void attach();

  // All operations: errors unavailable (the routing table is empty, or nobody answered), cancelled
  // (`stop`), timeout.

  // Where a peer is; it was not dialed. Errors: not_found.
  Task<KadPeer> find_peer(PeerId peer, std::stop_token stop);
  // Tells each provider once, as it is found, until there are `count` (0: all) or it says false.
  using OnProvider = std::function<bool(const KadPeer&)>;
  Task<std::size_t> find_providers(ipld::Multihash key, std::size_t count, OnProvider on_provider,
                                   std::stop_token stop);
  // Tells the closest peers that this node has the block. Errors: invalid_argument (no address of
  // ours belongs to this network).
  Task<KadReport> provide(ipld::Multihash key, std::stop_token stop);
  // Signed values: "/ipns/" + peer id bytes -> IPNS record, "/pk/" + peer id bytes -> public key.
  // Errors: invalid_argument, corrupt (the value is not what its key says), already_exists (a newer
  // one is known).
  Task<KadReport> put_value(Bytes key, Bytes value, std::stop_token stop);
  // The best of what is found; nothing when nobody has one that is valid.
  Task<std::optional<Bytes>> get_value(Bytes key, std::stop_token stop);
  // Looks for itself and in buckets that are due. No peers at all is no error.
  Task<void> refresh(std::stop_token stop);

  KadStat stat() const;

  // Ends everything; nothing of this runs when it returns, but streams that the host owns.
  Task<void> shutdown();

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;  // Owners: this, and its tasks and handlers until they have ended.
};

}  // namespace accel::libp2p
