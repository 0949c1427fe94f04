// SPDX-License-Identifier: Apache-2.0
#pragma once
// Copies of files that share their blocks on disk, where the file system has them (btrfs, XFS,
// bcachefs, overlays of these). Private to blockstore. Thread-safe: plain functions.

#include <cstdint>
#include <stop_token>

#include "accel/core/bytes.hpp"
#include "accel/core/result.hpp"

namespace accel::blockstore {

// Makes the empty file `target` a clone of `source`; false where that cannot be done.
bool clone_file(int source, int target);

// Copies `bytes` from the start of one file to the other, inside the kernel where it can.
// Errors: resource_exhausted, corrupt (the source ends early), cancelled, io.
Status copy_bytes(int source, int target, std::uint64_t bytes, const std::stop_token& stop);

// Writes all of it to a file, pipe or socket, from its current position on.
Status write_all(int target, ByteView bytes);
}  // namespace accel::blockstore
