// SPDX-License-Identifier: Apache-2.0
#pragma once
// One trustless gateway as a source of raw blocks. It verifies nothing: the caller does.
// Used by the shell of the fetcher. A value; calls run on the awaiter's executor.
// Spec: ipfs/specs src/http-gateways/trustless-gateway.md (GET /ipfs/{cid}?format=raw).

#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>

#include "accel/core/async/task.hpp"
#include "accel/core/bytes.hpp"
#include "accel/ipld/cid.hpp"
#include "accel/net/http_client.hpp"
#include "accel/net/url.hpp"

namespace accel::exchange {

struct BlockCall {
  ipld::Cid cid;
  std::uint32_t exact_bytes = 0;  // When known; 0: anything up to ipld::kMaxBlockBytes.
  Bytes buffer;                   // Reused for the block.
  std::stop_token stop;
  std::function<void(std::uint64_t bytes)> on_bytes;  // As they arrive; must not block.
};

class GatewaySource {
 public:
  // "http://host:port", also with a path in front of /ipfs. Errors: invalid_argument.
  static Result<GatewaySource> parse(const std::string& base_url);

  const std::string& name() const { return name_; }
  // Errors: not_found (it does not have the block), protocol (too much or too little came, or no
  // HTTP), and those of HttpClient for the rest; the message names the URL.
  Task<Bytes> get(net::HttpClient& client, BlockCall call) const;

 private:
  GatewaySource(std::string name, net::Url base) : name_(std::move(name)), base_(std::move(base)) {}

  std::string name_;
  net::Url base_;
};

}  // namespace accel::exchange
