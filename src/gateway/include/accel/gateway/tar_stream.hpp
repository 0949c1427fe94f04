// SPDX-License-Identifier: Apache-2.0
#pragma once
// A stored file or folder as a TAR archive for the owner of the store, who sees private content
// too. The gateway sends the same archive of what is public. Used by node. Blocks. Spec: POSIX.1
// pax.

#include <functional>
#include <string>

#include "accel/blockstore/store.hpp"
#include "accel/core/bytes.hpp"
#include "accel/ipld/cid.hpp"

namespace accel::gateway {

// The archive's one root is called `name`. The pieces come in order; an error of `sink` ends it.
// Errors: not_found, corrupt, permission_denied (a name or link leads out of the folder),
// unsupported (no UnixFS), resource_exhausted (too many entries, too deep), the sink's.
Status write_tar(const blockstore::Store& store, const ipld::Cid& root, std::string name,
                 const std::function<Status(ByteView)>& sink);

}  // namespace accel::gateway
