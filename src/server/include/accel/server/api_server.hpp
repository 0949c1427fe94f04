// SPDX-License-Identifier: Apache-2.0
#pragma once
// The daemon's listeners: home/api.sock always, TCP for the API and for the gateway when asked.
// Routes (docs/api.md):
//   POST /api/v1/<method>   a method of the node, answered as api_frames.hpp says
//   GET  /metrics /healthz /readyz /version
//   GET  / /dashboard/…     the page for people: static files, which ask the API
//   POST /api/v0/<command>  Kubo's RPC, when asked for
//   the protocols of api/openapi.yaml, and over HTTP/2 those of api/inference.proto (gRPC)
// and, on the gateway's port alone, GET /ipfs/… and /ipns/…: stored pages must not share the API's
// origin. Over TCP the API checks Host and Origin and asks for an API key or the token of
// home/api.token (all methods but those that are open), both before it reads a body. A client that
// stops reading is cut off after the limits' stall_timeout, which stops its method; one that waits
// for a quiet method is not. Used by the CLI's `daemon`. Threads: owns its I/O thread and a pool
// for running methods; start and stop from one thread.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "accel/core/result.hpp"
#include "accel/net/endpoint.hpp"
#include "accel/net/http_server.hpp"
#include "accel/node/home.hpp"
#include "accel/node/node.hpp"
#include "accel/server/telemetry.hpp"

namespace accel::server {

net::ServerLimits api_limits();

struct ServerOptions {
  std::optional<net::Endpoint> api;          // TCP, besides home/api.sock.
  std::optional<net::Endpoint> grpc;         // TCP: the same routes once more.
  std::optional<net::Endpoint> gateway;      // TCP.
  std::optional<net::Endpoint> gateway_tls;  // TCP with TLS, as `tls` says.
  net::ServerTls tls;
  std::optional<net::ServerTls> api_tls{};  // Of `api` and `grpc`: only TLS then.
  std::vector<std::string> hosts{};         // More names than localhost that the API answers to.
  bool kubo_rpc = false;                    // Serves /api/v0 too, on the API's listeners.
  std::uint64_t kubo_rpc_upload = std::uint64_t{64} << 30U;  // Bytes of one upload at most.
  std::size_t workers = 16;                     // Methods that may run at once; more wait.
  Duration max_request_time{};                  // Of what runs a model; zero: no limit.
  std::optional<TelemetryOptions> telemetry{};  // Where traces go; nothing: nothing is traced.
  net::ServerLimits limits = api_limits();      // Of the API's listeners.
};

class ApiServer {
 public:
  // `node` must outlive the server. Errors: unavailable (a port in use), permission_denied, io, and
  // as opening the store.
  static Result<std::unique_ptr<ApiServer>> start(node::Node& node, const node::Home& home,
                                                  const ServerOptions& options);
  ~ApiServer();

  // Where it listens, with the ports that the kernel chose; empty when not asked for.
  std::string api_address() const;
  // HOST:PORT for gRPC's clients: that of its own listener, else that of the API's.
  std::string grpc_address() const;
  std::string gateway_address() const;
  std::string gateway_tls_address() const;
  // Lets running requests come to rest, then closes. Idempotent.
  void stop();

 private:
  class Impl;
  explicit ApiServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace accel::server
