// SPDX-License-Identifier: Apache-2.0
#pragma once
// What the gateway answers about who has what (Delegated Routing V1). Given by node. Spec:
// ipfs/specs src/routing/http-routing-v1.md.

#include <functional>
#include <vector>

#include "accel/core/bytes.hpp"
#include "accel/ipld/ipns_name.hpp"
#include "accel/routing/records.hpp"

namespace accel::gateway {

struct RoutingRules {
  bool enabled = false;  // Else /routing/v1/… is no path of this gateway.
  // Those who serve what the store has: this gateway (a libp2p host could be another). Their
  // addresses are given to clients that can reach them. Must not block; any thread.
  std::function<std::vector<routing::PeerRecord>()> providers = {};
  // Keeps a record that somebody published; empty: nobody may. Blocks.
  std::function<Status(const ipld::IpnsName& name, ByteView record)> put_record = {};
};

}  // namespace accel::gateway
