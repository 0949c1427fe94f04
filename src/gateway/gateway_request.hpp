// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a request asks the gateway for. Pure: text in, values or a refusal out. Used by Gateway,
// tests and the fuzzer. Spec: ipfs/specs http-gateways/trustless-gateway.md sections 2 and 3,
// path-gateway.md section 3.

#include <chrono>
#include <optional>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "accel/blockstore/dag_selection.hpp"
#include "accel/ipld/cid.hpp"
#include "accel/net/message.hpp"

namespace accel::gateway {

enum class Namespace : std::uint8_t { ipfs, ipns };

// How the client came to the content, and so what links to it look like.
enum class Mount : std::uint8_t {
  path,       // /ipfs/{cid}/… on a shared origin.
  subdomain,  // {cid}.ipfs.HOST: an origin of its own.
  dnslink,    // The domain itself.
};

// Where a request leads, before anything is looked up.
struct Route {
  Namespace space = Namespace::ipfs;
  std::string root;               // As it was written: a CID, a name or a domain.
  std::vector<std::string> path;  // Decoded names below the root.
  bool trailing_slash = false;
  Mount mount = Mount::path;
  std::string host;  // For links: of the gateway (subdomain) or the site (dnslink), with its port.
};

enum class Format : std::uint8_t {
  automatic,  // As the codec says: UnixFS as file or listing, documents as they are.
  raw,        // The block itself.
  car,
  tar,
  ipns_record,
  dag_json,
  dag_cbor,
  json,
  cbor,
};

// How a CAR was asked for.
struct CarParams {
  blockstore::DagScope scope = blockstore::DagScope::all;
  std::optional<blockstore::EntityBytes> bytes = {};
  bool duplicates = false;
};

struct GatewayRequest {
  Route route;
  ipld::Cid root;  // Of names: set when they are resolved.
  std::vector<std::string> prefix =
      {};  // Names between `root` and the path: a name's value has them.
  // Of mutable names: how long the answer may be kept. Nothing: what a CID names never changes.
  std::optional<std::chrono::seconds> ttl = {};
  std::string content_path;  // "/ipfs/{cid}/a%20b", for headers: percent-encoded.
  Format format = Format::automatic;
  bool prefers_html = false;  // The client named text/html.
  CarParams car = {};
  std::string filename;   // From the query; empty when it names none.
  bool download = false;  // Save rather than show.
  bool only_if_cached = false;

  // Names below `root`.
  std::vector<std::string> full_path() const;
};

// A status and a sentence for people.
struct Refused {
  int status = 400;
  std::string sentence;
};
Refused invalid_path(Namespace space, std::string_view root, std::string_view why);

std::string_view namespace_name(Namespace space);  // "ipfs"

// Of a request's query and Accept header. A format that verifies itself needs no origin of its own.
struct Wanted {
  Format format = Format::automatic;
  bool prefers_html = false;
  CarParams car = {};
};
tl::expected<Wanted, Refused> read_wanted(const net::HttpRequest& request);
bool is_trustless(Format format);

tl::expected<GatewayRequest, Refused> parse_gateway_request(const net::HttpRequest& request,
                                                            Route route);

}  // namespace accel::gateway
