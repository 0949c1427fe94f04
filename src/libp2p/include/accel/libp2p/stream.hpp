// SPDX-License-Identifier: Apache-2.0
#pragma once
// One ordered, flow-controlled stream of bytes to a peer, its protocol agreed upon. Made by Host;
// used by whoever speaks a protocol (exchange, node). Everything on the host's executor; one reader
// and one writer at a time. Spec: libp2p/specs connections/README.md ("Opening new streams").

#include <cstddef>
#include <span>
#include <string>

#include "accel/core/async/task.hpp"
#include "accel/core/bytes.hpp"
#include "accel/ipld/peer_id.hpp"

namespace accel::libp2p {

class Stream {
 public:
  // Resets what is not closed on both sides; the connection stays.
  virtual ~Stream() = default;

  // What there is, at least one byte; 0: the other side has closed its direction. Errors:
  // unavailable (reset by the peer, or the connection has gone), cancelled.
  virtual Task<std::size_t> read_some(std::span<std::byte> into) = 0;
  // Returns when all bytes are on their way (in the connection's bounded queue). Errors:
  // unavailable, invalid_argument (after close_write()), cancelled (the stream is reset then).
  virtual Task<void> write_all(ByteView bytes) = 0;
  // Says that no more bytes come; reading goes on. Errors: unavailable.
  virtual Task<void> close_write() = 0;
  // Ends both directions now; what waits in them ends with unavailable. Idempotent.
  virtual void reset() = 0;

  virtual const ipld::PeerId& peer() const = 0;
  virtual const std::string& protocol() const = 0;
};

}  // namespace accel::libp2p
