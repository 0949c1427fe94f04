// SPDX-License-Identifier: Apache-2.0
#include "responses.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "accel/ipld/multihash.hpp"
#include "accel/net/url.hpp"
#include "content_type.hpp"
#include "listing.hpp"
#include "multi_range.hpp"
#include "page_style.hpp"

namespace accel::gateway {
namespace {

// What a CID names never changes: 336 days, as boxo's gateway says.
constexpr std::string_view kImmutable = "public, max-age=29030400, immutable";
// How we show a folder may change.
constexpr std::string_view kListing = "public, max-age=604800, stale-while-revalidate=2678400";
constexpr std::string_view kListingVersion = "2";
constexpr std::string_view kBoundary = "accel-gateway-part-7d1f0c5b2e";

void add_names(net::Headers& headers, const Source& source) {
  const std::string& path = source.request.content_path;
  headers.add("X-Ipfs-Path", path);
  headers.add("Ipfs-Uri", fmt::format("{}:/{}", namespace_name(source.request.route.space),
                                      path.substr(sizeof("/ipfs") - 1)));  // ipfs://{cid}/…
  if (!source.roots.empty()) {
    headers.add("X-Ipfs-Roots", fmt::format("{}", fmt::join(source.roots, ",")));
  }
}

net::HttpResponse with_names(int status, const Source& source) {
  net::HttpResponse response;
  response.status = status;
  add_cors(response.headers);
  add_names(response.headers, source);
  response.headers.add("X-Content-Type-Options", "nosniff");
  response.headers.add("Vary", "Accept");
  return response;
}

// `otherwise` where the content can't change.
void add_caching(net::Headers& headers, const GatewayRequest& request, std::string_view otherwise) {
  if (!request.ttl) {
    headers.add("Cache-Control", std::string(otherwise));
  } else if (request.ttl->count() > 0) {
    headers.add("Cache-Control", fmt::format("public, max-age={}", request.ttl->count()));
  }
}

bool is_known(const net::HttpRequest& http, const std::string& etag) {
  return net::etag_matches(http.headers.combined("If-None-Match"), etag);
}

// If-Range holds for the very same representation only (RFC 9110 section 13.1.5).
RangesRequest wanted_ranges(const net::HttpRequest& http, const Representation& what,
                            std::size_t max_ranges) {
  const auto condition = http.headers.get("If-Range");
  if (condition && *condition != what.etag) return {};
  if (http.headers.count("Range") != 1 || what.status != 200) return {};
  return resolve_ranges(http.headers.get_or("Range", ""), what.length, max_ranges);
}

std::string named(const GatewayRequest& request, std::string_view disposition,
                  const std::string& name) {
  return net::content_disposition(request.download ? "attachment" : disposition,
                                  request.filename.empty() ? name : request.filename);
}

}  // namespace

void add_cors(net::Headers& headers) {
  headers.add("Access-Control-Allow-Origin", "*");
  headers.add("Access-Control-Allow-Methods", "GET, HEAD, OPTIONS");
  headers.add("Access-Control-Allow-Headers", "Content-Type, Range, User-Agent, X-Requested-With");
  headers.add("Access-Control-Expose-Headers",
              "Content-Length, Content-Range, Ipfs-Uri, X-Chunked-Output, X-Ipfs-Path, "
              "X-Ipfs-Roots, X-Stream-Output");
}

net::HttpResponse refusal_response(int status, std::string sentence) {
  net::HttpResponse response = net::text_response(status, std::move(sentence) + "\n");
  add_cors(response.headers);
  if (status == 405) response.headers.add("Allow", "GET, HEAD, OPTIONS");
  return response;
}

net::HttpResponse options_response() {
  net::HttpResponse response;
  response.status = 204;
  add_cors(response.headers);
  response.headers.add("Allow", "GET, HEAD, OPTIONS");
  return response;
}

net::HttpResponse redirect_response(int status, std::string location) {
  net::HttpResponse response = refusal_response(status, "See " + location);
  response.headers.add("Location", std::move(location));
  return response;
}

Representation block_representation(const GatewayRequest& request, const ipld::Cid& cid,
                                    std::uint64_t length) {
  const std::string name = request.filename.empty() ? cid.to_string() + ".bin" : request.filename;
  return {fmt::format("\"{}.raw\"", cid), "application/vnd.ipld.raw",
          net::content_disposition("attachment", name), length};
}

Representation file_representation(const GatewayRequest& request, const FoundFile& file) {
  std::string name = request.filename;
  if (name.empty() && !request.route.path.empty()) name = request.route.path.back();
  Representation what{fmt::format("\"{}\"", file.cid),
                      std::string(content_type_of(name, file.head)), "", file.length};
  if (request.download || !request.filename.empty()) {
    const std::string as = name.empty() ? file.cid.to_string() : name;
    what.disposition = net::content_disposition(request.download ? "attachment" : "inline", as);
  }
  return what;
}

Representation index_representation(const FoundFolder& folder) {
  return {fmt::format("\"{}\"", folder.cid), "text/html; charset=utf-8", "", folder.index->length};
}

Representation document_representation(const GatewayRequest& request, const FoundBlock& block) {
  const bool is_json =
      block.cid.codec() == ipld::Codec::dag_json || block.cid.codec() == kPlainJson;
  const bool is_dag =
      block.cid.codec() == ipld::Codec::dag_json || block.cid.codec() == ipld::Codec::dag_cbor;
  const bool as_plain = !is_dag || request.format == Format::json || request.format == Format::cbor;
  const std::string_view plain = is_json ? "json" : "cbor";
  const std::string kind = as_plain ? std::string(plain) : fmt::format("dag-{}", plain);
  const std::string type =
      as_plain ? fmt::format("application/{}", plain) : "application/vnd.ipld." + kind;
  return {fmt::format("\"{}.{}\"", block.cid, kind), type,
          named(request, is_json ? "inline" : "attachment", fmt::format("{}.{}", block.cid, plain)),
          block.length};
}

Representation record_representation(const GatewayRequest& request, std::string_view name,
                                     std::string_view record) {
  const auto hash = ipld::sha2_256(as_bytes(record));
  return {fmt::format("\"{}\"", to_hex(hash.digest().first(16))),
          "application/vnd.ipfs.ipns-record",
          net::content_disposition("attachment", request.filename.empty()
                                                     ? fmt::format("{}.ipns-record", name)
                                                     : request.filename),
          record.size()};
}

Outline outline(const net::HttpRequest& http, const Source& source, const Representation& what,
                std::size_t max_ranges) {
  Outline plan{with_names(what.status, source), {{0, what.length}}};
  net::Headers& headers = plan.response.headers;
  headers.add("Etag", what.etag);
  add_caching(headers, source.request, kImmutable);
  if (what.status == 200 && is_known(http, what.etag)) {
    plan.response.status = 304;
    plan.ranges.clear();
    return plan;
  }
  headers.add("Accept-Ranges", "bytes");
  RangesRequest wanted = wanted_ranges(http, what, max_ranges);
  if (wanted.outcome == net::RangeOutcome::unsatisfiable) {
    plan.response = refusal_response(
        416, fmt::format("The range lies outside of the {} bytes that there are.", what.length));
    plan.response.headers.add("Content-Range", net::unsatisfied_content_range(what.length));
    plan.ranges.clear();
    return plan;
  }
  if (!what.disposition.empty()) headers.add("Content-Disposition", what.disposition);
  plan.is_multipart = wanted.ranges.size() > 1;
  headers.add("Content-Type", plan.is_multipart
                                  ? fmt::format("multipart/byteranges; boundary={}", kBoundary)
                                  : what.content_type);
  if (wanted.outcome == net::RangeOutcome::partial) {
    plan.response.status = 206;
    plan.ranges = std::move(wanted.ranges);
    if (!plan.is_multipart) {
      headers.add("Content-Range", net::content_range(plan.ranges.front(), what.length));
    }
  }
  return plan;
}

std::string part_head(const Representation& what, const net::ByteRange& range) {
  return fmt::format("\r\n--{}\r\nContent-Type: {}\r\nContent-Range: {}\r\n\r\n", kBoundary,
                     what.content_type, net::content_range(range, what.length));
}

std::string part_end() { return fmt::format("\r\n--{}--\r\n", kBoundary); }

net::HttpResponse stream_response(const net::HttpRequest& http, const Source& source,
                                  const Representation& what) {
  net::HttpResponse response = with_names(200, source);
  response.headers.add("Etag", what.etag);
  add_caching(response.headers, source.request, kImmutable);
  if (is_known(http, what.etag)) {
    response.status = 304;
    return response;
  }
  response.headers.add("Accept-Ranges", "none");
  response.headers.add("Content-Type", what.content_type);
  response.headers.add("Content-Disposition", what.disposition);
  return response;
}

Representation car_representation(const GatewayRequest& request, const ipld::Cid& end) {
  const CarParams& car = request.car;
  const std::string_view dups = car.duplicates ? "y" : "n";
  std::string wanted =
      fmt::format("{} {} {}", request.content_path, dups, static_cast<int>(car.scope));
  if (car.bytes) {
    wanted += fmt::format(" {}:{}", car.bytes->from,
                          car.bytes->to ? std::to_string(*car.bytes->to) : "*");
  }
  const auto hash = ipld::sha2_256(as_bytes(wanted));
  const std::string name = request.filename.empty() ? fmt::format("{}.car", end) : request.filename;
  return {fmt::format("W/\"{}.car.{}\"", end, to_hex(hash.digest().first(8))),
          fmt::format("application/vnd.ipld.car; version=1; order=dfs; dups={}", dups),
          net::content_disposition("attachment", name)};
}

Representation tar_representation(const GatewayRequest& request, const ipld::Cid& end) {
  const std::string name = request.filename.empty() ? fmt::format("{}.tar", end) : request.filename;
  return {fmt::format("W/\"{}.x-tar\"", end), "application/x-tar",
          net::content_disposition("attachment", name)};
}

net::HttpResponse folder_response(const net::HttpRequest& http, const Source& source,
                                  const FoundFolder& folder) {
  const bool json = source.request.format == Format::json;
  const std::string etag =
      fmt::format("\"{}-{}_CID-{}\"", json ? "DirJson" : "DirIndex", kListingVersion, folder.cid);
  net::HttpResponse response = with_names(200, source);
  response.headers.add("Etag", etag);
  add_caching(response.headers, source.request, kListing);
  if (is_known(http, etag)) {
    response.status = 304;
    return response;
  }
  response.headers.add("Content-Type", json ? "application/json" : "text/html; charset=utf-8");
  response.headers.add("Content-Security-Policy", std::string(kPagePolicy));
  response.body =
      json ? listing_json(source.request, folder) : listing_html(source.request, folder);
  return response;
}

net::HttpResponse page_response(const net::HttpRequest& http, const Source& source,
                                const FoundDocument& document) {
  const std::string etag =
      fmt::format("\"DagIndex-{}_CID-{}\"", kListingVersion, document.block.cid);
  net::HttpResponse response = with_names(200, source);
  response.headers.add("Etag", etag);
  add_caching(response.headers, source.request, kListing);
  if (is_known(http, etag)) {
    response.status = 304;
    return response;
  }
  response.headers.add("Content-Type", "text/html; charset=utf-8");
  response.headers.add("Content-Security-Policy", std::string(kPagePolicy));
  response.body = document.page.value_or("");
  return response;
}

net::HttpResponse link_response(const net::HttpRequest& http, const Source& source,
                                const FoundLink& link) {
  const std::string etag = fmt::format("\"{}\"", link.cid);
  net::HttpResponse response = with_names(200, source);
  response.headers.add("Etag", etag);
  add_caching(response.headers, source.request, kImmutable);
  if (is_known(http, etag)) {
    response.status = 304;
    return response;
  }
  response.headers.add("Content-Type", "inode/symlink");
  response.body = link.target;
  return response;
}

}  // namespace accel::gateway
