// SPDX-License-Identifier: Apache-2.0
#include "routing_answers.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "accel/core/log.hpp"
#include "accel/gateway/ipns_store.hpp"
#include "accel/net/header_values.hpp"
#include "accel/routing/http_address.hpp"
#include "responses.hpp"

namespace accel::gateway {
namespace {

using routing::PeerRecord;
using routing::RecordList;

// The specification's proposals. What is here may be freed at any time: nobody keeps an answer
// beyond its age.
constexpr int kFoundSeconds = 300;
constexpr int kNothingSeconds = 15;
constexpr std::chrono::seconds kDefaultTtl{60};
constexpr const char* kRecordType = "application/vnd.ipfs.ipns-record";

std::string caching(std::int64_t fresh, std::int64_t stale) {
  return fmt::format("public, max-age={}, stale-while-revalidate={}, stale-if-error={}", fresh,
                     stale, stale);
}

net::HttpResponse with_headers(WallTime now) {
  net::HttpResponse response;
  add_cors(response.headers);
  response.headers.add("Vary", "Accept");
  response.headers.add("X-Content-Type-Options", "nosniff");
  response.headers.add("Last-Modified", net::http_date(now));
  return response;
}

// From where a client asks. Behind a proxy it may be anybody.
routing::Reach reach_of_client(const net::HttpRequest& http) {
  const bool is_forwarded = http.headers.has("X-Forwarded-For") || http.headers.has("Forwarded");
  if (is_forwarded || http.over_unix_socket) return routing::Reach::everyone;
  std::string_view host(http.remote);
  host = host.substr(0, host.rfind(':'));
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  return routing::reach_of_host(host);
}

}  // namespace

bool is_routing_path(const std::vector<std::string>& segments) {
  return segments.size() >= 2 && segments[0] == "routing" && segments[1] == "v1";
}

Task<net::HttpResponse> RoutingAnswers::answer(const net::HttpRequest& http,
                                               std::vector<std::string> parts) {
  RoutingQuestion question = parse_routing_request(http, parts);
  if (const auto* refused = std::get_if<Refused>(&question)) {
    co_return refusal_response(refused->status, refused->sentence);
  }
  if (const auto* providers = std::get_if<ProvidersQuestion>(&question)) {
    co_return providers_of(http, *providers);
  }
  if (const auto* peers = std::get_if<PeersQuestion>(&question)) co_return peer(http, *peers);
  if (auto* offer = std::get_if<RecordOffer>(&question)) {
    auto keeping = keep(http, std::move(offer->name));
    co_return co_await std::move(keeping);
  }
  auto reading = record(http, std::move(std::get<RecordQuestion>(question).name));
  co_return co_await std::move(reading);
}

// A look at one block's place, as for its bytes (see gateway.cpp): it may stay on the I/O thread.
net::HttpResponse RoutingAnswers::providers_of(const net::HttpRequest& http,
                                               const ProvidersQuestion& question) {
  const auto place = place_block(store_, question.cid);
  if (!place && place.error().code != Errc::not_found) {
    log::warn("gateway", "a block cannot be looked up",
              {log::field("cid", question.cid.to_string()),
               log::field("cause", place.error().to_string())});
  }
  return list(RecordList::providers, place ? shown_to(http) : std::vector<PeerRecord>(),
              question.form);
}

net::HttpResponse RoutingAnswers::peer(const net::HttpRequest& http,
                                       const PeersQuestion& question) {
  std::vector<PeerRecord> records = shown_to(http);
  std::erase_if(records, [&](const PeerRecord& record) {
    const auto id = ipld::IpnsName::parse(record.id);
    return !id || *id != question.peer;
  });
  return list(RecordList::peers, std::move(records), question.form);
}

// A client gets the addresses that it can reach, as far as they tell; a peer that is left with none
// would only be searched for in vain.
std::vector<PeerRecord> RoutingAnswers::shown_to(const net::HttpRequest& http) const {
  if (!rules_.providers) return {};
  std::vector<PeerRecord> records = rules_.providers();
  const routing::Reach client = reach_of_client(http);
  for (PeerRecord& record : records) {
    std::erase_if(record.addresses, [&](const std::string& address) {
      return !routing::may_name(client, routing::reach_of_multiaddr(address));
    });
  }
  std::erase_if(records, [](const PeerRecord& record) { return record.addresses.empty(); });
  return records;
}

net::HttpResponse RoutingAnswers::list(RecordList what, std::vector<PeerRecord> records,
                                       const ListForm& form) const {
  std::vector<PeerRecord> kept;
  for (PeerRecord& record : records) {
    auto passed = routing::apply_filters(std::move(record), form.filters);
    if (passed) kept.push_back(*std::move(passed));
  }
  const int seconds = kept.empty() ? kNothingSeconds : kFoundSeconds;
  net::HttpResponse response = with_headers(clock_.wall_now());
  response.headers.add("Content-Type",
                       std::string(form.as_lines ? routing::kLinesType : routing::kJsonType));
  response.headers.add("Cache-Control", caching(seconds, seconds));
  response.body = form.as_lines ? routing::write_lines(kept) : routing::write_json(what, kept);
  return response;
}

Task<net::HttpResponse> RoutingAnswers::record(const net::HttpRequest& http, ipld::IpnsName name) {
  const WallTime now = clock_.wall_now();
  const auto read = [this, &name, now](std::stop_token) {
    return get_ipns_record(store_, name, now);
  };
  auto kept = co_await pool_.run(read);
  net::HttpResponse response = with_headers(now);
  if (!kept) {
    // Any type but that of a record means that there is none; 404 is not sent (IPIP-513).
    response.headers.add("Content-Type", "text/plain; charset=utf-8");
    response.headers.add("Cache-Control", caching(kNothingSeconds, kNothingSeconds));
    response.body = fmt::format("No valid record of {} is kept here.\n", name.to_string());
    co_return response;
  }
  const auto ttl = std::chrono::duration_cast<std::chrono::seconds>(kept->record.ttl);
  const auto left = std::chrono::duration_cast<std::chrono::seconds>(kept->record.validity - now);
  const ipld::Cid of_bytes = ipld::Cid::v1(ipld::Codec::raw, ipld::sha2_256(as_bytes(kept->bytes)));
  const std::string etag = fmt::format("\"{}\"", of_bytes);
  response.headers.add("Content-Type", kRecordType);
  response.headers.add("Etag", etag);
  response.headers.add("Expires", net::http_date(kept->record.validity));
  response.headers.add(
      "Cache-Control",
      caching(std::min(ttl.count() > 0 ? ttl : kDefaultTtl, left).count(), left.count()));
  if (net::etag_matches(http.headers.combined("If-None-Match"), etag)) {
    response.status = 304;
    co_return response;
  }
  response.body = std::move(kept->bytes);
  co_return response;
}

Task<net::HttpResponse> RoutingAnswers::keep(const net::HttpRequest& http, ipld::IpnsName name) {
  if (!rules_.put_record) {
    co_return refusal_response(501, "This router takes no records (gateway.routing is not write).");
  }
  const auto put = [this, &http, &name](std::stop_token) {
    return rules_.put_record(name, as_bytes(http.body));
  };
  const Status kept = co_await pool_.run(put);
  if (kept) co_return with_headers(clock_.wall_now());
  const Errc code = kept.error().code;
  if (code == Errc::io || code == Errc::internal) {
    log::warn("gateway", "a record cannot be kept",
              {log::field("cause", kept.error().to_string())});
    co_return refusal_response(500, "The record cannot be kept.");
  }
  co_return refusal_response(code == Errc::resource_exhausted ? 429 : 400, kept.error().message);
}

}  // namespace accel::gateway
