// SPDX-License-Identifier: Apache-2.0
#include "gateway_source.hpp"

#include <utility>

#include "accel/ipld/dag_pb.hpp"
#include "accel/net/message.hpp"

namespace accel::exchange {
namespace {

Error refusal(const net::HttpReply& reply) {
  Error error = net::reply_error(reply);
  // Gone, or withheld for legal reasons: other sources may have it.
  if (reply.status == 404 || reply.status == 410 || reply.status == 451) {
    error.code = Errc::not_found;
  }
  return error;
}

}  // namespace

Result<GatewaySource> GatewaySource::parse(const std::string& base_url) {
  ACCEL_TRY(net::Url base, net::parse_url(base_url));
  if (!base.query.empty()) {
    return fail(Errc::invalid_argument,
                "The source {} has a query; name the gateway alone, as http://host:port.",
                base_url);
  }
  while (base.path.ends_with('/')) base.path.pop_back();
  return GatewaySource(base_url, std::move(base));
}

Task<Bytes> GatewaySource::get(net::HttpClient& client, BlockCall call) const {
  net::Url url = base_;
  url.path += "/ipfs/" + call.cid.to_string();
  url.query = "format=raw";
  net::HttpCall http;
  http.headers.add("Accept", "application/vnd.ipld.raw");
  http.stop = call.stop;
  Bytes block = std::move(call.buffer);
  Result<net::HttpReply> reply = fail(Errc::internal, "No reply.");
  if (call.exact_bytes > 0) {
    block.resize(call.exact_bytes);
    http.on_chunk = [&call](ByteView bytes) -> Status {
      call.on_bytes(bytes.size());
      return {};
    };
    auto asking = client.get_into(std::move(url), std::move(http), block);
    reply = co_await std::move(asking);
  } else {
    block.clear();
    http.max_body_bytes = ipld::kMaxBlockBytes;
    http.on_chunk = [&call, &block](ByteView bytes) -> Status {
      block.insert(block.end(), bytes.begin(), bytes.end());
      call.on_bytes(bytes.size());
      return {};
    };
    auto asking = client.request(std::move(url), std::move(http));
    reply = co_await std::move(asking);
  }
  if (!reply) co_return fail(std::move(reply).error());
  if (!reply->ok()) co_return fail(refusal(*reply));
  if (reply->body_bytes < call.exact_bytes) {
    co_return fail(Errc::protocol, "It sent {} of the {} bytes of block {}.", reply->body_bytes,
                   call.exact_bytes, call.cid);
  }
  co_return block;
}

}  // namespace accel::exchange
