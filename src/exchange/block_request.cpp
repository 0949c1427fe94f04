// SPDX-License-Identifier: Apache-2.0
#include "block_request.hpp"

#include <utility>

#include "accel/ipld/dag_pb.hpp"

namespace accel::exchange {

Error refusal(const net::HttpReply& reply) {
  Error error = net::reply_error(reply);
  // Gone, or withheld for legal reasons: other sources may have it.
  if (reply.status == 404 || reply.status == 410 || reply.status == 451) {
    error.code = Errc::not_found;
  }
  return error;
}

Task<Body> get_body(net::HttpClient& client, BodyCall call) {
  Bytes block = std::move(call.buffer);
  Result<net::HttpReply> reply = fail(Errc::internal, "No reply.");
  if (call.exact_bytes > 0) {
    block.resize(call.exact_bytes);
    call.http.on_chunk = [&call](ByteView bytes) -> Status {
      call.on_bytes(bytes.size());
      return {};
    };
    auto asking = client.get_into(std::move(call.url), std::move(call.http), block);
    reply = co_await std::move(asking);
  } else {
    block.clear();
    call.http.max_body_bytes = ipld::kMaxBlockBytes;
    call.http.on_chunk = [&call, &block](ByteView bytes) -> Status {
      block.insert(block.end(), bytes.begin(), bytes.end());
      call.on_bytes(bytes.size());
      return {};
    };
    auto asking = client.request(std::move(call.url), std::move(call.http));
    reply = co_await std::move(asking);
  }
  if (!reply) co_return fail(std::move(reply).error());
  co_return Body{std::move(*reply), std::move(block)};
}

}  // namespace accel::exchange
