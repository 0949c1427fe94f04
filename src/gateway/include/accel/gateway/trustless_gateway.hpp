// SPDX-License-Identifier: Apache-2.0
#pragma once
// The gateway as a server: raw blocks that the client verifies itself (trustless), and, for people
// and plain tools, files with Range and minimal folder listings over the same paths. node mounts it
// on the gateway listener. Threads: handle() may run on any thread of the server's executor, many
// calls at once; store calls that may block run on the OffloadPool. Ownership: references outlive
// the gateway. Spec: ipfs/specs http-gateways/trustless-gateway.md (format=raw, the probe) and
// path-gateway.md (the part named above). Private roots and everything under them answer 404, like
// what is not there.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <stop_token>

#include "accel/core/async/offload.hpp"
#include "accel/core/metrics.hpp"
#include "accel/net/message.hpp"

namespace accel::blockstore {
class Store;
}

namespace accel::gateway {

struct GatewayLimits {
  std::size_t max_path_segments = 64;
  std::size_t max_listed_entries = 10'000;  // A longer folder is listed up to here and says so.
  std::uint64_t stream_piece_bytes =
      1024 * 1024;  // Copied at a time when a file cannot be sent from its place.
};

class TrustlessGateway {
 public:
  TrustlessGateway(const blockstore::Store& store, OffloadPool& pool, Metrics& metrics,
                   GatewayLimits limits = {});
  ~TrustlessGateway();
  TrustlessGateway(const TrustlessGateway&) = delete;
  TrustlessGateway& operator=(const TrustlessGateway&) = delete;

  // GET, HEAD and OPTIONS of /ipfs/{cid}[/path]. Every outcome is a response: 200, 206, 304, 400,
  // 404, 405, 406, 416, 5xx.
  Task<net::HttpResponse> handle(net::HttpRequest request, std::stop_token stop);
  // handle() as a handler; the gateway must outlive the server.
  net::HttpHandler handler();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace accel::gateway
