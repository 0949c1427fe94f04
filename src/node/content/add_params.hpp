// SPDX-License-Identifier: Apache-2.0
#pragma once
// The parameters of content.add that say how content becomes blocks: those of `ipfs add`, by its
// names and with its rules for what follows from what. Private to node.

#include "accel/blockstore/options.hpp"
#include "params.hpp"

namespace accel::node {

// Reads them all; the caller reads its own and calls finish(), whose error comes first.
// Errors: invalid_argument, unsupported (layouts and chunkers that are read, but not made).
Result<blockstore::AddOptions> read_add_options(Params& params);

}  // namespace accel::node
