// SPDX-License-Identifier: Apache-2.0
#pragma once
// Storing single blocks in packs. Private to blockstore. Thread-safe.

#include <utility>
#include <vector>

#include "accel/blockstore/options.hpp"
#include "store_core.hpp"

namespace accel::blockstore {

// Verifies and stores, durable on return, all or nothing; a block whose bytes here are damaged is
// written again. Errors: corrupt, unsupported (hash function), resource_exhausted, io.
Status put_blocks(StoreCore& core, const std::vector<std::pair<ipld::Cid, ByteView>>& blocks,
                  const PutOptions& options);

}  // namespace accel::blockstore
