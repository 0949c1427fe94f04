// SPDX-License-Identifier: Apache-2.0
// From a file's node blocks to its leaves, and back to the question whether given leaves are them.
#include <algorithm>

#include "accel/ipld/node_view.hpp"
#include "block_reader.hpp"
#include "partial_impl.hpp"

namespace accel::blockstore {
namespace {

tl::unexpected<Error> mixed(const ipld::Cid& cid) {
  return fail(Errc::unsupported,
              "Node {} holds file bytes beside links; files of that shape are read, but not stored "
              "as one.",
              cid);
}

struct FileNode {
  Bytes block;  // What the view borrows from.
  ipld::NodeView view;
};

Result<std::unique_ptr<FileNode>> load(const StoreCore& core, const ipld::Cid& cid) {
  auto node = std::make_unique<FileNode>();
  ACCEL_TRY(node->block, read_block(core, cid));
  ACCEL_TRY(node->view, ipld::decode_node(cid, node->block));
  if (!node->view.is_file()) {
    return fail(Errc::invalid_argument, "{} is a {}, not a file.", cid,
                ipld::node_kind_name(node->view.kind));
  }
  return node;
}

// Compares the leaves with the DAG from left to right.
class SlotCheck {
 public:
  SlotCheck(const StoreCore& core, const PartialRequest& request)
      : core_(core), request_(request) {}

  Status run() {
    ACCEL_CHECK(visit({request_.root, 0, request_.file_bytes, 0}, 0));
    if (next_ != request_.slots.size()) return differs();
    return {};
  }

 private:
  tl::unexpected<Error> differs() const {
    return fail(Errc::corrupt, "The leaves given for {} are not those that its nodes name.",
                request_.root);
  }

  // child.offset counts from the start of the file here.
  Status visit(const ipld::FileChild& child, std::size_t depth) {
    const auto& slots = request_.slots;
    const bool is_slot = next_ < slots.size() && slots[next_].cid == child.cid &&
                         slots[next_].length == child.length && slots[next_].offset == child.offset;
    if (is_slot) {
      ++next_;
      return {};
    }
    const bool inner = child.cid.codec() == ipld::Codec::dag_pb;
    if (!inner || depth >= ipld::kMaxDagDepth) return differs();
    ACCEL_TRY(const auto node, load(core_, child.cid));
    ACCEL_CHECK(ipld::check_child(child, node->view));
    if (node->view.children.empty()) return differs();
    if (!node->view.inline_data.empty()) return mixed(child.cid);
    for (ipld::FileChild below : node->view.children) {
      below.offset += child.offset;
      ACCEL_CHECK(visit(below, depth + 1));
    }
    return {};
  }

  const StoreCore& core_;
  const PartialRequest& request_;
  std::size_t next_ = 0;
};

Status collect(const StoreCore& core, const ipld::FileChild& child, std::size_t depth,
               PartialRequest& request) {
  const auto add_leaf = [&] {
    request.slots.push_back({child.cid, child.offset, static_cast<std::uint32_t>(child.length)});
  };
  if (child.cid.codec() == ipld::Codec::raw) {
    add_leaf();
    return {};
  }
  if (depth >= ipld::kMaxDagDepth) {
    return fail(Errc::corrupt, "The file {} has more than {} levels.", request.root,
                ipld::kMaxDagDepth);
  }
  ACCEL_TRY(const auto node, load(core, child.cid));
  ACCEL_CHECK(ipld::check_child(child, node->view));
  if (node->view.children.empty()) {
    add_leaf();
    return {};
  }
  if (!node->view.inline_data.empty()) return mixed(child.cid);
  for (ipld::FileChild below : node->view.children) {
    below.offset += child.offset;
    ACCEL_CHECK(collect(core, below, depth + 1, request));
  }
  return {};
}

}  // namespace

Status check_slots(const StoreCore& core, const PartialRequest& request) {
  return SlotCheck(core, request).run();
}

Result<PartialRequest> plan_file(const StoreCore& core, const ipld::Cid& root) {
  PartialRequest request;
  request.root = root;
  ACCEL_TRY(const auto node, load(core, root));
  request.file_bytes = node->view.file_bytes;
  ACCEL_CHECK(collect(core, {root, 0, request.file_bytes, 0}, 0, request));
  return request;
}

}  // namespace accel::blockstore
