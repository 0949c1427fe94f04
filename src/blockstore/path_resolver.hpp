// SPDX-License-Identifier: Apache-2.0
#pragma once
// Paths through blocks of every codec. Private to blockstore; Store::resolve_path() is the way in.
// Thread-safe. Spec: ipfs/specs src/http-gateways/path-gateway.md ("Content path"); for UnixFS
// unixfs.md.

#include <string>
#include <vector>

#include "accel/blockstore/reports.hpp"
#include "store_core.hpp"

namespace accel::blockstore {

Result<ResolvedPath> resolve_segments(const StoreCore& core, const ipld::Cid& root,
                                      const std::vector<std::string>& segments);

}  // namespace accel::blockstore
