// SPDX-License-Identifier: Apache-2.0
// Single blocks, as values of a codec or as they are.
#include "accel/core/file.hpp"
#include "accel/ipld/codec.hpp"
#include "accel/ipld/multibase.hpp"
#include "content/dag_target.hpp"
#include "context.hpp"

namespace accel::node {
namespace {

using nlohmann::json;

// The largest block that IPFS nodes send each other (Bitswap's limit).
constexpr std::size_t kMaxExchangedBytes = 2U << 20U;

struct PutRequest {
  Bytes data;
  std::string hash;
  bool pin = false;
  bool is_private = false;
  bool big = false;  // May be larger than kMaxExchangedBytes.
};

Result<PutRequest> put_request(Params& params) {
  PutRequest request;
  const std::string data = params.text("data", {});
  const std::string path = params.text("path", {});
  request.hash = params.text("hash", "sha2-256");
  request.pin = params.flag("pin");
  request.is_private = params.flag("private");
  request.big = params.flag("allow_big_block");
  if (!path.empty()) {
    if (!data.empty()) return fail(Errc::invalid_argument, "\"data\" or \"path\", not both.");
    ACCEL_TRY(request.data, read_file(path, ipld::kMaxBlockBytes));
    return request;
  }
  if (data.size() > 2 * ipld::kMaxBlockBytes) {
    return fail(Errc::resource_exhausted, "A block has at most {} bytes.", ipld::kMaxBlockBytes);
  }
  auto bytes = ipld::base_decode(ipld::Multibase::base64, data);
  if (!bytes) {
    return fail(Error{Errc::invalid_argument, "\"data\" must be base64 without padding.",
                      bytes.error().message});
  }
  request.data = *std::move(bytes);
  return request;
}

Result<ipld::Multihash> hash_block(const std::string& name, ByteView block) {
  ACCEL_TRY(const ipld::HashCode code, ipld::hash_by_name(name));
  return ipld::hash_with(code, block);
}

Result<json> store_block(Context& context, ipld::Codec codec, ByteView block,
                         const PutRequest& request) {
  if (block.size() > kMaxExchangedBytes && !request.big) {
    return fail(Errc::invalid_argument,
                "The block has {} bytes; IPFS nodes exchange at most {}. `add` cuts a file into "
                "blocks, --allow-big-block stores this one all the same.",
                block.size(), kMaxExchangedBytes);
  }
  ACCEL_TRY(ipld::Multihash hash, hash_block(request.hash, block));
  const ipld::Cid cid = ipld::Cid::v1(codec, std::move(hash));
  ACCEL_TRY(blockstore::Store* const store, context.services.store());
  ACCEL_TRY(const blockstore::Lease lease, store->lease(cid));
  ACCEL_CHECK(store->put(cid, block, {.is_private = request.is_private}));
  if (request.pin) {
    ACCEL_CHECK(store->pin(cid, {.name = {}, .is_private = request.is_private, .merge = true}));
  }
  return json{{"cid", cid.to_string()}, {"bytes", block.size()}, {"pinned", request.pin}};
}

Result<DagTarget> resolve_block(const blockstore::Store& store, const std::string& text) {
  ACCEL_TRY(DagTarget target, resolve_dag_target(store, text));
  if (target.remainder.empty()) return target;
  return fail(Errc::invalid_argument, "{} leads into block {}, not to a block.", text, target.cid);
}

void send(const Context& context, ByteView bytes) {
  if (context.on_event) context.on_event(Event{nullptr, bytes});
}

}  // namespace

Result<json> dag_get(Context& context) {
  const std::string text = context.params.required_text("target");
  const std::string codec_name = context.params.text("output_codec", "dag-json");
  ACCEL_CHECK(context.params.finish());
  ACCEL_TRY(const ipld::Codec codec, codec_by_name(codec_name));
  ACCEL_TRY(blockstore::Store* const store, context.services.store());
  ACCEL_TRY(const DagTarget target, resolve_dag_target(*store, text));
  ACCEL_TRY(const ipld::Value value, value_at(*store, target));
  ACCEL_TRY(const Bytes bytes, ipld::encode_value(codec, value));
  send(context, bytes);
  return json{{"cid", target.cid.to_string()},
              {"remainder", target.remainder},
              {"codec", codec_name},
              {"bytes", bytes.size()}};
}

Result<json> dag_put(Context& context) {
  ACCEL_TRY(const PutRequest request, put_request(context.params));
  const std::string from = context.params.text("input_codec", "dag-json");
  const std::string to = context.params.text("store_codec", "dag-cbor");
  ACCEL_CHECK(context.params.finish());
  ACCEL_TRY(const ipld::Codec input, codec_by_name(from));
  ACCEL_TRY(const ipld::Codec stored, codec_by_name(to));
  auto value = ipld::decode_value(input, request.data, ipld::Strictness::historical);
  if (!value) {
    Error error = std::move(value).error();
    error.code = Errc::invalid_argument;  // It is the caller's, not the disk's.
    error.message = fmt::format("The input is not {}. {}", from, error.message);
    return fail(std::move(error));
  }
  ACCEL_TRY(const Bytes block, ipld::encode_value(stored, *value));
  return store_block(context, stored, block, request);
}

Result<json> block_get(Context& context) {
  const std::string text = context.params.required_text("target");
  ACCEL_CHECK(context.params.finish());
  ACCEL_TRY(blockstore::Store* const store, context.services.store());
  ACCEL_TRY(const DagTarget target, resolve_block(*store, text));
  ACCEL_TRY(const Bytes block, store->get(target.cid));
  send(context, block);
  return json{{"cid", target.cid.to_string()}, {"bytes", block.size()}};
}

Result<json> block_put(Context& context) {
  ACCEL_TRY(const PutRequest request, put_request(context.params));
  const std::string name = context.params.text("codec", "raw");
  ACCEL_CHECK(context.params.finish());
  ACCEL_TRY(const ipld::Codec codec, codec_by_name(name));
  return store_block(context, codec, request.data, request);
}

Result<json> block_stat(Context& context) {
  const std::string text = context.params.required_text("target");
  ACCEL_CHECK(context.params.finish());
  ACCEL_TRY(blockstore::Store* const store, context.services.store());
  ACCEL_TRY(const DagTarget target, resolve_block(*store, text));
  ACCEL_TRY(const std::uint64_t bytes, store->size_of(target.cid));
  return json{{"cid", target.cid.to_string()}, {"bytes", bytes}};
}

}  // namespace accel::node
