// SPDX-License-Identifier: Apache-2.0
#pragma once
// A protocol for tests: what comes is sent back.

#include <memory>
#include <vector>

#include "accel/libp2p/stream.hpp"

namespace accel::libp2p {

inline Task<void> echo(std::unique_ptr<Stream> stream) {
  std::vector<std::byte> buffer(100'000);
  for (;;) {
    const auto read = co_await stream->read_some(buffer);
    ACCEL_CO_CHECK(read);
    if (*read == 0) break;
    const ByteView bytes{reinterpret_cast<const std::uint8_t*>(buffer.data()), *read};
    const Status sent = co_await stream->write_all(bytes);
    ACCEL_CO_CHECK(sent);
  }
  co_return co_await stream->close_write();
}

inline Task<void> write_and_close(Stream& stream, std::size_t size) {
  const Bytes bytes(size, 0x5a);
  const Status sent = co_await stream.write_all(bytes);
  ACCEL_CO_CHECK(sent);
  co_return co_await stream.close_write();
}

}  // namespace accel::libp2p
