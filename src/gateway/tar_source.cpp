// SPDX-License-Identifier: Apache-2.0
#include "tar_source.hpp"

#include <algorithm>

#include "accel/ipld/dag_pb.hpp"
#include "accel/ipld/hamt.hpp"
#include "accel/ipld/node_view.hpp"
#include "accel/ipld/unixfs.hpp"
#include "content.hpp"
#include "tar_format.hpp"

namespace accel::gateway {
namespace {

tl::unexpected<Error> leads_out(std::string_view path) {
  return fail(Errc::permission_denied, "{} leads out of the folder.", path);
}

}  // namespace

Result<std::unique_ptr<TarSource>> TarSource::open(const blockstore::Store& store,
                                                   const ipld::Cid& root, std::string name,
                                                   TarRules rules) {
  std::unique_ptr<TarSource> source(
      new TarSource(store, rules));  // tidy: raw-new: private constructor
  ACCEL_CHECK(source->add({std::move(name), root, 0}));
  return source;
}

Result<Pieces> TarSource::next() {
  while (pieces_.empty() && !ended_) {
    if (left_.length > 0) {
      ACCEL_CHECK(read_more());
    } else if (!stack_.empty()) {
      const Pending entry = std::move(stack_.back());
      stack_.pop_back();
      ACCEL_CHECK(add(entry));
    } else {
      pieces_.emplace_back(tar_end());
      ended_ = true;
    }
  }
  return std::exchange(pieces_, {});
}

Status TarSource::check_shown(const ipld::Cid& cid) const {
  if (rules_.for_owner) return {};
  ACCEL_TRY(const bool hidden, store_.is_private(cid));
  return hidden ? fail(not_here(cid.to_string())) : Status{};
}

Status TarSource::add(const Pending& entry) {
  ACCEL_CHECK(check_shown(entry.cid));
  if (is_behind_link(entry.path)) return leads_out(entry.path);
  if (entry.cid.codec() == ipld::Codec::raw) {
    ACCEL_TRY(const std::uint64_t size, store_.size_of(entry.cid));
    return add_file(entry, size);
  }
  ACCEL_TRY(const Bytes block, store_.get(entry.cid));
  if (entry.cid.codec() != ipld::Codec::dag_pb) {
    return fail(Errc::unsupported, "{} is not UnixFS.", entry.cid);
  }
  const auto node = ipld::decode_node(entry.cid, block);
  if (!node || node->kind == ipld::NodeKind::directory || node->kind == ipld::NodeKind::hamt) {
    return add_folder(entry, block);
  }
  if (node->kind == ipld::NodeKind::symlink) return add_link(entry, node->symlink_target);
  return add_file(entry, node->file_bytes);
}

Status TarSource::add_file(const Pending& entry, std::uint64_t size) {
  std::optional<net::FileSlice> place;
  if (!rules_.for_owner) {
    ACCEL_TRY(place, place_of_file(store_, entry.cid));
  }
  pieces_.emplace_back(tar_head({entry.path, TarKind::file, size}));
  if (place) {
    if (size > 0) pieces_.emplace_back(std::move(*place));
    if (std::string padding = tar_padding(size); !padding.empty()) {
      pieces_.emplace_back(std::move(padding));
    }
    return {};
  }
  reading_ = entry.cid;
  left_ = {0, size};
  return {};
}

Status TarSource::read_more() {
  const net::ByteRange part{left_.first, std::min(left_.length, rules_.piece_bytes)};
  ACCEL_TRY(std::string text, read_text(store_, reading_, part));
  left_.first += part.length;
  left_.length -= part.length;
  if (left_.length == 0) text += tar_padding(left_.first);
  pieces_.emplace_back(std::move(text));
  return {};
}

Status TarSource::add_link(const Pending& entry, const std::string& target) {
  const auto depth = static_cast<std::size_t>(std::ranges::count(entry.path, '/'));
  if (!ipld::link_stays_inside(target, depth)) return leads_out(entry.path);
  links_.insert(entry.path);
  pieces_.emplace_back(tar_head({entry.path, TarKind::symlink, 0, target}));
  return {};
}

// Whether a name above it, or its own, was given to a link before: who unpacks would follow that.
bool TarSource::is_behind_link(const std::string& path) const {
  if (links_.empty()) return false;
  for (std::size_t end = path.find('/'); end != std::string::npos; end = path.find('/', end + 1)) {
    if (links_.contains(path.substr(0, end))) return true;
  }
  return links_.contains(path);
}

Result<std::vector<TarSource::Child>> TarSource::sharded_children(const ipld::Cid& cid) const {
  std::vector<Child> children;
  ipld::HamtVisitor visitor;
  visitor.on_entry = [&children](const ipld::DirectoryEntry& entry) -> Status {
    children.push_back({entry.name, entry.cid});
    return {};
  };
  visitor.max_entries = kMaxPending;
  const auto get = [this](const ipld::Cid& shard) -> Result<Bytes> {
    ACCEL_CHECK(check_shown(shard));
    return store_.get(shard);
  };
  ACCEL_CHECK(ipld::walk_hamt(cid, get, visitor));
  return children;
}

Status TarSource::add_folder(const Pending& entry, ByteView block) {
  if (entry.depth > kMaxDepth) {
    return fail(Errc::resource_exhausted, "Folders lie more than {} deep in each other.",
                kMaxDepth);
  }
  ACCEL_TRY(const ipld::PbNode node, ipld::decode_pb(block));
  if (!node.data) return fail(Errc::unsupported, "{} is not UnixFS.", entry.cid);
  ACCEL_TRY(const ipld::UnixFsNode unixfs, ipld::decode_unixfs(*node.data));
  const bool sharded = unixfs.type == ipld::NodeType::hamt_shard;
  if (!sharded && unixfs.type != ipld::NodeType::directory) {
    return fail(Errc::corrupt, "{} is no valid UnixFS.", entry.cid);
  }
  std::vector<Child> children;
  if (sharded) {
    ACCEL_TRY(children, sharded_children(entry.cid));
  } else {
    // Names are not checked here: old content has some with "..", which may be harmless where they
    // are joined.
    for (const ipld::PbLink& link : node.links) children.push_back({link.name, link.cid});
  }
  if (stack_.size() + children.size() > kMaxPending) {
    return fail(Errc::resource_exhausted, "The folder has more than {} entries.", kMaxPending);
  }
  pieces_.emplace_back(tar_head({entry.path, TarKind::folder}));
  for (auto child = children.rbegin(); child != children.rend(); ++child) {
    auto path = join_inside(entry.path, child->name);
    if (!path) return leads_out(child->name);
    stack_.push_back({*std::move(path), child->cid, entry.depth + 1});
  }
  return {};
}

}  // namespace accel::gateway
