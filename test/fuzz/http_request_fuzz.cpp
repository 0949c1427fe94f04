// SPDX-License-Identifier: Apache-2.0
// Requests as the server reads them. However the bytes arrive, in one piece or in many, they mean
// the same: a difference would let a request hide from one reader and not from another.
#include <cstdlib>
#include <vector>

#include "../../src/net/request_parser.hpp"

namespace {

constexpr accel::net::RequestLimits kLimits{.max_header_bytes = 512, .max_body_bytes = 128};

struct Outcome {
  int refused = 0;
  bool done = false;
  bool keep_alive = false;
  std::size_t taken = 0;
  std::string method;
  std::string target;
  std::string body;
  std::size_t headers = 0;
  bool operator==(const Outcome&) const = default;
};

Outcome parse(std::string_view text, std::size_t piece) {
  accel::net::RequestParser parser(kLimits);
  Outcome outcome;
  for (std::size_t end = 0; end < text.size() && !parser.done();) {
    end = std::min(text.size(), end + piece);
    const auto used = parser.feed(text.substr(outcome.taken, end - outcome.taken));
    if (!used) return {.refused = used.error().status, .method = {}, .target = {}, .body = {}};
    if (*used > end - outcome.taken) std::abort();
    outcome.taken += *used;
  }
  outcome.done = parser.done();
  if (!outcome.done) return {.method = {}, .target = {}, .body = {}};
  outcome.keep_alive = parser.keep_alive();
  accel::net::HttpRequest request = parser.take();
  if (request.body.size() > kLimits.max_body_bytes) std::abort();
  outcome.method = request.method;
  outcome.target = request.target;
  outcome.body = request.body;
  outcome.headers = request.headers.size();
  return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const Outcome whole = parse(text, text.size() + 1);
  const Outcome pieces = parse(text, text.size() % 9 + 1);
  // In pieces a fault may be noticed later, or another one first; but what one reader takes for a
  // good request no other may refuse or read differently.
  const bool both_ended =
      (whole.refused != 0 || whole.done) && (pieces.refused != 0 || pieces.done);
  if (both_ended && whole.done != pieces.done) std::abort();
  if (both_ended && whole.done && !(whole == pieces)) std::abort();
  return 0;
}
