// SPDX-License-Identifier: Apache-2.0
#include "dag_target.hpp"

#include "accel/ipld/codec.hpp"
#include "names.hpp"

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

Result<ipld::Value> load(const blockstore::Store& store, const ipld::Cid& cid) {
  ACCEL_TRY(const Bytes block, store.get(cid));
  return ipld::decode_value(cid.codec(), block, ipld::Strictness::historical);
}

// Follows `path` inside one block; gives the link at which it leaves, and how many parts it took.
struct Steps {
  const ipld::Value* at;
  std::size_t taken = 0;
};
Result<Steps> follow(ipld::Codec codec, const ipld::Value& top, std::span<const std::string> path) {
  Steps steps{&top};
  for (; steps.taken < path.size() && steps.at->as_link() == nullptr; ++steps.taken) {
    const std::string& name = path[steps.taken];
    ACCEL_TRY(steps.at, steps.taken == 0 ? ipld::resolve_step(codec, *steps.at, name)
                                         : ipld::resolve_step(*steps.at, name));
  }
  return steps;
}

}  // namespace

Result<DagTarget> resolve_dag_target(const blockstore::Store& store, std::string_view text) {
  text = without_ipfs_prefix(text);
  const std::size_t slash = std::min(text.find('/'), text.size());
  ACCEL_TRY(const Target first, resolve_target(store, text.substr(0, slash)));
  const std::vector<std::string> path = split(text.substr(slash));
  DagTarget target{first.root, first.root, {}};
  for (std::span<const std::string> rest = path; !rest.empty();) {
    ACCEL_TRY(const ipld::Value top, load(store, target.cid));
    ACCEL_TRY(const Steps steps, follow(target.cid.codec(), top, rest));
    if (steps.at->as_link() == nullptr) {
      target.remainder.assign(rest.begin(), rest.end());
      break;
    }
    rest = rest.subspan(steps.taken);
    target.cid = ipld::Cid(*steps.at->as_link());
  }
  return target;
}

Result<ipld::Value> value_at(const blockstore::Store& store, const DagTarget& target) {
  ACCEL_TRY(ipld::Value top, load(store, target.cid));
  if (target.remainder.empty()) return top;
  ACCEL_TRY(const Steps steps, follow(target.cid.codec(), top, target.remainder));
  return ipld::Value(*steps.at);
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
