// SPDX-License-Identifier: Apache-2.0
#include "gateway_request.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "accel/net/url.hpp"
#include "accept_header.hpp"
#include "path_text.hpp"

namespace accel::gateway {
namespace {

using blockstore::DagScope;
using blockstore::EntityBytes;

constexpr std::string_view kCarType = "application/vnd.ipld.car";

struct NamedFormat {
  std::string_view name;
  std::string_view type;
  Format format;
};

constexpr std::array<NamedFormat, 8> kFormats{{
    {"raw", "application/vnd.ipld.raw", Format::raw},
    {"car", kCarType, Format::car},
    {"tar", "application/x-tar", Format::tar},
    {"ipns-record", "application/vnd.ipfs.ipns-record", Format::ipns_record},
    {"dag-json", "application/vnd.ipld.dag-json", Format::dag_json},
    {"dag-cbor", "application/vnd.ipld.dag-cbor", Format::dag_cbor},
    {"json", "application/json", Format::json},
    {"cbor", "application/cbor", Format::cbor},
}};

template <class... Args>
tl::unexpected<Refused> refuse(int status, fmt::format_string<Args...> format, Args&&... args) {
  return tl::unexpected(Refused{status, fmt::format(format, std::forward<Args>(args)...)});
}

std::optional<std::int64_t> read_integer(std::string_view text) {
  std::int64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, number);
  if (text.empty() || parsed.ec != std::errc{} || parsed.ptr != end) return std::nullopt;
  return number;
}

// "from:to", "from:*"; both may be negative.
std::optional<EntityBytes> read_entity_bytes(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const auto from = read_integer(text.substr(0, colon));
  const std::string_view to_text = text.substr(colon + 1);
  if (!from) return std::nullopt;
  if (to_text == "*") return EntityBytes{*from, {}};
  const auto to = read_integer(to_text);
  if (!to) return std::nullopt;
  const bool same_sign = (*from < 0) == (*to < 0);
  if (same_sign && *to < *from) return std::nullopt;
  return EntityBytes{*from, to};
}

tl::expected<DagScope, Refused> read_scope(std::string_view text) {
  if (text == "block") return DagScope::block;
  if (text == "entity") return DagScope::entity;
  if (text == "all") return DagScope::all;
  return refuse(400, "dag-scope is block, entity or all.");
}

// The query wins over the parameters of Accept (IPIP-523).
std::string car_parameter(const net::HttpRequest& request, const AcceptItem* accepted,
                          std::string_view name) {
  if (auto value = net::query_value(request.query, fmt::format("car-{}", name))) return *value;
  return accepted == nullptr ? std::string() : std::string(accepted->parameter(name));
}

tl::expected<CarParams, Refused> read_car(const net::HttpRequest& request,
                                          const AcceptItem* accepted) {
  CarParams car;
  const std::string version = car_parameter(request, accepted, "version");
  const std::string order = car_parameter(request, accepted, "order");
  const std::string dups = car_parameter(request, accepted, "dups");
  if (!version.empty() && version != "1") return refuse(400, "Only CAR of version 1 is served.");
  if (!order.empty() && order != "dfs" && order != "unk") {
    return refuse(400, "The order of a CAR is dfs or unk.");
  }
  if (!dups.empty() && dups != "y" && dups != "n") return refuse(400, "dups is y or n.");
  car.duplicates = dups == "y";
  if (const auto text = net::query_value(request.query, "entity-bytes")) {
    car.bytes = read_entity_bytes(*text);
    if (!car.bytes) return refuse(400, "entity-bytes is FROM:TO, with numbers, or * as TO.");
    car.scope = DagScope::entity;
  }
  if (const auto text = net::query_value(request.query, "dag-scope")) {
    const auto scope = read_scope(*text);
    if (!scope) return tl::unexpected(scope.error());
    car.scope = *scope;
  }
  return car;
}

const AcceptItem* find_type(const std::vector<AcceptItem>& accept, std::string_view type) {
  const auto found = std::ranges::find(accept, type, &AcceptItem::type);
  return found == accept.end() ? nullptr : &*found;
}

}  // namespace

std::string_view namespace_name(Namespace space) {
  return space == Namespace::ipfs ? "ipfs" : "ipns";
}

Refused invalid_path(Namespace space, std::string_view root, std::string_view why) {
  return {400, fmt::format("invalid path \"/{}/{}\": {}", namespace_name(space),
                           encode_segment(root), why)};
}

bool is_trustless(Format format) {
  return format == Format::raw || format == Format::car || format == Format::ipns_record;
}

std::vector<std::string> GatewayRequest::full_path() const {
  std::vector<std::string> names = prefix;
  names.insert(names.end(), route.path.begin(), route.path.end());
  return names;
}

// The query wins over the Accept header (path-gateway.md section 3.2.2): a link can carry it. Of
// the types that are served, the one with the highest quality counts, else the first.
tl::expected<Wanted, Refused> read_wanted(const net::HttpRequest& request) {
  Wanted wanted;
  const auto accept = parse_accept(request.headers.combined("Accept"));
  wanted.prefers_html = find_type(accept, "text/html") != nullptr;
  if (const auto named = net::query_value(request.query, "format")) {
    const auto found = std::ranges::find(kFormats, *named, &NamedFormat::name);
    if (found == kFormats.end()) {
      return refuse(406, "The format \"{}\" is not served here.", net::percent_encode(*named));
    }
    wanted.format = found->format;
    wanted.prefers_html = false;
  } else {
    for (const AcceptItem& item : accept) {
      if (item.type == "text/html") break;
      const auto found = std::ranges::find(kFormats, item.type, &NamedFormat::type);
      if (found == kFormats.end()) continue;
      wanted.format = found->format;
      wanted.prefers_html = false;
      break;
    }
  }
  if (wanted.format != Format::car) return wanted;
  const auto car = read_car(request, find_type(accept, kCarType));
  if (!car) return tl::unexpected(car.error());
  wanted.car = *car;
  return wanted;
}

tl::expected<GatewayRequest, Refused> parse_gateway_request(const net::HttpRequest& request,
                                                            Route route) {
  auto wanted = read_wanted(request);
  if (!wanted) return tl::unexpected(wanted.error());
  GatewayRequest parsed;
  if (route.space == Namespace::ipfs) {
    const auto root = ipld::Cid::parse(route.root);
    if (!root) return tl::unexpected(invalid_path(route.space, route.root, root.error().message));
    parsed.root = *root;
  }
  parsed.content_path = fmt::format("/{}/{}{}", namespace_name(route.space),
                                    encode_segment(route.root), encode_path(route.path));
  if (route.trailing_slash && (!route.path.empty() || route.mount == Mount::path)) {
    parsed.content_path += '/';
  }
  parsed.route = std::move(route);
  parsed.format = wanted->format;
  parsed.prefers_html = wanted->prefers_html;
  parsed.car = wanted->car;
  parsed.filename = net::query_value(request.query, "filename").value_or("");
  parsed.download = net::query_value(request.query, "download") == "true";
  parsed.only_if_cached = request.headers.has_token("Cache-Control", "only-if-cached");
  return parsed;
}

}  // namespace accel::gateway
