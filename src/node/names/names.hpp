// SPDX-License-Identifier: Apache-2.0
#pragma once
// Local names of roots. A name is an alias of one CID; a second CID for a taken name is refused,
// showing both. Used by content, pin, model and run methods. Plain functions over the store.

#include <string>
#include <string_view>

#include "accel/blockstore/store.hpp"

namespace accel::node {

constexpr std::string_view kNameSpace = "names";
constexpr std::size_t kMaxNameBytes = 128;

// Letters, digits, '.', '_', '-' and ':'; not empty, no CID. Errors: invalid_argument.
Status check_name(std::string_view name);
// Errors: already_exists when the name stands for another CID; as the store.
Status give_name(blockstore::Store& store, const std::string& name, const ipld::Cid& cid);

// "/ipfs/CID" and "ipfs://CID" as "CID"; other text as it is.
std::string_view without_ipfs_prefix(std::string_view text);

struct Target {
  ipld::Cid root;
  ipld::Cid cid;     // What root/path leads to; root itself without a path.
  std::string name;  // When it was given by name.
};
// "CID", "NAME", each with "/path/below". Errors: not_found (no such name, nothing at the path),
// invalid_argument.
Result<Target> resolve_target(const blockstore::Store& store, std::string_view text);

// The name of a root, or nothing.
Result<std::string> name_of(const blockstore::Store& store, const ipld::Cid& root);

}  // namespace accel::node
