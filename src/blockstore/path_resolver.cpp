// SPDX-License-Identifier: Apache-2.0
#include "path_resolver.hpp"

#include <optional>
#include <span>

#include "accel/ipld/codec.hpp"
#include "accel/ipld/hamt.hpp"
#include "accel/ipld/node_view.hpp"
#include "block_reader.hpp"

namespace accel::blockstore {
namespace {

using Segments = std::span<const std::string>;

// From one block to the next.
struct Step {
  std::optional<ipld::Cid> next = {};  // Nothing: the path ends inside the block.
  std::size_t used = 0;                // Names that it took.
  std::vector<ipld::Cid> passed = {};  // The block, and the shards behind it.
};

tl::unexpected<Error> no_entry(const ipld::Cid& cid, std::string_view name) {
  return fail(Errc::not_found, "{} has no entry \"{}\".", cid, name);
}

Result<Step> step_in_shards(const StoreCore& core, const ipld::Cid& cid, const std::string& name) {
  const auto get = [&core](const ipld::Cid& shard) { return read_block(core, shard); };
  ACCEL_TRY(auto found, ipld::find_in_hamt(cid, name, get));
  if (!found.entry) return no_entry(cid, name);
  return Step{found.entry->cid, 1, std::move(found.passed)};
}

Result<Step> step_in_value(const ipld::Cid& cid, ByteView block, Segments segments) {
  ACCEL_TRY(const ipld::Value top,
            ipld::decode_value(cid.codec(), block, ipld::Strictness::historical));
  const ipld::Value* at = &top;
  for (std::size_t i = 0; i < segments.size(); ++i) {
    ACCEL_TRY(at, i == 0 ? ipld::resolve_step(cid.codec(), *at, segments[i])
                         : ipld::resolve_step(*at, segments[i]));
    if (at->as_link() != nullptr) return Step{*at->as_link(), i + 1, {cid}};
  }
  return Step{{}, segments.size(), {}};
}

Result<Step> step_from(const StoreCore& core, const ipld::Cid& cid, Segments segments) {
  const std::string& name = segments.front();
  if (cid.codec() == ipld::Codec::raw || !ipld::is_known_codec(cid.codec())) {
    return no_entry(cid, name);
  }
  ACCEL_TRY(const Bytes block, read_block(core, cid));
  if (cid.codec() != ipld::Codec::dag_pb) return step_in_value(cid, block, segments);
  const auto node = ipld::decode_node(cid, block);
  if (!node && node.error().code == Errc::unsupported) return step_in_value(cid, block, segments);
  if (!node) return fail(Error(node.error()));
  if (node->kind == ipld::NodeKind::hamt) return step_in_shards(core, cid, name);
  const ipld::DirectoryEntry* const entry = node->find(name);
  if (entry == nullptr) return no_entry(cid, name);
  return Step{entry->cid, 1, {cid}};
}

}  // namespace

Result<ResolvedPath> resolve_segments(const StoreCore& core, const ipld::Cid& root,
                                      const std::vector<std::string>& segments) {
  ResolvedPath at{root, {}, {}, {root}};
  Segments rest(segments);
  while (!rest.empty()) {
    ACCEL_TRY(const Step step, step_from(core, at.cid, rest));
    if (!step.next) {
      at.remainder.assign(rest.begin(), rest.end());
      return at;
    }
    at.passed.insert(at.passed.end(), step.passed.begin(), step.passed.end());
    at.cid = *step.next;
    at.roots.push_back(at.cid);
    rest = rest.subspan(step.used);
  }
  return at;
}

}  // namespace accel::blockstore
