// SPDX-License-Identifier: Apache-2.0
#pragma once
// From what was found to a response: entity tags, ranges, caching, names to save under. Pure;
// bodies are places or text, or left for the caller to stream. Spec: path-gateway.md section 3,
// trustless-gateway.md section 3, RFC 9110 sections 13 and 14.

#include <cstdint>
#include <string>

#include "accel/net/header_values.hpp"
#include "accel/net/message.hpp"
#include "content.hpp"
#include "gateway_request.hpp"

namespace accel::gateway {

// Headers that every response of the gateway carries: any page may read public content.
void add_cors(net::Headers& headers);

net::HttpResponse refusal_response(int status, std::string sentence);
net::HttpResponse options_response();

// The representation that is about to be sent.
struct Representation {
  std::string etag;  // With its quotes.
  std::string content_type;
  std::string disposition;
  std::uint64_t length = 0;
};

Representation block_representation(const GatewayRequest& request, const ipld::Cid& cid,
                                    std::uint64_t length);
Representation file_representation(const GatewayRequest& request, const FoundFile& file);

// Status, headers and range of the answer, decided by If-None-Match, If-Range and Range; the body
// is empty.
struct Outline {
  net::HttpResponse response;
  net::ByteRange range;  // What of the representation is to be sent; length 0: nothing.
};
Outline outline(const net::HttpRequest& http, const GatewayRequest& request,
                const Representation& what);

net::HttpResponse folder_response(const net::HttpRequest& http, const GatewayRequest& request,
                                  const FoundFolder& folder);
net::HttpResponse link_response(const GatewayRequest& request, const FoundLink& link);

}  // namespace accel::gateway
