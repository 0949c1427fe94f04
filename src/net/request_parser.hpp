// SPDX-License-Identifier: Apache-2.0
#pragma once
// One HTTP/1 request out of the bytes of a connection: Beast's parser with our limits, and the
// checks that RFC 9112 leaves to the server (Host, transfer codings, forms of the target). No I/O:
// Connection feeds it, so do the tests and the fuzzer.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "accel/net/http_server.hpp"
#include "accel/net/message.hpp"

namespace accel::net {

// Why a request is refused; after it nothing more of the connection can be understood, so it is
// closed.
struct Refusal {
  int status = 400;
  std::string sentence;
};

struct RequestLimits {
  std::size_t max_header_bytes = 16 * 1024;
  std::uint64_t max_body_bytes = 8 * 1024 * 1024;
  const StreamedBodies* streamed = nullptr;  // Whose bodies have a limit of their own.
};

class RequestParser {
 public:
  explicit RequestParser(const RequestLimits& limits);
  ~RequestParser();
  RequestParser(RequestParser&&) noexcept;
  RequestParser& operator=(RequestParser&&) noexcept;

  // Takes bytes from the front of what arrived and says how many; what it left must be offered
  // again with more behind it. After done() nothing more is taken: the rest belongs to the next
  // request.
  tl::expected<std::size_t, Refusal> feed(std::string_view bytes);

  bool started() const;         // A byte of the request was seen.
  bool head_done() const;       // The head is complete and acceptable.
  bool done() const;            // The body is complete as well.
  bool wants_continue() const;  // The client waits for "100 Continue" before it sends the body.
  bool keep_alive() const;      // What the request says about the connection.
  bool is_http_1_0() const;

  // The request as far as it came; its head is complete when head_done() holds.
  HttpRequest& head();
  // The request, once; done() must hold.
  HttpRequest take();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace accel::net
