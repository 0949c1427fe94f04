// SPDX-License-Identifier: Apache-2.0
#pragma once
// A leaf of a stored DAG by chance: what a peer that says it holds a copy is asked for. Blocks.

#include "accel/blockstore/store.hpp"
#include "accel/core/random.hpp"

namespace accel::node {

// At each node a child is drawn by the bytes below it, as far as the links tell; the root itself
// when it has none. Never an identity CID. Errors: those of reading; unsupported (nodes that are no
// files), not_found (everything below is in identity CIDs).
Result<ipld::Cid> random_leaf(const blockstore::Store& store, const ipld::Cid& root,
                              Random& random);

}  // namespace accel::node
