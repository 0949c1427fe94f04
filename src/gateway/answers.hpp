// SPDX-License-Identifier: Apache-2.0
#pragma once
// One answer for each format of content. Used by Gateway; every call runs on the server's executor
// and hands what blocks to the OffloadPool.

#include "accel/blockstore/store.hpp"
#include "accel/core/async/offload.hpp"
#include "accel/core/metrics.hpp"
#include "accel/gateway/gateway.hpp"
#include "content.hpp"
#include "gateway_request.hpp"
#include "ready_blocks.hpp"
#include "responses.hpp"

namespace accel::gateway {

// What an answer may need besides the request.
struct AnswerContext {
  const blockstore::Store& store;
  OffloadPool& pool;
  const GatewayLimits& limits;
  Counter& block_bytes;
  Counter& file_bytes;
};

class Answers {
 public:
  explicit Answers(AnswerContext context)
      : context_(context), keeps_blocks_(context.store.cache_report().limit_bytes > 0) {}

  // By the request's format (all but ipns_record). Errors: as resolve_shown().
  Task<net::HttpResponse> content(const net::HttpRequest& http, const GatewayRequest& request);
  // What a site's _redirects file has for a path that is not there; not_found when it says nothing.
  Task<net::HttpResponse> rescue(const net::HttpRequest& http, const GatewayRequest& request);

 private:
  using Roots = std::vector<ipld::Cid>;
  struct Rescued;

  Task<net::HttpResponse> block(const net::HttpRequest& http, const GatewayRequest& request);
  Task<net::HttpResponse> car(const net::HttpRequest& http, const GatewayRequest& request);
  Task<net::HttpResponse> tar(const net::HttpRequest& http, const GatewayRequest& request);
  Task<net::HttpResponse> unixfs(const net::HttpRequest& http, const GatewayRequest& request);
  net::HttpResponse found(const net::HttpRequest& http, const Source& source, Found what);
  net::HttpResponse folder(const net::HttpRequest& http, const Source& source, FoundFolder folder);
  net::HttpResponse file(const net::HttpRequest& http, const Source& source,
                         const Representation& what, FoundFile file);
  net::HttpResponse bytes(const net::HttpRequest& http, const Source& source,
                          const Representation& what, FoundBlock block);
  Result<Rescued> consult_redirects(const GatewayRequest& request) const;

  AnswerContext context_;
  bool keeps_blocks_;  // The store has memory for small ones.
  AskedBefore asked_before_;
};

}  // namespace accel::gateway
