// SPDX-License-Identifier: Apache-2.0
#pragma once
// What this node tells about itself through the gateway's routing API, and what it keeps of what
// others publish there. Used by Services. Private to node.

#include <mutex>
#include <string>
#include <vector>

#include "accel/blockstore/store.hpp"
#include "accel/core/config.hpp"
#include "accel/gateway/routing_rules.hpp"
#include "accel/node/home.hpp"

namespace accel::node {

// Published IPNS records of names that are new here; known names may be renewed beyond it. About
// 4 MB of small values.
inline constexpr std::size_t kMaxPublishedRecords = 10'000;

// Who serves what is in the store. Safe from any thread. The gateway alone today; the libp2p host
// of this node has its place here.
class ServingPeers {
 public:
  void set(std::vector<routing::PeerRecord> records);
  std::vector<routing::PeerRecord> get() const;

 private:
  mutable std::mutex mutex_;
  std::vector<routing::PeerRecord> records_;
};

// The gateway's record: the addresses of gateway.announce, or else of the listeners, but for those
// that listen everywhere and so have none. Its peer id is that of the key that it speaks TLS with:
// over HTTP nobody proves it, but nobody else can claim it. Errors: as gateway_tls(),
// invalid_argument (gateway.announce has no URL).
Result<routing::PeerRecord> gateway_record(const Home& home, const Config& config,
                                           const std::vector<std::string>& listeners);

// Keeps a record that a stranger published. Errors: resource_exhausted, and as put_ipns_record().
Status keep_published(blockstore::Store& store, const ipld::IpnsName& name, ByteView record,
                      WallTime now);

}  // namespace accel::node
