// SPDX-License-Identifier: Apache-2.0
#pragma once
// Messages on a stream, each behind its length as uvarint: how identify, bitswap and Kademlia talk.
// Used by whoever speaks such a protocol; the reader belongs to one stream and reads ahead of what
// it returns.

#include <chrono>
#include <cstddef>
#include <optional>

#include "accel/core/clock.hpp"
#include "accel/core/raw_buffer.hpp"
#include "accel/libp2p/stream.hpp"

namespace accel::libp2p {

class FramedReader {
 public:
  // The stream outlives the reader. A message that has begun must be there after `patience`, and a
  // second more for each 16 KiB of it; before its first byte the reader waits for ever.
  FramedReader(Stream& stream, std::size_t max_message_bytes,
               Duration patience = std::chrono::seconds(30));

  // The next message; nothing when the peer has closed between two messages. Errors: protocol (a
  // length above the limit or no varint, or the end inside a message), timeout, those of the
  // stream.
  Task<std::optional<Bytes>> read();
  // The same; a large message comes in the buffer that it was received into.
  Task<std::optional<RawBuffer>> read_buffer();

 private:
  struct Length {
    std::size_t prefix = 0;  // Of the length itself.
    std::size_t message = 0;
  };
  Result<std::optional<Length>> length() const;  // Nothing: more must come first.
  Result<std::optional<RawBuffer>> take();       // The same.
  Result<std::size_t> room() const;              // For the next read.
  Task<bool> fill();                             // False at the end.
  Task<RawBuffer> finish();                      // A message whose first bytes are there.
  Duration time_for_rest() const;

  Stream& stream_;
  std::size_t max_message_bytes_;
  Duration patience_;
  RawBuffer buffer_;
};

// One message behind its length, in one write. Errors: those of the stream.
Task<void> write_framed(Stream& stream, Bytes message);

}  // namespace accel::libp2p
