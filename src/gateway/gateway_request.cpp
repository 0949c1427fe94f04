// SPDX-License-Identifier: Apache-2.0
#include "gateway_request.hpp"

#include <fmt/format.h>

#include "accel/net/header_values.hpp"
#include "accel/net/url.hpp"

namespace accel::gateway {
namespace {

constexpr std::string_view kRawType = "application/vnd.ipld.raw";
constexpr std::string_view kCarType = "application/vnd.ipld.car";

template <class... Args>
tl::unexpected<Refused> refuse(int status, fmt::format_string<Args...> format, Args&&... args) {
  return tl::unexpected(Refused{status, fmt::format(format, std::forward<Args>(args)...)});
}

// The query wins over the Accept header (path-gateway.md section 3.2.2): a link can carry it.
tl::expected<Format, Refused> read_format(const net::HttpRequest& request) {
  const auto named = net::query_value(request.query, "format");
  if (named == "raw") return Format::raw;
  if (named == "json") return Format::json;
  if (named) {
    return refuse(406, "The format \"{}\" is not served here; use format=raw for a block, or none.",
                  net::percent_encode(*named));
  }
  const std::string accept = request.headers.combined("Accept");
  const net::AcceptMatch raw = net::accept_quality(accept, kRawType);
  if (raw.exact && raw.quality > 0) return Format::raw;
  const net::AcceptMatch car = net::accept_quality(accept, kCarType);
  if (car.exact && car.quality > 0 && net::accept_quality(accept, "text/html").quality <= 0) {
    return refuse(406, "CAR streams are not served here; ask for {}.", kRawType);
  }
  const net::AcceptMatch json = net::accept_quality(accept, "application/json");
  return json.exact && json.quality > 0 ? Format::json : Format::file;
}

tl::expected<void, Refused> check_namespace(const std::vector<std::string>& segments) {
  const std::string first = segments.empty() ? "" : segments.front();
  if (first == "ipns") return refuse(501, "Names under /ipns/ are not resolved here yet.");
  if (first != "ipfs") return refuse(404, "This gateway serves paths that begin with /ipfs/.");
  if (segments.size() < 2) return refuse(400, "The path names no CID; write /ipfs/{{cid}}.");
  return {};
}

}  // namespace

tl::expected<GatewayRequest, Refused> parse_gateway_request(const net::HttpRequest& request,
                                                            std::size_t max_segments) {
  const auto segments = net::split_path(request.path);
  if (!segments) return refuse(400, "{}", segments.error().message);
  if (const auto known = check_namespace(*segments); !known) {
    return tl::unexpected(known.error());
  }
  if (segments->size() > max_segments + 2) {
    return refuse(400, "The path has more than {} names below its CID.", max_segments);
  }
  const auto root = ipld::Cid::parse((*segments)[1]);
  if (!root) return refuse(400, "The path has no valid CID: {}", root.error().message);
  const auto format = read_format(request);
  if (!format) return tl::unexpected(format.error());

  GatewayRequest parsed;
  parsed.root = *root;
  parsed.path.assign(segments->begin() + 2, segments->end());
  parsed.content_path = "/ipfs/" + root->to_string();
  for (const std::string& name : parsed.path) {
    parsed.content_path += "/" + net::percent_encode(name);
  }
  parsed.format = *format;
  parsed.filename = net::query_value(request.query, "filename").value_or("");
  parsed.download = net::query_value(request.query, "download") == "true";
  return parsed;
}

}  // namespace accel::gateway
