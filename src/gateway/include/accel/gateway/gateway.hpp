// SPDX-License-Identifier: Apache-2.0
#pragma once
// The gateway as a server: trustless (blocks, CAR, IPNS records that the client verifies itself)
// and, for people and plain tools, files, folders, TAR and documents by path, by subdomain and by
// DNSLink. node mounts it on the gateway listener. Threads: handle() may run on any thread of the
// server's executor, many calls at once; store calls that may block run on the OffloadPool.
// Ownership: references outlive the gateway, the gateway outlives the server. Spec: ipfs/specs
// src/http-gateways/{trustless,path,subdomain,dnslink}-gateway.md, web-redirects-file.md. Private
// roots and everything under them answer like what is not there, on every path and in every format.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "accel/core/async/offload.hpp"
#include "accel/core/clock.hpp"
#include "accel/core/metrics.hpp"
#include "accel/gateway/routing_rules.hpp"
#include "accel/net/message.hpp"

namespace accel::blockstore {
class Store;
}

namespace accel::gateway {

struct GatewayLimits {
  std::size_t max_path_segments = 64;
  std::size_t max_listed_entries = 10'000;  // Of a longer folder the page has some and says so.
  std::uint64_t stream_piece_bytes =
      1024 * 1024;              // Copied at a time when a file cannot be sent from its place.
  std::size_t max_ranges = 16;  // Of one request; more of them, or overlapping ones: all is sent.
  std::size_t max_name_steps = 8;  // From name to name, until content is reached.
  // At a time from one address, streams included; 429 beyond. Loopback is not counted: a reverse
  // proxy stands for many. 0: no limit.
  std::size_t max_requests_per_client = 128;
};

// A host name that the gateway is known by. Others are looked up as DNSLink, and else treated as a
// plain path gateway.
struct KnownHost {
  std::string name;         // Lower case, without port.
  bool subdomains = false;  // {cid}.ipfs.NAME, and redirects to it: an origin for each root.
};
// "localhost=subdomain", "gateway.example=path". Errors: invalid_argument.
Result<KnownHost> parse_known_host(std::string_view text);

// Domain -> "/ipfs/…" or "/ipns/…".
using DnsLinks = std::map<std::string, std::string, std::less<>>;
// "DOMAIN:/ipfs/…", as in IPFS_NS_MAP. Errors: invalid_argument.
Result<DnsLinks> parse_dnslinks(const std::vector<std::string>& items);

// TXT records of a domain name. Blocks; called on the OffloadPool. Errors: not_found, timeout, …
using TxtLookup = std::function<Result<std::vector<std::string>>(const std::string& domain)>;

struct GatewayOptions {
  GatewayLimits limits = {};
  std::vector<KnownHost> hosts = {{"localhost", true}};
  DnsLinks dnslinks = {};
  TxtLookup lookup_txt = {};  // Empty: DNS is never asked.
  RoutingRules routing = {};
  // Blocks and CARs of /ipfs/{cid} alone: what the client verifies itself, and no names.
  bool only_blocks = false;
  const Clock* clock = &system_clock();
};

class Gateway {
 public:
  Gateway(const blockstore::Store& store, OffloadPool& pool, Metrics& metrics,
          GatewayOptions options = {});
  ~Gateway();
  Gateway(const Gateway&) = delete;
  Gateway& operator=(const Gateway&) = delete;

  // GET, HEAD and OPTIONS of /ipfs/… and /ipns/…, or of any path on a host that stands for content;
  // CONNECT, which leads back to this gateway whatever host it names; with RoutingRules
  // /routing/v1/… on hosts that stand for no content. Every outcome is a response.
  Task<net::HttpResponse> handle(net::HttpRequest request, std::stop_token stop);
  // Of a request: a record, whether or not this node takes any.
  std::uint64_t max_body_bytes() const;
  // handle() as a handler; the gateway must outlive the server.
  net::HttpHandler handler();
  // What needs no work: small raw blocks that are asked for again and lie in memory. As handle()
  // would answer, byte for byte.
  net::ReadyHandler ready_handler();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace accel::gateway
