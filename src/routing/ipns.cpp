// SPDX-License-Identifier: Apache-2.0
#include "accel/routing/ipns.hpp"

#include "accel/ipld/ipns_record.hpp"
#include "router_url.hpp"

namespace accel::routing {
namespace {

constexpr std::string_view kRecordType = "application/vnd.ipfs.ipns-record";

Result<net::Url> url_of(const IpnsCall& call) {
  ACCEL_TRY(net::Url url, router_url(call.router));
  url.path += "/routing/v1/ipns/" + call.name.to_string();
  return url;
}

net::HttpCall http_call(const IpnsCall& call) {
  net::HttpCall http;
  http.stop = call.stop;
  http.total_timeout = call.timeout;
  http.max_body_bytes = ipld::kMaxIpnsRecordBytes;
  return http;
}

}  // namespace

Task<void> put_ipns_record(net::HttpClient& client, IpnsCall call, Bytes record) {
  ACCEL_CO_TRY(net::Url url, url_of(call));
  net::HttpCall http = http_call(call);
  http.method = "PUT";
  http.headers.add("Content-Type", std::string(kRecordType));
  http.body = std::string(as_text(record));
  auto asking = client.request(std::move(url), std::move(http));
  const auto reply = co_await std::move(asking);
  if (!reply) co_return fail(Error(reply.error()));
  if (reply->status == 405 || reply->status == 501) {
    co_return fail(Errc::unsupported,
                   "The router {} keeps no records; a gateway of ours does with gateway.routing = "
                   "write.",
                   call.router);
  }
  if (!reply->ok()) co_return fail(net::reply_error(*reply));
  co_return Status{};
}

Task<Bytes> get_ipns_record(net::HttpClient& client, IpnsCall call) {
  ACCEL_CO_TRY(net::Url url, url_of(call));
  net::HttpCall http = http_call(call);
  http.headers.add("Accept", std::string(kRecordType));
  auto asking = client.request(std::move(url), std::move(http));
  const auto reply = co_await std::move(asking);
  if (!reply) co_return fail(Error(reply.error()));
  const bool is_record =
      net::to_lower_ascii(reply->headers.get_or("Content-Type", "")).starts_with(kRecordType);
  // No record: 404 of older routers, 200 with a text of newer ones (IPIP-513).
  if (reply->status == 404 || (reply->ok() && !is_record)) {
    co_return fail(Errc::not_found, "The router {} knows no record of {}.", call.router,
                   call.name.to_string());
  }
  if (!reply->ok()) co_return fail(net::reply_error(*reply));
  co_return to_bytes(reply->body);
}

}  // namespace accel::routing
