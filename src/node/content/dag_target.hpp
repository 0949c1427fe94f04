// SPDX-License-Identifier: Apache-2.0
#pragma once
// Where "CID/path" and "NAME/path" lead through the blocks of every codec. Used by the dag methods.

#include <string>
#include <string_view>
#include <vector>

#include "accel/blockstore/store.hpp"
#include "accel/ipld/value.hpp"

namespace accel::node {

struct DagTarget {
  ipld::Cid root;
  ipld::Cid cid;                       // Of the block that holds the end.
  std::vector<std::string> remainder;  // The path inside that block.
};

// Errors: not_found, invalid_argument, corrupt, unsupported (a codec that is not known).
Result<DagTarget> resolve_dag_target(const blockstore::Store& store, std::string_view text);

// The value at the end of the target.
Result<ipld::Value> value_at(const blockstore::Store& store, const DagTarget& target);

// "raw", "dag-pb", "dag-cbor", "dag-json", "libp2p-key". Errors: invalid_argument.
Result<ipld::Codec> codec_by_name(std::string_view name);

}  // namespace accel::node
