// SPDX-License-Identifier: Apache-2.0
#pragma once
// From a mutable name (an IPNS name or a domain with a DNSLink) to content. Used by the gateway and
// by node's name methods. resolve() and has_dnslink() block where DNS is asked or the store read;
// safe from any thread. Spec: ipfs/specs src/ipns/ipns-record.md, dnslink.dev.

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "accel/gateway/gateway.hpp"
#include "accel/ipld/cid.hpp"

namespace accel::gateway {

struct ResolvedName {
  ipld::Cid root;
  std::vector<std::string> path = {};  // Below the root, when the name leads there.
  std::chrono::seconds ttl{0};         // The shortest on the way.
};

struct NameRules {
  DnsLinks dnslinks = {};
  TxtLookup lookup_txt = {};
  std::size_t max_steps = 8;
  const Clock* clock = &system_clock();
};

class NameResolver {
 public:
  NameResolver(const blockstore::Store& store, NameRules rules);
  ~NameResolver();
  NameResolver(const NameResolver&) = delete;
  NameResolver& operator=(const NameResolver&) = delete;

  // Errors, with sentences fit for strangers: not_found (no record, no DNSLink), unavailable
  // (expired), corrupt, invalid_argument (neither a name nor a domain, or it leads nowhere),
  // resource_exhausted (more than max_steps names in a row), timeout, io.
  Result<ResolvedName> resolve(std::string_view name) const;
  bool has_dnslink(const std::string& domain) const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace accel::gateway
