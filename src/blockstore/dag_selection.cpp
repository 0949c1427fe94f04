// SPDX-License-Identifier: Apache-2.0
#include "accel/blockstore/dag_selection.hpp"

#include <algorithm>
#include <cstring>

#include "accel/blockstore/store.hpp"
#include "accel/ipld/codec.hpp"
#include "accel/ipld/hamt.hpp"
#include "accel/ipld/node_view.hpp"

namespace accel::blockstore {
namespace {

struct Range {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};

std::uint64_t magnitude(std::int64_t number) {
  return number < 0 ? ~static_cast<std::uint64_t>(number) + 1 : static_cast<std::uint64_t>(number);
}

// Empty when nothing of it exists.
Range resolve(const EntityBytes& bytes, std::uint64_t size) {
  Range range{magnitude(bytes.from), size};
  if (bytes.from < 0) range.begin = range.begin > size ? 0 : size - range.begin;
  if (bytes.to) {
    const std::uint64_t distance = magnitude(*bytes.to);
    if (*bytes.to >= 0) range.end = std::min(size, distance + 1);
    if (*bytes.to < 0) range.end = distance > size ? 0 : size - distance + 1;
  }
  return range.begin < range.end ? range : Range{0, 0};
}

}  // namespace

DagCursor::DagCursor(const Store& store, DagSelection selection, ResolvedPath end)
    : store_(&store), selection_(std::move(selection)), end_(std::move(end)) {}

Result<DagCursor> DagCursor::open(const Store& store, DagSelection selection) {
  ACCEL_TRY(ResolvedPath end, store.resolve_path(selection.root, selection.path));
  DagCursor cursor(store, std::move(selection), std::move(end));
  ACCEL_CHECK(cursor.begin());
  return cursor;
}

Status DagCursor::begin() {
  for (const ipld::Cid& cid : end_.passed) ACCEL_CHECK(check_shown(cid));
  ACCEL_CHECK(check_shown(end_.cid));
  if (!end_.remainder.empty()) {
    ACCEL_CHECK(begin_inside_block());
  } else if (selection_.scope == DagScope::block) {
    stack_.push_back({end_.cid, Walk::block});
  } else if (selection_.scope == DagScope::all) {
    stack_.push_back({end_.cid, Walk::dag});
  } else if (end_.cid.codec() != ipld::Codec::dag_pb) {
    stack_.push_back({end_.cid, Walk::block});
  } else {
    ACCEL_TRY(const Bytes block, store_->get(end_.cid));
    ACCEL_CHECK(begin_entity(block));
  }
  ACCEL_TRY(const bool here, store_->has(end_.cid));
  if (!here) return fail(Errc::not_found, "Block {} is not in the store.", end_.cid);
  for (auto cid = end_.passed.rbegin(); cid != end_.passed.rend(); ++cid) {
    stack_.push_back({*cid, Walk::block});
  }
  return {};
}

Status DagCursor::begin_entity(const Bytes& block) {
  const auto node = ipld::decode_node(end_.cid, block);
  if (!node && node.error().code != Errc::unsupported) return fail(Error(node.error()));
  Pending start{end_.cid, Walk::block};
  if (node && node->kind == ipld::NodeKind::hamt) start.walk = Walk::shard;
  if (node && node->is_file()) {
    start.walk = Walk::file;
    start.length = node->file_bytes;
    if (selection_.bytes) {
      const Range range = resolve(*selection_.bytes, node->file_bytes);
      begin_ = range.begin;
      end_byte_ = range.end;
    }
  }
  stack_.push_back(std::move(start));
  return {};
}

// The end is a value inside a block: what it links to, and nothing else of the block's links.
Status DagCursor::begin_inside_block() {
  if (selection_.scope == DagScope::all) {
    ACCEL_TRY(const Bytes block, store_->get(end_.cid));
    const ipld::Codec codec = end_.cid.codec();
    ACCEL_TRY(const ipld::Value top,
              ipld::decode_value(codec, block, ipld::Strictness::historical));
    ACCEL_TRY(const ipld::Value* at, ipld::resolve_step(codec, top, end_.remainder.front()));
    for (std::size_t i = 1; i < end_.remainder.size(); ++i) {
      ACCEL_TRY(at, ipld::resolve_step(*at, end_.remainder[i]));
    }
    std::vector<Pending> links;
    for (const ipld::Cid& link : ipld::links_of(*at)) links.push_back({link, Walk::dag});
    ACCEL_CHECK(push_reversed(std::move(links)));
  }
  stack_.push_back({end_.cid, Walk::block});
  return {};
}

Status DagCursor::check_shown(const ipld::Cid& cid) const {
  if (!selection_.public_only) return {};
  ACCEL_TRY(const bool hidden, store_->is_private(cid));
  if (hidden) return fail(Errc::not_found, "Block {} is not in the store.", cid);
  return {};
}

DagCursor::Key DagCursor::key_of(const ipld::Cid& cid) {
  Key key;
  const ByteView digest = cid.hash().digest();
  std::memcpy(&key.first, digest.data(), std::min<std::size_t>(digest.size(), 8));
  if (digest.size() > 8) {
    std::memcpy(&key.second, digest.data() + 8, std::min<std::size_t>(digest.size() - 8, 8));
  }
  key.second ^=
      static_cast<std::uint64_t>(cid.codec()) ^ (static_cast<std::uint64_t>(cid.version()) << 62U);
  return key;
}

// Whether only a part of the node's bytes is wanted: then what was met once may lack blocks.
bool DagCursor::is_cut(const Pending& at) const {
  return at.walk == Walk::file && (at.offset < begin_ || at.offset + at.length > end_byte_);
}

Result<std::optional<SelectedBlock>> DagCursor::next() {
  while (!stack_.empty()) {
    const Pending at = std::move(stack_.back());
    stack_.pop_back();
    ACCEL_CHECK(check_shown(at.cid));
    bool give = !at.cid.is_identity();
    if (!selection_.duplicates && give) {
      const auto [found, is_new] = seen_.try_emplace(key_of(at.cid), !is_cut(at));
      if (!is_new && found->second) continue;
      if (!is_cut(at)) found->second = true;
      give = is_new;
    }
    const bool has_links = at.walk != Walk::block && at.cid.codec() != ipld::Codec::raw &&
                           ipld::is_known_codec(at.cid.codec());
    SelectedBlock block{at.cid, {}};
    if (has_links) {
      ACCEL_TRY(block.bytes, store_->get(at.cid));
      ACCEL_CHECK(expand(at, *block.bytes));
    }
    if (give) return std::optional(std::move(block));
  }
  return std::optional<SelectedBlock>{};
}

Status DagCursor::expand(const Pending& at, const Bytes& block) {
  if (at.walk == Walk::file) return expand_file(at, block);
  if (at.walk == Walk::shard) return expand_shard(at, block);
  ACCEL_TRY(const auto links, ipld::links_of(at.cid, block));
  std::vector<Pending> children;
  children.reserve(links.size());
  for (const ipld::Cid& link : links) children.push_back({link, Walk::dag});
  return push_reversed(std::move(children));
}

Status DagCursor::expand_file(const Pending& at, const Bytes& block) {
  ACCEL_TRY(const ipld::NodeView view, ipld::decode_node(at.cid, block));
  ACCEL_CHECK(ipld::check_child({at.cid, at.offset, at.length, 0}, view));
  if (at.depth >= ipld::kMaxDagDepth) {
    return fail(Errc::corrupt, "A file has more than {} levels at {}.", ipld::kMaxDagDepth, at.cid);
  }
  std::vector<Pending> children;
  for (const ipld::FileChild& child : view.children) {
    const std::uint64_t offset = at.offset + child.offset;
    if (offset >= end_byte_) break;
    if (offset + child.length <= begin_) continue;
    const auto depth = static_cast<std::uint8_t>(at.depth + 1);
    children.push_back({child.cid, Walk::file, depth, offset, child.length});
  }
  return push_reversed(std::move(children));
}

Status DagCursor::expand_shard(const Pending& at, const Bytes& block) {
  ACCEL_TRY(const ipld::HamtShard shard, ipld::decode_hamt_shard(at.cid, block));
  if (!ipld::hamt_slot(0, shard.fanout, at.depth)) {
    return fail(Errc::corrupt, "The shards of a folder are deeper than hashes at {}.", at.cid);
  }
  std::vector<Pending> children;
  for (const ipld::HamtSlot& slot : shard.slots) {
    const auto depth = static_cast<std::uint8_t>(at.depth + 1);
    if (slot.is_shard) children.push_back({slot.entry.cid, Walk::shard, depth});
  }
  return push_reversed(std::move(children));
}

Status DagCursor::push_reversed(std::vector<Pending> children) {
  if (stack_.size() + children.size() > kMaxPending) {
    return fail(Errc::resource_exhausted, "More than {} links wait to be followed.", kMaxPending);
  }
  std::ranges::move(children.rbegin(), children.rend(), std::back_inserter(stack_));
  return {};
}

}  // namespace accel::blockstore
