// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a request asks the gateway for. Pure: text in, values or a refusal out. Used by
// TrustlessGateway, tests and the fuzzer. Spec: ipfs/specs http-gateways/trustless-gateway.md
// sections 2 and 3, path-gateway.md section 3.

#include <optional>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "accel/ipld/cid.hpp"
#include "accel/net/message.hpp"

namespace accel::gateway {

enum class Format {
  raw,   // The block itself.
  file,  // UnixFS: bytes of a file or a listing of a folder.
  json,  // UnixFS, a folder as JSON.
};

struct GatewayRequest {
  ipld::Cid root;
  std::vector<std::string> path;  // Decoded names below the root.
  std::string content_path;       // "/ipfs/{cid}/a%20b", for headers: percent-encoded.
  Format format = Format::file;
  std::string filename;   // From the query; empty when it names none.
  bool download = false;  // Save rather than show.
};

// A status and a sentence for people.
struct Refused {
  int status = 400;
  std::string sentence;
};

// max_segments: names below the root.
tl::expected<GatewayRequest, Refused> parse_gateway_request(const net::HttpRequest& request,
                                                            std::size_t max_segments);

}  // namespace accel::gateway
