// SPDX-License-Identifier: Apache-2.0
#pragma once
// BodyWriter over a connection: chunked, or bytes that are counted against an announced length.
// Used by Connection.

#include <cstdint>
#include <optional>
#include <string>

#include "body_count.hpp"
#include "connection_io.hpp"

namespace accel::net {

class SocketBodyWriter final : public BodyWriter {
 public:
  SocketBodyWriter(ConnectionIo& io, bool chunked, std::optional<std::uint64_t> length)
      : io_(io), chunked_(chunked), count_(length) {}

  Task<void> write(std::string chunk) override;
  Task<void> send(FileSlice slice) override;
  // Ends the body. Errors: internal when fewer bytes came than were announced; as
  // ConnectionIo::send().
  Task<void> finish();
  std::uint64_t bytes() const { return count_.bytes(); }

 private:
  std::string chunk_head(std::uint64_t size) const;

  ConnectionIo& io_;
  bool chunked_;
  BodyCount count_;
};

}  // namespace accel::net
