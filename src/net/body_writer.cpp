// SPDX-License-Identifier: Apache-2.0
#include "body_writer.hpp"

#include <fmt/format.h>

namespace accel::net {

std::string SocketBodyWriter::chunk_head(std::uint64_t size) const {
  return chunked_ ? fmt::format("{:x}\r\n", size) : std::string{};
}

Task<void> SocketBodyWriter::write(std::string chunk) {
  if (chunk.empty()) co_return Status{};  // An empty chunk would end the body.
  ACCEL_CO_CHECK(count_.add(chunk.size()));
  const std::string head = chunk_head(chunk.size());
  const Pieces pieces{head, chunk, chunked_ ? "\r\n" : ""};
  co_return co_await io_.send(pieces, false);
}

Task<void> SocketBodyWriter::send(FileSlice slice) {
  if (slice.length == 0) co_return Status{};
  ACCEL_CO_CHECK(count_.add(slice.length));
  const std::string head = chunk_head(slice.length);
  const Pieces before{head, {}, {}};
  const Status begun = co_await io_.send(before, true);
  if (!begun) co_return begun;
  const Status sent = co_await io_.send_slice(std::move(slice));
  if (!sent || !chunked_) co_return sent;
  const Pieces after{"\r\n", {}, {}};
  co_return co_await io_.send(after, false);
}

Task<void> SocketBodyWriter::finish() {
  ACCEL_CO_CHECK(count_.check_all());
  if (!chunked_) co_return Status{};
  const Pieces end{"0\r\n\r\n", {}, {}};
  co_return co_await io_.send(end, false);
}

}  // namespace accel::net
