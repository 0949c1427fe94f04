// SPDX-License-Identifier: Apache-2.0
// One trustless gateway as a source of raw blocks.
// Spec: ipfs/specs src/http-gateways/trustless-gateway.md (GET /ipfs/{cid}?format=raw).
#include <utility>

#include "block_request.hpp"

namespace accel::exchange {
namespace {

class GatewaySource final : public Source {
 public:
  GatewaySource(net::HttpClient& client, std::string name, net::Url base, bool network_only)
      : client_(client),
        name_(std::move(name)),
        base_(std::move(base)),
        network_only_(network_only) {}

  const std::string& name() const override { return name_; }
  SourceKind kind() const override { return SourceKind::gateway; }
  Task<SourceBlock> get(BlockCall call) override;

 private:
  net::HttpClient& client_;
  std::string name_;
  net::Url base_;
  bool network_only_;
};

Task<SourceBlock> GatewaySource::get(BlockCall call) {
  BodyCall body_call;
  body_call.url = base_;
  body_call.url.path += "/ipfs/" + call.cid.to_string();
  body_call.url.query = "format=raw";
  body_call.http.headers.add("Accept", "application/vnd.ipld.raw");
  body_call.http.stop = call.stop;
  body_call.http.network_only = network_only_;
  body_call.exact_bytes = call.exact_bytes;
  body_call.buffer = std::move(call.buffer);
  body_call.on_bytes = std::move(call.on_bytes);
  auto asking = get_body(client_, std::move(body_call));
  Result<Body> body = co_await std::move(asking);
  if (!body) co_return fail(std::move(body).error());
  if (!body->reply.ok()) co_return fail(refusal(body->reply));
  if (body->reply.body_bytes < call.exact_bytes) {
    co_return fail(Errc::protocol, "It sent {} of the {} bytes of block {}.",
                   body->reply.body_bytes, call.exact_bytes, call.cid);
  }
  SourceBlock block;
  block.bytes = std::move(body->bytes);
  co_return block;
}

}  // namespace

Result<std::unique_ptr<Source>> make_gateway_source(net::HttpClient& client,
                                                    const std::string& base_url,
                                                    bool network_only) {
  ACCEL_TRY(net::Url base, net::parse_url(base_url));
  if (!base.query.empty()) {
    return fail(Errc::invalid_argument,
                "The source {} has a query; name the gateway alone, as http://host:port.",
                base_url);
  }
  while (base.path.ends_with('/')) base.path.pop_back();
  return std::make_unique<GatewaySource>(client, base_url, std::move(base), network_only);
}

}  // namespace accel::exchange
