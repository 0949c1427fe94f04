// SPDX-License-Identifier: Apache-2.0
#pragma once
// Messages on a stream, each behind its length as uvarint: how identify, bitswap and Kademlia talk.
// Used by whoever speaks such a protocol; the reader belongs to one stream and reads ahead of what
// it returns.

#include <cstddef>
#include <optional>

#include "accel/libp2p/stream.hpp"

namespace accel::libp2p {

class FramedReader {
 public:
  // The stream outlives the reader.
  FramedReader(Stream& stream, std::size_t max_message_bytes);

  // The next message; nothing when the peer has closed between two messages. Errors: protocol (a
  // length above the limit or no varint, or the end inside a message), those of the stream.
  Task<std::optional<Bytes>> read();

 private:
  Task<bool> fill();  // False at the end.

  Stream& stream_;
  std::size_t max_message_bytes_;
  Bytes buffer_;
  std::size_t begin_ = 0;  // What lies before it was returned already.
};

// One message behind its length, in one write. Errors: those of the stream.
Task<void> write_framed(Stream& stream, Bytes message);

}  // namespace accel::libp2p
