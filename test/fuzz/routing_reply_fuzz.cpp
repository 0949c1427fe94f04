// SPDX-License-Identifier: Apache-2.0
// Answers of routers, the multiaddrs in them, and questions to our own: the first byte says which.
// What an answer gives is written and read back as the same; no address that parses leads to
// anything but http; no question makes an answer that breaks a header.
#include <algorithm>

#include "../../src/gateway/routing_request.hpp"
#include "accel/net/url.hpp"
#include "accel/routing/client.hpp"
#include "accel/routing/http_address.hpp"

namespace rt = accel::routing;

namespace {

void require(bool holds) {
  if (!holds) __builtin_trap();
}

void check_reply(rt::ReplyReader::Form form, std::string_view text) {
  const rt::ReplyLimits limits{
      .max_bytes = 1U << 16U, .max_line_bytes = 1U << 14U, .max_records = 20};
  rt::ReplyReader reader(form, rt::RecordList::providers, limits);
  const std::size_t half = text.size() / 2;
  if (!reader.feed(accel::as_bytes(text.substr(0, half)))) return;
  if (!reader.feed(accel::as_bytes(text.substr(half)))) return;
  const auto records = reader.finish();
  if (!records) return;
  require(records->size() <= limits.max_records);
  rt::ReplyReader again(rt::ReplyReader::Form::json, rt::RecordList::providers);
  require(
      again.feed(accel::as_bytes(rt::write_json(rt::RecordList::providers, *records))).has_value());
  require(again.finish().value() == *records);
  rt::FindReport report;
  for (const auto& record : *records)
    report.providers.push_back({record, "https://router.example"});
  for (const rt::FoundGateway& gateway : rt::gateways_of(report)) {
    const auto url = accel::net::parse_url(gateway.url);
    require(url && gateway.network_only);
    require(rt::reach_of_host(url->host) == rt::Reach::everyone);
  }
}

void check_address(std::string_view text) {
  (void)rt::reach_of_multiaddr(text);
  const auto url = rt::url_of_multiaddr(text);
  if (!url) return;
  require(url->scheme == "http" || url->scheme == "https");
  const auto back = rt::multiaddr_of_url(*url);
  if (back) require(rt::url_of_multiaddr(*back).value().origin() == url->origin());
}

// "method path?query".
void check_question(std::string_view text) {
  accel::net::HttpRequest request;
  const std::size_t space = std::min(text.find(' '), text.size());
  request.method = text.substr(0, space);
  text.remove_prefix(std::min(space + 1, text.size()));
  const std::size_t question = std::min(text.find('?'), text.size());
  request.query = text.substr(std::min(question + 1, text.size()));
  request.headers.add("Accept", "application/x-ndjson, application/vnd.ipfs.ipns-record");
  request.headers.add("Content-Type", "application/vnd.ipfs.ipns-record");
  const auto parts = accel::net::split_path(text.substr(0, question));
  if (!parts) return;
  const auto asked = accel::gateway::parse_routing_request(request, *parts);
  if (const auto* refused = std::get_if<accel::gateway::Refused>(&asked)) {
    require(refused->status >= 400 && refused->status <= 501);
    require(refused->sentence.size() < 1000);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 4) {
    case 0:
      check_reply(rt::ReplyReader::Form::json, text);
      break;
    case 1:
      check_reply(rt::ReplyReader::Form::lines, text);
      break;
    case 2:
      check_address(text);
      break;
    default:
      check_question(text);
      break;
  }
  return 0;
}
