// SPDX-License-Identifier: Apache-2.0
#include "routing_request.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "accel/net/headers.hpp"
#include "accept_header.hpp"

namespace accel::gateway {
namespace {

constexpr std::string_view kRecordType = "application/vnd.ipfs.ipns-record";
constexpr std::size_t kMaxShownBytes = 100;

bool accepts(const net::HttpRequest& request, std::initializer_list<std::string_view> types) {
  const auto items = parse_accept(request.headers.combined("Accept"));
  return std::ranges::any_of(items, [&](const AcceptItem& item) {
    return std::ranges::find(types, item.type) != types.end();
  });
}

tl::expected<ListForm, Refused> form_of(const net::HttpRequest& request) {
  auto filters = routing::read_filters(request.query);
  if (!filters) return tl::make_unexpected(Refused{422, filters.error().message});
  return ListForm{*std::move(filters), accepts(request, {routing::kLinesType})};
}

Refused no_such(int status, std::string_view what, std::string_view text) {
  return {status, fmt::format("\"{}\" is no {}.", text.substr(0, kMaxShownBytes), what)};
}

RoutingQuestion ask_providers(const net::HttpRequest& request, const std::string& text) {
  auto cid = ipld::Cid::parse(text);
  if (!cid) return no_such(422, "CID", text);
  auto form = form_of(request);
  if (!form) return form.error();
  return ProvidersQuestion{*std::move(cid), *std::move(form)};
}

RoutingQuestion ask_peers(const net::HttpRequest& request, const std::string& text) {
  auto peer = ipld::IpnsName::parse(text);
  if (!peer) return no_such(422, "peer id", text);
  auto form = form_of(request);
  if (!form) return form.error();
  return PeersQuestion{*std::move(peer), *std::move(form)};
}

RoutingQuestion ask_record(const net::HttpRequest& request, const std::string& text) {
  auto name = ipld::IpnsName::parse(text);
  if (!name) return no_such(400, "IPNS name", text);
  if (request.method == "PUT") {
    const std::string type = net::to_lower_ascii(request.headers.get_or("Content-Type", ""));
    if (!type.starts_with(kRecordType)) {
      return Refused{406, fmt::format("Send the record as Content-Type: {}.", kRecordType)};
    }
    return RecordOffer{*std::move(name)};
  }
  if (!accepts(request, {kRecordType, "application/*", "*/*"})) {
    return Refused{406, fmt::format("Ask for it with Accept: {}.", kRecordType)};
  }
  return RecordQuestion{*std::move(name)};
}

}  // namespace

RoutingQuestion parse_routing_request(const net::HttpRequest& request,
                                      const std::vector<std::string>& parts) {
  const std::string_view what = parts.empty() ? std::string_view() : parts.front();
  if (what == "dht") return Refused{501, "This router walks no DHT."};
  const bool is_known =
      parts.size() == 2 && (what == "providers" || what == "peers" || what == "ipns");
  if (!is_known) {
    return Refused{400,
                   "Paths of this router are /routing/v1/providers/{cid}, "
                   "/routing/v1/peers/{id} and /routing/v1/ipns/{name}."};
  }
  const bool reads = request.method == "GET" || request.method == "HEAD";
  if (!reads && (request.method != "PUT" || what != "ipns")) {
    return Refused{501, fmt::format("This router answers GET of {}.", what)};
  }
  if (what == "providers") return ask_providers(request, parts[1]);
  if (what == "peers") return ask_peers(request, parts[1]);
  return ask_record(request, parts[1]);
}

}  // namespace accel::gateway
