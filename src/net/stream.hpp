// SPDX-License-Identifier: Apache-2.0
#pragma once
// The client's byte stream: a plain socket or TLS over one. Used by the connector, the pool and
// HttpExchange. Ownership: whoever holds the pointer uses it alone; it may change hands between
// calls, and executors with it.

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "accel/core/async/task.hpp"
#include "socket.hpp"

namespace accel::net {

class ByteStream {
 public:
  virtual ~ByteStream() = default;
  // Reads what there is, at least one byte; 0 at the end. Errors: unavailable (reset), cancelled,
  // protocol (TLS).
  virtual Task<std::size_t> read_some(std::span<std::uint8_t> out) = 0;
  virtual Task<void> write_all(std::string_view text) = 0;
  // The operation under way ends with cancelled. On the executor that runs it.
  virtual void cancel() = 0;
  // False when the peer closed it or sent something that nobody asked for: it can't carry another
  // request.
  virtual bool is_quiet() = 0;

  // Whether the peer is on this machine: its address said so when the connection was made.
  bool peer_is_local() const { return peer_is_local_; }
  void set_peer_is_local(bool local) { peer_is_local_ = local; }

 private:
  bool peer_is_local_ = false;
};

std::unique_ptr<ByteStream> make_plain_stream(Socket socket);

// What all TLS streams of a client share: the trusted certificates, loaded when the first https URL
// is met.
class TlsContext {
 public:
  // ca_file: trusted besides the system's CAs; may be empty. Errors: not_found, invalid_argument.
  static Result<std::shared_ptr<TlsContext>> make(const std::string& ca_file);
  virtual ~TlsContext() = default;
  // The handshake, with the certificate checked against the host's name. Errors: unauthenticated,
  // protocol, unavailable. on_stream is told the stream before the handshake, so that the caller
  // can cancel it.
  virtual Task<std::unique_ptr<ByteStream>> connect(Socket socket, std::string host,
                                                    std::function<void(ByteStream&)> on_stream) = 0;
};

// An error of a socket or of TLS as ours.
Error stream_error(const boost::system::error_code& ec);

}  // namespace accel::net
