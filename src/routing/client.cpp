// SPDX-License-Identifier: Apache-2.0
#include "accel/routing/client.hpp"

#include <fmt/ranges.h>

#include <algorithm>

#include "accel/core/async/task_group.hpp"
#include "accel/routing/http_address.hpp"
#include "router_url.hpp"

namespace accel::routing {
namespace {

// What the questions of one call share; each holds it, so that none refers to the caller's frame.
struct Search {
  net::HttpClient& client;
  std::string cid;
  FindOptions options;
  FindReport report;
};

ReplyReader::Form form_of(const net::Headers& headers) {
  const std::string_view type = headers.get_or("Content-Type", "");
  return net::to_lower_ascii(type).starts_with(kLinesType) ? ReplyReader::Form::lines
                                                           : ReplyReader::Form::json;
}

// What a router that does not filter sends too.
void keep_wanted(std::vector<PeerRecord>& records, const std::vector<std::string>& protocols) {
  if (protocols.empty()) return;
  const Filters filters{.protocols = protocols};
  std::erase_if(records, [&](const PeerRecord& record) { return !apply_filters(record, filters); });
}

using Records = std::vector<PeerRecord>;

Task<Records> ask(std::shared_ptr<Search> search, net::Url url) {
  url.path += "/routing/v1/providers/" + search->cid;
  const FindOptions& options = search->options;
  if (!options.protocols.empty()) {
    url.query = fmt::format("filter-protocols={}", fmt::join(options.protocols, ","));
  }
  std::optional<ReplyReader> reader;
  net::HttpCall call;
  call.headers.add("Accept", fmt::format("{}, {};q=0.8", kLinesType, kJsonType));
  call.stop = options.stop;
  call.total_timeout = options.timeout;
  call.max_body_bytes = options.limits.max_bytes;
  call.on_head = [&](int, const net::Headers& headers) -> Status {
    reader.emplace(form_of(headers), RecordList::providers, options.limits);
    return {};
  };
  call.on_chunk = [&](ByteView piece) -> Status {
    ACCEL_CHECK(reader->feed(piece));
    if (reader->is_full()) return fail(Errc::resource_exhausted, "Enough has come.");
    return {};
  };
  auto asking = search->client.request(std::move(url), std::move(call));
  const auto reply = co_await std::move(asking);
  const bool is_enough = reader && reader->is_full();
  if (!reply && !is_enough) co_return fail(Error(reply.error()));
  if (reply && reply->status == 404) co_return Records();  // Of older servers: nobody has it.
  if (reply && !reply->ok()) co_return fail(net::reply_error(*reply));
  if (!reader) co_return Records();
  auto records = reader->finish();
  if (records) keep_wanted(*records, options.protocols);
  co_return records;
}

Task<void> ask_router(std::shared_ptr<Search> search, std::string router, net::Url url) {
  auto asking = ask(search, std::move(url));
  auto records = co_await std::move(asking);
  if (!records) {
    search->report.troubles.push_back({std::move(router), std::move(records).error()});
    co_return Status{};
  }
  for (PeerRecord& record : *records) {
    search->report.providers.push_back({std::move(record), router});
  }
  co_return Status{};
}

std::optional<net::Url> address_of(const FoundProvider& provider, Reach from) {
  std::optional<net::Url> chosen;
  for (const std::string& address : provider.peer.addresses) {
    auto url = url_of_multiaddr(address);
    if (!url || !may_name(from, reach_of_host(url->host))) continue;
    if (url->scheme == "https") return std::move(*url);
    if (!chosen) chosen = std::move(*url);
  }
  return chosen;
}

}  // namespace

Task<FindReport> find_providers(net::HttpClient& client, std::vector<std::string> routers,
                                ipld::Cid cid, FindOptions options) {
  if (routers.size() > kMaxRouters) {
    co_return fail(Errc::invalid_argument, "At most {} routers are asked; {} were named.",
                   kMaxRouters, routers.size());
  }
  std::vector<net::Url> urls;
  for (const std::string& router : routers) {
    auto url = router_url(router);
    if (!url) co_return fail(std::move(url).error());
    urls.push_back(*std::move(url));
  }
  const std::stop_token stop = options.stop;
  auto search =
      std::make_shared<Search>(Search{client, cid.as_v1().to_string(), std::move(options), {}});
  TaskGroup group(co_await boost::asio::this_coro::executor, "routers");
  for (std::size_t i = 0; i < routers.size(); ++i) {
    group.spawn(ask_router(search, routers[i], urls[i]));
  }
  auto joining = group.join();
  const Status joined = co_await std::move(joining);
  if (!joined) co_return fail(Error(joined.error()));
  if (stop.stop_requested()) {
    co_return fail(Errc::cancelled, "The search for providers was cancelled.");
  }
  co_return std::move(search->report);
}

std::vector<FoundGateway> gateways_of(const FindReport& report) {
  std::vector<FoundGateway> gateways;
  for (const FoundProvider& provider : report.providers) {
    const auto& protocols = provider.peer.protocols;
    const bool speaks = std::ranges::find(protocols, kGatewayProtocol) != protocols.end();
    const auto router = net::parse_url(provider.router);
    if (!speaks || !router || gateways.size() == kMaxGateways) continue;
    const Reach from = reach_of_host(router->host);
    auto url = address_of(provider, from);
    if (!url) continue;
    while (url->path.ends_with('/') && url->path.size() > 1) url->path.pop_back();
    const std::string text = url->path == "/" ? url->origin() : url->to_string();
    const auto same = [&](const FoundGateway& gateway) { return gateway.url == text; };
    if (std::ranges::any_of(gateways, same)) continue;
    gateways.push_back({text, from != Reach::machine});
  }
  return gateways;
}

}  // namespace accel::routing
