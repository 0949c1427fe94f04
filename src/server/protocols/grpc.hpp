// SPDX-License-Identifier: Apache-2.0
#pragma once
// gRPC over HTTP/2 without its transport: frames of messages, statuses, deadlines. Pure. Spec:
// github.com/grpc/grpc, doc/PROTOCOL-HTTP2.md and doc/statuscodes.md. Used by GrpcServer.

#include <optional>
#include <string>
#include <string_view>

#include "accel/core/clock.hpp"
#include "accel/core/result.hpp"
#include "accel/net/message.hpp"

namespace accel::server::grpc {

// One byte "compressed", four bytes of length, big-endian, before each message.
inline constexpr std::size_t kFrameHead = 5;

// Cuts what a client sends into messages.
class FrameReader {
 public:
  explicit FrameReader(std::size_t max_message_bytes) : max_(max_message_bytes) {}

  void feed(std::string bytes);
  // The next message that is complete; nothing while it is not. Errors: resource_exhausted (longer
  // than the limit), unsupported (compressed), protocol (neither); after one it gives nothing more.
  Result<std::optional<std::string>> next();
  std::size_t waiting() const { return bytes_.size() - taken_; }  // Bytes of no message yet.

 private:
  std::size_t max_;
  std::string bytes_;
  std::size_t taken_ = 0;
};

// Room for the head at the end of `out`, and the head once its message stands behind it.
std::size_t begin_frame(std::string& out);
void end_frame(std::string& out, std::size_t begin);

// The end of a call: grpc-status, grpc-message, and for resource_exhausted when to try again
// (google.rpc.RetryInfo, and grpc-retry-pushback-ms for clients that retry by themselves).
net::Headers trailers(const Status& outcome, std::uint64_t retry_seconds = 1);
// A call that ends before any message: all in the head.
net::HttpResponse refusal(const Error& error, std::uint64_t retry_seconds = 1);
// The server's own refusal, as ServerOptions::shape has it: by `why`, else by its HTTP status.
net::HttpResponse refusal_of(const net::HttpResponse& response, std::optional<Errc> why = {});

bool is_grpc(const net::HttpRequest& head);  // By its content-type.

// Of the header grpc-timeout, "250m"; nothing when there is none. Errors: invalid_argument.
Result<std::optional<Duration>> timeout_of(const net::HttpRequest& head);

// What a header may carry of a text: printable ASCII, all else as %XX.
std::string percent_encoded(std::string_view text);

}  // namespace accel::server::grpc
