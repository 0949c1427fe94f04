// SPDX-License-Identifier: Apache-2.0
#pragma once
// Opens the stream for a URL: name, TCP or Unix socket, TLS. Used by HttpClient.

#include <memory>
#include <mutex>
#include <string>

#include "accel/net/url.hpp"
#include "call_guard.hpp"
#include "stream.hpp"

namespace accel::net {

// Where a connection may lead. What came from the network must not reach what only this machine
// may: a redirect of a foreign server goes to the network alone, whatever its host resolves to.
enum class Reach { anywhere, network };

class Connector {
 public:
  Connector(Executor executor, Duration connect_timeout, std::string ca_file);

  // The guard covers every wait in it, and watches nothing when this returns. Error messages are
  // parts of a sentence. Errors besides those of the network: protocol (beyond the reach).
  Task<std::unique_ptr<ByteStream>> connect(Url url, CallGuard& guard, Reach reach);

 private:
  Task<Socket> connect_socket(Url url, CallGuard& guard, Reach reach);
  Result<std::shared_ptr<TlsContext>> tls();

  Executor executor_;
  Duration connect_timeout_;
  std::string ca_file_;
  std::mutex tls_mutex_;
  std::shared_ptr<TlsContext> tls_;
};

}  // namespace accel::net
