// SPDX-License-Identifier: Apache-2.0
#pragma once
// Where a file is cut into leaves. Used by blockstore's importer. Pure: a cut depends on the bytes
// since the one before alone. Equal to Kubo's chunkers (boxo, chunker/; Rabin's polynomial is the
// one of degree 53 that it fixes).

#include <cstddef>

#include "accel/core/bytes.hpp"
#include "accel/ipld/profile.hpp"

namespace accel::ipld {

// The bytes of the next leaf. `ahead` begins where the last leaf ended and holds
// profile.chunk_size bytes, or all that are left of the file; 0 only when it is empty.
std::size_t next_leaf_bytes(const ImportProfile& profile, ByteView ahead);

}  // namespace accel::ipld
