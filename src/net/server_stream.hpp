// SPDX-License-Identifier: Apache-2.0
#pragma once
// How a server connection's bytes travel: the plain socket, or TLS over it. Each call is one
// attempt that never waits; ConnectionIo waits and tries again. Used on the connection's strand
// only.

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "accel/core/result.hpp"
#include "accel/net/http_server.hpp"
#include "accel/net/message.hpp"

namespace accel::net {

enum class Outcome : std::uint8_t {
  moved,       // Some bytes, or the handshake is done.
  ended,       // The client closed, or the file that is sent ended.
  wait_read,   // Try again when the socket can be read,
  wait_write,  // or written.
  failed,
};

struct Attempt {
  Outcome outcome = Outcome::moved;
  std::size_t bytes = 0;
  int error_number = 0;  // Of a failure; 0 when TLS failed.
};

// The attempt that a system call made: its result, and errno when that is negative.
Attempt attempt_of(ssize_t count, Outcome when_blocked);

class ServerStream {
 public:
  virtual ~ServerStream() = default;
  virtual Attempt handshake() = 0;
  virtual Attempt read(std::span<char> out) = 0;
  // more: further bytes follow at once. After wait_* the next send must begin with the same bytes.
  virtual Attempt send(std::span<const iovec> pieces, bool more) = 0;
  virtual Attempt send_file(const FileSlice& slice) = 0;
  // What ALPN agreed on: "h2", "http/1.1", or nothing.
  virtual std::string_view protocol() const = 0;
  // Says goodbye, where the protocol has one.
  virtual void finish() = 0;
};

// The socket must be non-blocking and outlive the stream.
std::unique_ptr<ServerStream> make_plain_server_stream(int fd);

// What all TLS connections of a server share.
class TlsServerContext {
 public:
  virtual ~TlsServerContext() = default;
  // Errors: internal.
  virtual Result<std::unique_ptr<ServerStream>> wrap(int fd) = 0;
};

// Errors: invalid_argument (no certificate, no key, not a pair, or no client_ca that can be read).
Result<std::shared_ptr<TlsServerContext>> make_tls_server_context(const ServerTls& files);

}  // namespace accel::net
