// SPDX-License-Identifier: Apache-2.0
#pragma once
// A stream of a Connection. Private to libp2p.

#include "accel/libp2p/stream.hpp"
#include "connection.hpp"
#include "signal.hpp"

namespace accel::libp2p {

class ConnectionStream final : public Stream {
 public:
  ConnectionStream(std::shared_ptr<Connection> connection, std::uint32_t id);
  ~ConnectionStream() override;
  ConnectionStream(const ConnectionStream&) = delete;
  ConnectionStream& operator=(const ConnectionStream&) = delete;

  Task<std::size_t> read_some(std::span<std::byte> into) override;
  Task<void> write_all(ByteView bytes) override;
  Task<void> close_write() override;
  void reset() override;
  const PeerId& peer() const override { return connection_->peer(); }
  const std::string& protocol() const override { return protocol_; }

  // Agrees on the protocol. Errors: protocol, unsupported, those of the stream.
  Task<void> negotiate(Multistream negotiation);
  // Proposes a protocol that the peer said it speaks, and does not wait: what is written goes with
  // it, the first read takes the answer. Saves a round trip.
  Task<void> propose(std::string protocol);
  void wake_reader() { readable_.call(); }
  void wake_writer() { writable_.call(); }

 private:
  Task<void> send(ByteView bytes);
  Task<std::size_t> read_raw(std::span<std::byte> into);
  Task<void> take_answer(Multistream& negotiation);
  Task<void> settle();  // The answer to propose(), if it is still out.

  std::shared_ptr<Connection> connection_;
  std::uint32_t id_;
  std::string protocol_;
  std::optional<Multistream> unanswered_;  // After propose().
  bool settling_ = false;
  Signal settled_;
  Signal readable_;
  Signal writable_;
};

}  // namespace accel::libp2p
