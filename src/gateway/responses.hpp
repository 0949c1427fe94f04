// SPDX-License-Identifier: Apache-2.0
#pragma once
// From what was found to a response: entity tags, ranges, caching, names to save under. Pure;
// bodies are places or text, or left for the caller to stream. Spec: path-gateway.md section 3,
// trustless-gateway.md section 3, RFC 9110 sections 13 and 14.

#include <cstdint>
#include <string>
#include <vector>

#include "accel/net/header_values.hpp"
#include "accel/net/message.hpp"
#include "content.hpp"
#include "gateway_request.hpp"

namespace accel::gateway {

// Headers that every response of the gateway carries: any page may read public content.
void add_cors(net::Headers& headers);

net::HttpResponse refusal_response(int status, std::string sentence);
net::HttpResponse options_response();
net::HttpResponse redirect_response(int status, std::string location);

// What the answer is of, and along which roots it was found (X-Ipfs-Roots).
struct Source {
  const GatewayRequest& request;
  const std::vector<ipld::Cid>& roots;
};

// The representation that is about to be sent.
struct Representation {
  std::string etag;  // With its quotes.
  std::string content_type;
  std::string disposition;
  std::uint64_t length = 0;
  int status = 200;  // Of an answer as a whole: pages that a site shows for errors have another.
};

Representation block_representation(const GatewayRequest& request, const ipld::Cid& cid,
                                    std::uint64_t length);
Representation file_representation(const GatewayRequest& request, const FoundFile& file);
// The index.html of a folder stands for the folder.
Representation index_representation(const FoundFolder& folder);
Representation document_representation(const GatewayRequest& request, const FoundBlock& block);
Representation record_representation(const GatewayRequest& request, std::string_view name,
                                     std::string_view record);

// Status, headers and ranges of the answer, decided by If-None-Match, If-Range and Range; the body
// is empty.
struct Outline {
  net::HttpResponse response;
  // What of the representation is to be sent; none: nothing. Several: as multipart/byteranges.
  std::vector<net::ByteRange> ranges;
  bool is_multipart = false;
};
Outline outline(const net::HttpRequest& http, const Source& source, const Representation& what,
                std::size_t max_ranges);

// What stands in front of a part, and behind the last one.
std::string part_head(const Representation& what, const net::ByteRange& range);
std::string part_end();

// The start of an answer that is made while it is sent (CAR, TAR): no ranges. Its status is 304
// when the client has it already.
net::HttpResponse stream_response(const net::HttpRequest& http, const Source& source,
                                  const Representation& what);
Representation car_representation(const GatewayRequest& request, const ipld::Cid& end);
Representation tar_representation(const GatewayRequest& request, const ipld::Cid& end);

net::HttpResponse folder_response(const net::HttpRequest& http, const Source& source,
                                  const FoundFolder& folder);
net::HttpResponse page_response(const net::HttpRequest& http, const Source& source,
                                const FoundDocument& document);
net::HttpResponse link_response(const net::HttpRequest& http, const Source& source,
                                const FoundLink& link);

}  // namespace accel::gateway
