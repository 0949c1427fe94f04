// SPDX-License-Identifier: Apache-2.0
#include "content/dag_target.hpp"

#include "accel/ipld/codec.hpp"
#include "names/names.hpp"

namespace accel::node {
namespace {

std::vector<std::string> split(std::string_view path) {
  std::vector<std::string> parts;
  while (!path.empty()) {
    const std::size_t end = std::min(path.find('/'), path.size());
    if (end > 0) parts.emplace_back(path.substr(0, end));
    path.remove_prefix(std::min(end + 1, path.size()));
  }
  return parts;
}

}  // namespace

Result<DagTarget> resolve_dag_target(const blockstore::Store& store, std::string_view text) {
  text = without_ipfs_prefix(text);
  const std::size_t slash = std::min(text.find('/'), text.size());
  ACCEL_TRY(const Target first, resolve_target(store, text.substr(0, slash)));
  ACCEL_TRY(auto resolved, store.resolve_path(first.root, split(text.substr(slash))));
  return DagTarget{first.root, resolved.cid, std::move(resolved.remainder)};
}

Result<ipld::Value> value_at(const blockstore::Store& store, const DagTarget& target) {
  ACCEL_TRY(const Bytes block, store.get(target.cid));
  ACCEL_TRY(ipld::Value top,
            ipld::decode_value(target.cid.codec(), block, ipld::Strictness::historical));
  const ipld::Value* at = &top;
  for (std::size_t i = 0; i < target.remainder.size(); ++i) {
    const std::string& name = target.remainder[i];
    ACCEL_TRY(at, i == 0 ? ipld::resolve_step(target.cid.codec(), *at, name)
                         : ipld::resolve_step(*at, name));
  }
  return ipld::Value(*at);
}

Result<ipld::Codec> codec_by_name(std::string_view name) {
  for (const ipld::Codec codec : {ipld::Codec::raw, ipld::Codec::dag_pb, ipld::Codec::dag_cbor,
                                  ipld::Codec::dag_json, ipld::Codec::libp2p_key}) {
    if (ipld::codec_name(codec) == name) return codec;
  }
  return fail(Errc::invalid_argument,
              "\"{}\" is no codec that is known here; raw, dag-pb, dag-cbor, dag-json and "
              "libp2p-key are.",
              name.substr(0, kMaxNameBytes));
}

}  // namespace accel::node
