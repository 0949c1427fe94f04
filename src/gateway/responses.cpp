// SPDX-License-Identifier: Apache-2.0
#include "responses.hpp"

#include <fmt/format.h>

#include "accel/net/url.hpp"
#include "content_type.hpp"
#include "listing.hpp"

namespace accel::gateway {
namespace {

// What a CID names never changes: 336 days, as boxo's gateway says.
constexpr std::string_view kImmutable = "public, max-age=29030400, immutable";
// How we show a folder may change.
constexpr std::string_view kListing = "public, max-age=604800, stale-while-revalidate=2678400";
constexpr std::string_view kListingVersion = "1";

void add_names(net::Headers& headers, const GatewayRequest& request) {
  headers.add("X-Ipfs-Path", request.content_path);
  headers.add("Ipfs-Uri", "ipfs:/" + request.content_path.substr(5));  // ipfs://{cid}/…
  if (request.path.empty()) headers.add("X-Ipfs-Roots", request.root.to_string());
}

net::HttpResponse with_names(int status, const GatewayRequest& request) {
  net::HttpResponse response;
  response.status = status;
  add_cors(response.headers);
  add_names(response.headers, request);
  response.headers.add("X-Content-Type-Options", "nosniff");
  response.headers.add("Vary", "Accept");
  return response;
}

bool is_known(const net::HttpRequest& http, const std::string& etag) {
  return net::etag_matches(http.headers.combined("If-None-Match"), etag);
}

// If-Range holds for the very same representation only (RFC 9110 section 13.1.5).
net::RangeRequest wanted_range(const net::HttpRequest& http, const Representation& what) {
  const auto condition = http.headers.get("If-Range");
  if (condition && *condition != what.etag) return {};
  if (http.headers.count("Range") != 1) return {};
  return net::resolve_range(http.headers.get_or("Range", ""), what.length);
}

}  // namespace

void add_cors(net::Headers& headers) {
  headers.add("Access-Control-Allow-Origin", "*");
  headers.add("Access-Control-Allow-Methods", "GET, HEAD, OPTIONS");
  headers.add("Access-Control-Allow-Headers", "Content-Type, Range, User-Agent, X-Requested-With");
  headers.add("Access-Control-Expose-Headers",
              "Content-Length, Content-Range, X-Ipfs-Path, X-Ipfs-Roots");
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

Representation block_representation(const GatewayRequest& request, const ipld::Cid& cid,
                                    std::uint64_t length) {
  const std::string name = request.filename.empty() ? cid.to_string() + ".bin" : request.filename;
  return {fmt::format("\"{}.raw\"", cid), "application/vnd.ipld.raw",
          net::content_disposition("attachment", name), length};
}

Representation file_representation(const GatewayRequest& request, const FoundFile& file) {
  std::string name = request.filename;
  if (name.empty() && !request.path.empty()) name = request.path.back();
  Representation what{fmt::format("\"{}\"", file.cid), std::string(content_type_of(name)), "",
                      file.length};
  if (request.download || !request.filename.empty()) {
    const std::string as = name.empty() ? file.cid.to_string() : name;
    what.disposition = net::content_disposition(request.download ? "attachment" : "inline", as);
  }
  return what;
}

Outline outline(const net::HttpRequest& http, const GatewayRequest& request,
                const Representation& what) {
  Outline plan{with_names(200, request), {0, what.length}};
  net::Headers& headers = plan.response.headers;
  headers.add("Etag", what.etag);
  headers.add("Cache-Control", std::string(kImmutable));
  if (is_known(http, what.etag)) {
    plan.response.status = 304;
    plan.range = {};
    return plan;
  }
  headers.add("Accept-Ranges", "bytes");
  const net::RangeRequest wanted = wanted_range(http, what);
  if (wanted.outcome == net::RangeOutcome::unsatisfiable) {
    plan.response = refusal_response(
        416, fmt::format("The range lies outside of the {} bytes that there are.", what.length));
    plan.response.headers.add("Content-Range", net::unsatisfied_content_range(what.length));
    plan.range = {};
    return plan;
  }
  headers.add("Content-Type", what.content_type);
  if (!what.disposition.empty()) headers.add("Content-Disposition", what.disposition);
  if (wanted.outcome == net::RangeOutcome::partial) {
    plan.response.status = 206;
    plan.range = wanted.range;
    headers.add("Content-Range", net::content_range(plan.range, what.length));
  }
  return plan;
}

net::HttpResponse folder_response(const net::HttpRequest& http, const GatewayRequest& request,
                                  const FoundFolder& folder) {
  const bool json = request.format == Format::json;
  const std::string etag =
      fmt::format("\"{}-{}-{}\"", json ? "DirJson" : "DirIndex", kListingVersion, folder.cid);
  net::HttpResponse response = with_names(200, request);
  response.headers.add("Etag", etag);
  response.headers.add("Cache-Control", std::string(kListing));
  if (is_known(http, etag)) {
    response.status = 304;
    return response;
  }
  response.headers.add("Content-Type", json ? "application/json" : "text/html; charset=utf-8");
  // The page needs nothing but itself; a name in it that got past the escaping could do nothing.
  response.headers.add("Content-Security-Policy", "default-src 'none'");
  response.body = json ? listing_json(request, folder) : listing_html(request, folder);
  return response;
}

net::HttpResponse link_response(const GatewayRequest& request, const FoundLink& link) {
  net::HttpResponse response = with_names(200, request);
  response.headers.add("Etag", fmt::format("\"{}\"", link.cid));
  response.headers.add("Cache-Control", std::string(kImmutable));
  response.headers.add("Content-Type", "inode/symlink");
  response.body = link.target;
  return response;
}

}  // namespace accel::gateway
