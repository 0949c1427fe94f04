// SPDX-License-Identifier: Apache-2.0
#pragma once
// One GET whose body is a block or a part of one, for the sources: into a buffer of the exact size
// when that is known. Private to exchange.

#include "source.hpp"

namespace accel::exchange {

struct BodyCall {
  net::Url url;
  net::HttpCall http;
  std::uint32_t exact_bytes = 0;  // 0: anything up to ipld::kMaxBlockBytes.
  Bytes buffer;
  std::function<void(std::uint64_t bytes)> on_bytes;
};

struct Body {
  net::HttpReply reply;
  Bytes bytes;  // Of a 2xx reply; never more than was asked for.
};

// A reply of any status is a value. Errors: those of HttpClient.
Task<Body> get_body(net::HttpClient& client, BodyCall call);

// What a reply that is not 2xx means: not_found for what is gone or withheld, for others may have
// it.
Error refusal(const net::HttpReply& reply);

}  // namespace accel::exchange
